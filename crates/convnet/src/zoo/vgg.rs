//! VGG: the tutorial's, torchvision's with and without batch normalization, and the paper's A to E.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Graph, Init, NodeId, Value};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, Linear, LocalResponseNorm, MaxPool2d, Op};

const SIMONYAN_2015: Paper = Paper {
    authors: "K. Simonyan, A. Zisserman",
    title: "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    venue: "International Conference on Learning Representations (ICLR 2015)",
    year: 2015,
    arxiv: Some("1409.1556"),
};

/// 3 × 3 convolutions in each of the five blocks, whose widths are 64, 128, 256, 512 and 512.
type Depths = [usize; 5];
const A: Depths = [1, 1, 2, 2, 2];
const B: Depths = [2, 2, 2, 2, 2];
const D: Depths = [2, 2, 3, 3, 3];
const E: Depths = [2, 2, 4, 4, 4];
const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];

const TUTORIAL: Entry = Entry {
    name: "vgg11",
    aliases: &[],
    family: "VGG",
    variant: Variant::Tutorial,
    title: "VGG-11",
    paper: SIMONYAN_2015,
    year: 2014,
    taught: "Depth pays, and one kind of layer is enough: stacks of 3 × 3 convolutions see as far as a 5 × 5 or 7 × 7 \
             with fewer parameters and more non-linearities, and halving the map while doubling its channels makes \
             blocks that can be repeated. Second place in ILSVRC 2014 classification, first in localization. The \
             price is three linear layers that hold most of some 140 million parameters.",
    note: "",
    input: [1, 224, 224],
    classes: 10,
    write: |net, classes| tutorial(net, classes, &A),
};

const TORCHVISION: Entry = Entry {
    variant: Variant::Torchvision,
    note: "An adaptive pooling to 7 × 7 before the classifier.",
    input: [3, 224, 224],
    classes: 1000,
    ..TUTORIAL
};

const TORCHVISION_BN: Entry = Entry {
    note: "Batch normalization after each convolution; an adaptive pooling to 7 × 7.",
    ..TORCHVISION
};

const PAPER: Entry = Entry { variant: Variant::Paper, note: "", ..TORCHVISION };

macro_rules! entry {
    ($id:ident, $from:ident, $name:literal, $title:literal, $write:expr $(, $field:ident: $value:expr)*) => {
        #[doc = $title]
        pub(super) const $id: Entry =
            Entry { name: $name, title: $title, write: $write, $($field: $value,)* ..$from };
    };
}

entry!(VGG11, TUTORIAL, "vgg11", "VGG-11", |net, k| tutorial(net, k, &A));
entry!(VGG13, TUTORIAL, "vgg13", "VGG-13", |net, k| tutorial(net, k, &B));
entry!(VGG16, TUTORIAL, "vgg16", "VGG-16", |net, k| tutorial(net, k, &D));
entry!(VGG19, TUTORIAL, "vgg19", "VGG-19", |net, k| tutorial(net, k, &E));

entry!(VGG11_TV, TORCHVISION, "vgg11@torchvision", "VGG-11", |net, k| torchvision(net, k, &A, false));
entry!(VGG13_TV, TORCHVISION, "vgg13@torchvision", "VGG-13", |net, k| torchvision(net, k, &B, false));
entry!(VGG16_TV, TORCHVISION, "vgg16@torchvision", "VGG-16", |net, k| torchvision(net, k, &D, false));
entry!(VGG19_TV, TORCHVISION, "vgg19@torchvision", "VGG-19", |net, k| torchvision(net, k, &E, false));

entry!(VGG11_BN, TORCHVISION_BN, "vgg11_bn@torchvision", "VGG-11 with batch normalization", |net, k| {
    torchvision(net, k, &A, true)
});
entry!(VGG13_BN, TORCHVISION_BN, "vgg13_bn@torchvision", "VGG-13 with batch normalization", |net, k| {
    torchvision(net, k, &B, true)
});
entry!(VGG16_BN, TORCHVISION_BN, "vgg16_bn@torchvision", "VGG-16 with batch normalization", |net, k| {
    torchvision(net, k, &D, true)
});
entry!(VGG19_BN, TORCHVISION_BN, "vgg19_bn@torchvision", "VGG-19 with batch normalization", |net, k| {
    torchvision(net, k, &E, true)
});

entry!(VGG_A, PAPER, "vgg11@paper", "VGG configuration A", |net, k| paper(net, k, &A, Extra::None),
    aliases: &["vgg-a"]);
entry!(VGG_A_LRN, PAPER, "vgg11-lrn@paper", "VGG configuration A-LRN", |net, k| {
    paper(net, k, &A, Extra::Lrn)
}, aliases: &["vgg-a-lrn"], note: "Local response normalization after the first convolution; the paper found that it \
    does not help.");
entry!(VGG_B, PAPER, "vgg13@paper", "VGG configuration B", |net, k| paper(net, k, &B, Extra::None),
    aliases: &["vgg-b"]);
