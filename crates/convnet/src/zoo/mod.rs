//! The networks, one file a family.
//!
//! A bare name is the tutorial's network where the tutorial defines the family, torchvision's for ResNet;
//! `@torchvision` has torchvision's layers and parameter names, `@timm` and `@cadene` those of these collections, `@paper` the
//! paper's layers where they differ, `@small` the family's idea at the size of small images.
//!
//! ```
//! use convnet::zoo;
//!
//! let net = zoo::lenet().build().unwrap();
//! assert_eq!(net.parameters()[0].name, "conv.0.weight");
//! let same = zoo::find("lenet").unwrap().model().build().unwrap();
//! assert_eq!(net, same);
//! ```

mod alexnet;
mod convnext;
mod densenet;
mod efficientnet;
mod googlenet;
mod inception;
mod lenet;
mod mobile;
mod mobilenet;
mod nin;
mod registry;
mod regnet;
mod resnet;
mod resnet_cifar;
mod shufflenet;
mod small;
mod squeezenet;
mod vgg;

#[cfg(test)]
mod tests;

use crate::graph::{Graph, Init, NodeId};
pub use registry::{Entry, Network, Paper, UnknownModel, Variant};

/// Every network, grouped by family.
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

/// The network of that name: `vgg16`, `vgg16@torchvision`, `vgg16@paper`.
///
/// A variant of the bare network may be named too (`resnet18@torchvision` is `resnet18`), and a bare name
/// that has one variant only may leave it out (`densenet121` is `densenet121@torchvision`).
///
/// # Errors
/// The names nearest to one that is unknown.
pub fn find(name: &str) -> Result<&'static Entry, UnknownModel> {
    registry::look_up(ENTRIES, name)
}

/// The name of today for a parameter that older or other published weights call otherwise; `None` where it is the same.
pub fn current_name(parameter: &str) -> Option<String> {
    densenet::current_name(parameter).or_else(|| vgg::current_name(parameter))
}

/// The layers of a shallower network that start those of a deeper one of its family, as its paper tells: pairs of the deeper
/// network's layer and the shallower one's, each with the same role. `None` where no paper tells of such a pair.
pub fn grown(shallow: &Graph, deep: &Graph) -> Option<Vec<(NodeId, NodeId)>> {
    vgg::grown(shallow, deep)
}

/// The initialization that the paper of a network of the zoo tells, or that of its family; `None` for other networks.
pub fn paper_init(name: &str) -> Option<Init> {
    let entry = find(name).ok()?;
    let papers = || ENTRIES.iter().filter(|other| other.variant == Variant::Paper);
    let same = papers().find(|other| other.base() == entry.base());
    let paper = same.or_else(|| papers().find(|other| other.family == entry.family))?;
    paper.model().build().ok().map(|graph| graph.init().clone())
}

/// Whether a parameter of published weights belongs to an auxiliary classifier, which networks may do without.
pub fn is_auxiliary(parameter: &str) -> bool {
    googlenet::is_auxiliary(parameter) || inception::is_auxiliary(parameter)
}

macro_rules! networks {
    ($($function:ident: $family:ident::$entry:ident, $doc:literal;)*) => {
        static ENTRIES: &[Entry] = &[$($family::$entry),*];

        $(
            #[doc = $doc]
            pub fn $function() -> Network {
                (const { &$family::$entry }).model()
            }
        )*
    };
}

