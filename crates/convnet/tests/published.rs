//! Costs and receptive fields of the zoo's networks against published figures.

use convnet::inspect::receptive_fields;
use convnet::zoo;

/// Name, parameters and billions of multiply-accumulates that torchvision 0.29 documents for its weights
/// (`get_model_weights(name)["IMAGENET1K_V1"].meta`, keys `num_params` and `_ops`).
const TORCHVISION: [(&str, u64, f64); 19] = [
    ("alexnet", 61_100_840, 0.714),
    ("vgg11", 132_863_336, 7.609),
    ("vgg13", 133_047_848, 11.308),
    ("vgg16", 138_357_544, 15.47),
    ("vgg19", 143_667_240, 19.632),
    ("vgg11_bn", 132_868_840, 7.609),
    ("vgg13_bn", 133_053_736, 11.308),
    ("vgg16_bn", 138_365_992, 15.47),
    ("vgg19_bn", 143_678_248, 19.632),
    ("googlenet", 6_624_904, 1.498),
    ("resnet18", 11_689_512, 1.814),
    ("resnet34", 21_797_672, 3.664),
    ("resnet50", 25_557_032, 4.089),
    ("resnet101", 44_549_160, 7.801),
    ("resnet152", 60_192_808, 11.514),
    ("densenet121", 7_978_856, 2.834),
    ("densenet161", 28_681_000, 7.728),
    ("densenet169", 14_149_480, 3.36),
    ("densenet201", 20_013_928, 4.291),
];

#[test]
fn parameters_and_macs_are_those_that_torchvision_documents() {
    for (name, params, billions) in TORCHVISION {
        let graph = zoo::find(&format!("{name}@torchvision")).unwrap().model().build().unwrap();
        let summary = graph.summary();
        // GoogLeNet's documented count leaves its auxiliary classifiers out.
        assert_eq!(summary.inference_params, params, "{name}");
        let found = summary.macs as f64 / 1e9;
        // Documented to three digits after the point.
        assert!((found - billions).abs() <= 0.0005 + 1e-9, "{name}: {found} and {billions}");
    }
}

#[test]
fn receptive_fields_of_the_last_feature_maps() {
    // 195 and 212 are the figures of Araujo, Norris and Sim (2019, table 1) for alexnet_v2 and vgg_16 up to
    // pool5, whose kernels and strides are torchvision's too. For ResNet-50 they give 483 with TF-Slim's
    // strides at the end of each stage; torchvision strides in each stage's first 3×3 convolution, so that
    // the other ones of that stage step further: 11 + 3·8 + (8 + 3·16) + (16 + 5·32) + (32 + 2·64) = 427,
    // with 2·stride for each 3×3 convolution.
    for (name, path, size) in [
        ("alexnet@torchvision", "features.12", 195),
        ("vgg16@torchvision", "features.30", 212),
        ("resnet50@torchvision", "layer4.2.conv3", 427),
    ] {
        let graph = zoo::find(name).unwrap().model().build().unwrap();
        let fields = receptive_fields(&graph);
        let id = graph.ids().find(|&id| graph.node(id).path == path).unwrap();
        let field = fields[id.index()];
        assert_eq!((field.height.size, field.width.size), (size, size), "{name}");
        assert_eq!(field.height.stride, 32.0, "{name}");
    }
}