entry!(VGG_C, PAPER, "vgg16c@paper", "VGG configuration C", |net, k| paper(net, k, &B, Extra::Pointwise),
    aliases: &["vgg-c"], note: "The third convolution of the last three blocks is 1 × 1.");
entry!(VGG_D, PAPER, "vgg16@paper", "VGG configuration D", |net, k| paper(net, k, &D, Extra::None),
    aliases: &["vgg-d"]);
entry!(VGG_E, PAPER, "vgg19@paper", "VGG configuration E", |net, k| paper(net, k, &E, Extra::None),
    aliases: &["vgg-e"]);

/// timm writes the first two linear layers of torchvision's classifier as convolutions, and the last as its head.
pub(super) fn current_name(name: &str) -> Option<String> {
    const LAYERS: [(&str, &str); 3] = [
        ("pre_logits.fc1.", "classifier.0."),
        ("pre_logits.fc2.", "classifier.3."),
        ("head.fc.", "classifier.6."),
    ];
    LAYERS.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", name.strip_prefix(theirs)?)))
}

/// The layers of a configuration by their roles: the convolutions of each block, each with its normalization, and the linear
/// layers behind them.
struct Roles {
    blocks: Vec<Vec<(NodeId, Option<NodeId>)>>,
    linear: Vec<NodeId>,
}

impl Roles {
    /// `None` for a network that is no chain of five blocks, each ended by a pooling, and three linear layers.
    fn of(graph: &Graph) -> Option<Self> {
        let mut roles = Self { blocks: vec![Vec::new()], linear: Vec::new() };
        for id in graph.ids().skip(1) {
            let node = graph.node(id);
            if node.inputs.len() != 1 || node.inputs[0].index() + 1 != id.index() {
                return None;
            }
            let block = roles.blocks.last_mut()?;
            match &node.op {
                Op::Conv2d(_) if roles.linear.is_empty() => block.push((id, None)),
                Op::BatchNorm2d(_) => block.last_mut()?.1 = Some(id),
                Op::MaxPool2d(_) => roles.blocks.push(Vec::new()),
                Op::Linear(_) => roles.linear.push(id),
                Op::Relu
                | Op::LocalResponseNorm(_)
                | Op::AdaptiveAvgPool2d(_)
                | Op::Flatten
                | Op::Dropout(_)
                | Op::Softmax => {}
                _ => return None,
            }
        }
        let rest = roles.blocks.pop()?;
        let whole = roles.blocks.len() == WIDTHS.len() && roles.blocks.iter().all(|block| !block.is_empty());
        (rest.is_empty() && whole && roles.linear.len() == 3).then_some(roles)
    }
}

/// The layers of a shallower configuration that start those of a deeper one, by their roles: convolution number i of each
/// block with its normalization, and the three linear layers. Pairs of the deeper network's layer and the shallower one's.
///
/// Simonyan and Zisserman (2015, section 3.1) start deeper configurations with the first four convolutions and the linear
/// layers of A; the tutorial goes on from each depth to the next with all that is there. Both are the layers of these
/// roles, since a block's width is its own in every configuration.
pub(super) fn grown(shallow: &Graph, deep: &Graph) -> Option<Vec<(NodeId, NodeId)>> {
    let (from, to) = (Roles::of(shallow)?, Roles::of(deep)?);
    let depth = |roles: &Roles| roles.blocks.iter().map(Vec::len).sum::<usize>();
    if depth(&from) >= depth(&to)
        || from.blocks.iter().zip(&to.blocks).any(|(from, to)| from.len() > to.len())
    {
        return None;
    }
    let mut pairs = Vec::new();
    for ((from, from_norm), (to, to_norm)) in
        from.blocks.iter().zip(&to.blocks).flat_map(|(from, to)| from.iter().zip(to))
    {
        pairs.push((*to, *from));
        match (from_norm, to_norm) {
            (Some(from), Some(to)) => pairs.push((*to, *from)),
            (None, None) => {}
            _ => return None,
        }
    }
    pairs.extend(to.linear.iter().copied().zip(from.linear));
    Some(pairs)
}

fn conv3x3(maps: usize) -> Conv2d {
    Conv2d::new(maps, 3).padding(1)
}

fn tutorial<'b>(net: &'b Builder, classes: usize, depths: &Depths) -> Value<'b> {
    net.init(Init::KaimingFanIn);
    let mut x = net.input();
    for (&depth, &width) in depths.iter().zip(&WIDTHS) {
        x = x.numbered("Sequential", |x| {
            (0..depth).fold(x, |x, _| x.conv2d(conv3x3(width)).relu()).max_pool2d(MaxPool2d::new(2))
        });
    }
    classifier(x.flatten(), classes).softmax()
}