networks! {
    lenet: lenet::LENET, "The tutorial's LeNet.";
    lenet1_paper: lenet::LENET1, "LeNet-1 of LeCun et al. 1990.";
    lenet4_paper: lenet::LENET4, "LeNet-4 of LeCun et al. 1995.";
    lenet5_paper: lenet::LENET5, "LeNet-5 of LeCun et al. 1998.";
    alexnet: alexnet::ALEXNET, "The tutorial's AlexNet, with batch normalization.";
    alexnet_plain: alexnet::ALEXNET_PLAIN, "The tutorial's first example: AlexNet without normalization.";
    alexnet_torchvision: alexnet::TORCHVISION, "torchvision's AlexNet.";
    alexnet_paper: alexnet::PAPER, "AlexNet of Krizhevsky et al. 2012.";
    alexnet_small: small::ALEXNET, "AlexNet for images of 28 to 64 pixels.";
    vgg11: vgg::VGG11, "The tutorial's VGG-11.";
    vgg13: vgg::VGG13, "VGG-13 in the tutorial's style.";
    vgg16: vgg::VGG16, "VGG-16 in the tutorial's style.";
    vgg19: vgg::VGG19, "VGG-19 in the tutorial's style.";
    vgg11_torchvision: vgg::VGG11_TV, "torchvision's VGG-11.";
    vgg13_torchvision: vgg::VGG13_TV, "torchvision's VGG-13.";
    vgg16_torchvision: vgg::VGG16_TV, "torchvision's VGG-16.";
    vgg19_torchvision: vgg::VGG19_TV, "torchvision's VGG-19.";
    vgg11_bn: vgg::VGG11_BN, "torchvision's VGG-11 with batch normalization.";
    vgg13_bn: vgg::VGG13_BN, "torchvision's VGG-13 with batch normalization.";
    vgg16_bn: vgg::VGG16_BN, "torchvision's VGG-16 with batch normalization.";
    vgg19_bn: vgg::VGG19_BN, "torchvision's VGG-19 with batch normalization.";
    vgg11_paper: vgg::VGG_A, "Configuration A of Simonyan and Zisserman 2015.";
    vgg11_lrn_paper: vgg::VGG_A_LRN, "Configuration A-LRN of Simonyan and Zisserman 2015.";
    vgg13_paper: vgg::VGG_B, "Configuration B of Simonyan and Zisserman 2015.";
    vgg16c_paper: vgg::VGG_C, "Configuration C of Simonyan and Zisserman 2015.";
    vgg16_paper: vgg::VGG_D, "Configuration D of Simonyan and Zisserman 2015.";
    vgg19_paper: vgg::VGG_E, "Configuration E of Simonyan and Zisserman 2015.";
    vgg_small: small::VGG, "VGG for images of 28 to 64 pixels.";
    nin: nin::NIN, "The tutorial's Network in Network.";
    nin_paper: nin::PAPER, "Network in Network of Lin et al. 2014, for CIFAR-10.";
    nin_small: small::NIN, "Network in Network for images of 28 to 64 pixels.";
    googlenet: googlenet::GOOGLENET, "The tutorial's GoogLeNet.";
    googlenet_torchvision: googlenet::TORCHVISION, "torchvision's GoogLeNet, with auxiliary classifiers.";
    googlenet_paper: googlenet::PAPER, "GoogLeNet of Szegedy et al. 2015, with auxiliary classifiers.";
    googlenet_small: small::GOOGLENET, "GoogLeNet for images of 28 to 64 pixels.";
    inception_v3: inception::INCEPTION_V3, "torchvision's Inception v3, with an auxiliary classifier.";
    bninception: inception::BNINCEPTION, "BN-Inception of Ioffe and Szegedy 2015, with Cadene's names.";
    inception_v4: inception::INCEPTION_V4, "timm's Inception v4.";
    inception_resnet_v2: inception::INCEPTION_RESNET_V2, "timm's Inception-ResNet v2.";
    resnet18: resnet::RESNET18, "torchvision's ResNet-18.";
    resnet34: resnet::RESNET34, "torchvision's ResNet-34.";
    resnet50: resnet::RESNET50, "torchvision's ResNet-50.";
    resnet101: resnet::RESNET101, "torchvision's ResNet-101.";
    resnet152: resnet::RESNET152, "torchvision's ResNet-152.";
    resnet50_paper: resnet::RESNET50_PAPER, "ResNet-50 of He et al. 2016.";
    resnet101_paper: resnet::RESNET101_PAPER, "ResNet-101 of He et al. 2016.";
    resnet152_paper: resnet::RESNET152_PAPER, "ResNet-152 of He et al. 2016.";
    resnet20_paper: resnet_cifar::RESNET20, "ResNet-20 of He et al. 2016, for CIFAR.";
    resnet32_paper: resnet_cifar::RESNET32, "ResNet-32 of He et al. 2016, for CIFAR.";
    resnet44_paper: resnet_cifar::RESNET44, "ResNet-44 of He et al. 2016, for CIFAR.";
    resnet56_paper: resnet_cifar::RESNET56, "ResNet-56 of He et al. 2016, for CIFAR.";
    resnet110_paper: resnet_cifar::RESNET110, "ResNet-110 of He et al. 2016, for CIFAR.";
    resnet_small: small::RESNET, "ResNet for images of 28 to 64 pixels.";
    preresnet110_paper: resnet_cifar::PREACT110, "ResNet-110 of He et al. 2016b, with pre-activation, for CIFAR.";
    preresnet164_paper: resnet_cifar::PREACT164, "ResNet-164 of He et al. 2016b, with pre-activation, for CIFAR.";
    resnext50_32x4d: resnet::RESNEXT50_32X4D, "torchvision's ResNeXt-50 32×4d.";
    resnext101_32x8d: resnet::RESNEXT101_32X8D, "torchvision's ResNeXt-101 32×8d.";
    resnext101_64x4d: resnet::RESNEXT101_64X4D, "torchvision's ResNeXt-101 64×4d.";
    wide_resnet50_2: resnet::WIDE_RESNET50_2, "torchvision's Wide ResNet-50-2.";
    wide_resnet101_2: resnet::WIDE_RESNET101_2, "torchvision's Wide ResNet-101-2.";
    seresnet50: resnet::SERESNET50, "timm's SE-ResNet-50.";
    densenet: densenet::DENSENET, "The tutorial's DenseNet.";
    densenet121: densenet::DENSENET121, "torchvision's DenseNet-121.";
    densenet161: densenet::DENSENET161, "torchvision's DenseNet-161.";
    densenet169: densenet::DENSENET169, "torchvision's DenseNet-169.";
    densenet201: densenet::DENSENET201, "torchvision's DenseNet-201.";
    densenet_40_paper: densenet::DENSENET_40, "DenseNet (L = 40, k = 12) of Huang et al. 2017, for CIFAR.";
    densenet_bc_100_paper: densenet::DENSENET_BC_100, "DenseNet-BC (L = 100, k = 12) of Huang et al. 2017.";
    densenet_bc_250_paper: densenet::DENSENET_BC_250, "DenseNet-BC (L = 250, k = 24) of Huang et al. 2017.";
    densenet_bc_190_paper: densenet::DENSENET_BC_190, "DenseNet-BC (L = 190, k = 40) of Huang et al. 2017.";
    densenet_small: small::DENSENET, "DenseNet for images of 28 to 64 pixels.";
    squeezenet1_0: squeezenet::SQUEEZENET1_0, "torchvision's SqueezeNet 1.0.";
    squeezenet1_1: squeezenet::SQUEEZENET1_1, "torchvision's SqueezeNet 1.1.";
    mobilenet_v1: mobilenet::MOBILENET_V1, "timm's MobileNet v1.";
    mobilenet_v2: mobilenet::MOBILENET_V2, "torchvision's MobileNetV2.";
    mobilenet_v3_large: mobilenet::MOBILENET_V3_LARGE, "torchvision's MobileNetV3-Large.";
    mobilenet_v3_small: mobilenet::MOBILENET_V3_SMALL, "torchvision's MobileNetV3-Small.";
    mnasnet1_0: mobilenet::MNASNET1_0, "torchvision's MNASNet 1.0.";
    mnasnet0_5: mobilenet::MNASNET0_5, "torchvision's MNASNet 0.5.";
    shufflenet_v2_x0_5: shufflenet::X0_5, "torchvision's ShuffleNet v2 0.5×.";
    shufflenet_v2_x1_0: shufflenet::X1_0, "torchvision's ShuffleNet v2 1.0×.";
    shufflenet_v2_x1_5: shufflenet::X1_5, "torchvision's ShuffleNet v2 1.5×.";
    shufflenet_v2_x2_0: shufflenet::X2_0, "torchvision's ShuffleNet v2 2.0×.";
    efficientnet_b0: efficientnet::B0, "torchvision's EfficientNet-B0.";
    efficientnet_b1: efficientnet::B1, "torchvision's EfficientNet-B1.";
    efficientnet_b2: efficientnet::B2, "torchvision's EfficientNet-B2.";
    efficientnet_b3: efficientnet::B3, "torchvision's EfficientNet-B3.";
    regnet_x_400mf: regnet::X_400MF, "torchvision's RegNetX-400MF.";
    regnet_x_800mf: regnet::X_800MF, "torchvision's RegNetX-800MF.";
    regnet_x_1_6gf: regnet::X_1_6GF, "torchvision's RegNetX-1.6GF.";
    regnet_x_3_2gf: regnet::X_3_2GF, "torchvision's RegNetX-3.2GF.";
    regnet_x_8gf: regnet::X_8GF, "torchvision's RegNetX-8GF.";
    regnet_x_16gf: regnet::X_16GF, "torchvision's RegNetX-16GF.";
    regnet_x_32gf: regnet::X_32GF, "torchvision's RegNetX-32GF.";
    regnet_y_400mf: regnet::Y_400MF, "torchvision's RegNetY-400MF.";
    regnet_y_800mf: regnet::Y_800MF, "torchvision's RegNetY-800MF.";
    regnet_y_1_6gf: regnet::Y_1_6GF, "torchvision's RegNetY-1.6GF.";
    regnet_y_3_2gf: regnet::Y_3_2GF, "torchvision's RegNetY-3.2GF.";
    regnet_y_8gf: regnet::Y_8GF, "torchvision's RegNetY-8GF.";
    regnet_y_16gf: regnet::Y_16GF, "torchvision's RegNetY-16GF.";
    regnet_y_32gf: regnet::Y_32GF, "torchvision's RegNetY-32GF.";
    convnext_tiny: convnext::TINY, "torchvision's ConvNeXt-Tiny.";
    convnext_small: convnext::SMALL, "torchvision's ConvNeXt-Small.";
    convnext_base: convnext::BASE, "torchvision's ConvNeXt-Base.";
    convnext_large: convnext::LARGE, "torchvision's ConvNeXt-Large.";
}