fn classifier(x: Value<'_>, classes: usize) -> Value<'_> {
    let x = x.linear(Linear::new(4096)).relu().dropout(0.5);
    x.linear(Linear::new(4096)).relu().dropout(0.5).linear(Linear::new(classes))
}

fn torchvision<'b>(net: &'b Builder, classes: usize, depths: &Depths, norm: bool) -> Value<'b> {
    net.init(Init::KaimingFanOutLinearNormal);
    let x = net.input().sequential("features", |mut x| {
        for (&depth, &width) in depths.iter().zip(&WIDTHS) {
            for _ in 0..depth {
                x = x.conv2d(conv3x3(width));
                x = if norm { x.batch_norm2d() } else { x }.relu();
            }
            x = x.max_pool2d(MaxPool2d::new(2));
        }
        x
    });
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 7, width: 7 }).layer("flatten", Op::Flatten);
    x.sequential("classifier", |x| classifier(x, classes))
}

/// What a configuration of the paper has besides its 3 × 3 convolutions.
#[derive(Clone, Copy, PartialEq)]
enum Extra {
    None,
    /// Local response normalization after the first convolution.
    Lrn,
    /// A 1 × 1 convolution at the end of each of the last three blocks.
    Pointwise,
}

fn paper<'b>(net: &'b Builder, classes: usize, depths: &Depths, extra: Extra) -> Value<'b> {
    // Section 3.1: Glorot's rule makes the pre-training of shallow configurations unnecessary.
    net.init(Init::Xavier);
    let x = net.input().sequential("features", |mut x| {
        for (block, (&depth, &width)) in depths.iter().zip(&WIDTHS).enumerate() {
            for _ in 0..depth {
                x = x.conv2d(conv3x3(width)).relu();
                if extra == Extra::Lrn && block == 0 {
                    // Section 2.1: the parameters of Krizhevsky et al. 2012, whose α is not divided by n.
                    x = x.local_response_norm(LocalResponseNorm { size: 5, alpha: 5e-4, beta: 0.75, k: 2.0 });
                }
            }
            if extra == Extra::Pointwise && block >= 2 {
                x = x.conv2d(Conv2d::new(width, 1)).relu();
            }
            x = x.max_pool2d(MaxPool2d::new(2));
        }
        x
    });
    x.layer("flatten", Op::Flatten).sequential("classifier", |x| classifier(x, classes))
}

#[cfg(test)]
mod tests {
    use super::{current_name, grown};
    use crate::zoo;

    #[test]
    fn layers_of_one_role_start_deeper_networks() {
        let built = |name: &str| zoo::find(name).unwrap().model().build().unwrap();
        let pairs = |from: &str, to: &str| {
            let (from, to) = (built(from), built(to));
            let pairs = grown(&from, &to)?;
            for (new, old) in &pairs {
                // Each fits whole.
                let shapes = |graph: &crate::graph::Graph, id| -> Vec<Vec<usize>> {
                    graph.node_parameters(id).into_iter().map(|spec| spec.shape).collect()
                };
                assert_eq!(shapes(&to, *new), shapes(&from, *old));
            }
            let paths = |(new, old): &(_, _)| (to.node(*new).path.clone(), from.node(*old).path.clone());
            Some(pairs.iter().map(paths).collect::<Vec<_>>())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let first = pairs("vgg11@torchvision", "vgg13@torchvision").unwrap();
        assert_eq!(first.len(), 11);
        assert_eq!(
            first[..4],
            [
                pair("features.0", "features.0"),
                pair("features.5", "features.3"),
                pair("features.10", "features.6"),
                pair("features.12", "features.8"),
            ]
        );
        assert_eq!(first[10], pair("classifier.6", "classifier.6"));
        assert_eq!(pairs("vgg13@torchvision", "vgg16@torchvision").unwrap().len(), 13);
        assert_eq!(pairs("vgg16", "vgg19").unwrap().len(), 16);
        assert_eq!(pairs("vgg11", "vgg13").unwrap().len(), 11);
        let norms = pairs("vgg11_bn@torchvision", "vgg13_bn@torchvision").unwrap();
        assert_eq!((norms.len(), norms[3].clone()), (19, pair("features.8", "features.5")));
        for (from, to) in [
            ("vgg13", "vgg11"),
            ("vgg11", "vgg11"),
            ("vgg11@torchvision", "vgg13_bn@torchvision"),
            ("vgg11", "alexnet"),
            ("resnet18", "resnet34"),
        ] {
            assert_eq!(pairs(from, to), None, "{from} {to}");
        }
    }

    #[test]
    fn timms_classifier_has_torchvisions_names() {
        // timm.create_model("vgg11").state_dict()
        for (theirs, ours) in [
            ("pre_logits.fc1.weight", "classifier.0.weight"),
            ("pre_logits.fc2.bias", "classifier.3.bias"),
            ("head.fc.weight", "classifier.6.weight"),
        ] {
            assert_eq!(current_name(theirs).as_deref(), Some(ours));
        }
        assert_eq!(current_name("features.0.weight"), None);
    }
}
