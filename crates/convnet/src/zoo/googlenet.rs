//! GoogLeNet: the tutorial's, torchvision's with batch normalization, and the paper's with normalization of
//! local responses. The latter two have their auxiliary classifiers.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value, concat};
use crate::ops::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, LocalResponseNorm, MaxPool2d, Op,
};

const SZEGEDY_2015: Paper = Paper {
    authors: "C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich",
    title: "Going Deeper with Convolutions",
    venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2015)",
    year: 2015,
    arxiv: Some("1409.4842"),
};

/// The tutorial's GoogLeNet.
pub(super) const GOOGLENET: Entry = Entry {
    name: "googlenet",
    aliases: &[],
    family: "GoogLeNet",
    variant: Variant::Tutorial,
    title: "GoogLeNet",
    paper: SZEGEDY_2015,
    year: 2014,
    taught: "Look at several scales at once: an Inception block runs 1 × 1, 3 × 3 and 5 × 5 convolutions and a pooling \
             side by side and joins their channels, with 1 × 1 convolutions before the wide ones to keep them cheap. \
             Global average pooling replaces the hidden linear layers. 22 layers deep with a twelfth of AlexNet's \
             parameters, it won ILSVRC 2014 with 6.67% top-5 error.",
    note: "No normalization, no dropout, no auxiliary classifiers, no activation after the reductions, and a Softmax \
           at the end, as in the tutorial.",
    input: [1, 224, 224],
    classes: 10,
    write: tutorial,
};

/// torchvision's GoogLeNet.
pub(super) const TORCHVISION: Entry = Entry {
    name: "googlenet@torchvision",
    variant: Variant::Torchvision,
    title: "GoogLeNet with batch normalization",
    note: "Batch normalization after each convolution, 3 × 3 kernels where the paper has 5 × 5, and two auxiliary \
           classifiers for training. The pretrained weights expect inputs scaled to (x − 0.5) / 0.5.",
    input: [3, 224, 224],
    classes: 1000,
    write: torchvision,
    ..GOOGLENET
};

/// The paper's GoogLeNet.
pub(super) const PAPER: Entry = Entry {
    name: "googlenet@paper",
    variant: Variant::Paper,
    title: "GoogLeNet, Inception v1",
    note: "The paper does not give the parameters of its local response normalization, nor its initial weights: here \
           n = 5, α = 1e−4, β = 0.75, k = 1, and Glorot's rule. Pooling counts windows at the border.",
    write: paper,
    ..TORCHVISION
};

/// Channels of one Inception block: 1 × 1; reduction and 3 × 3; reduction and 5 × 5; after the pooling.
#[derive(Clone, Copy)]
struct Widths {
    one: usize,
    three: [usize; 2],
    five: [usize; 2],
    pool: usize,
}

const fn widths(one: usize, three: [usize; 2], five: [usize; 2], pool: usize) -> Widths {
    Widths { one, three, five, pool }
}

/// The blocks 3a to 5b of the paper's table 1, by the pooling that ends each group.
const STAGE3: [(&str, Widths); 2] =
    [("a", widths(64, [96, 128], [16, 32], 32)), ("b", widths(128, [128, 192], [32, 96], 64))];
const STAGE4: [(&str, Widths); 5] = [
    ("a", widths(192, [96, 208], [16, 48], 64)),
    ("b", widths(160, [112, 224], [24, 64], 64)),
    ("c", widths(128, [128, 256], [24, 64], 64)),
    ("d", widths(112, [144, 288], [32, 64], 64)),
    ("e", widths(256, [160, 320], [32, 128], 128)),
];
const STAGE5: [(&str, Widths); 2] =
    [("a", widths(256, [160, 320], [32, 128], 128)), ("b", widths(384, [192, 384], [48, 128], 128))];

/// The auxiliary classifiers' weight in the loss (section 5).
const AUX_WEIGHT: f32 = 0.3;

fn tutorial(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let pool = MaxPool2d::new(3).stride(2).padding(1);
    let x = net.input().numbered("Sequential", |x| {
        x.conv2d(Conv2d::new(64, 7).stride(2).padding(3)).relu().max_pool2d(pool.clone())
    });
    let x = x.numbered("Sequential", |x| {
        let x = x.conv2d(Conv2d::new(64, 1)).relu();
        x.conv2d(Conv2d::new(192, 3).padding(1)).relu().max_pool2d(pool.clone())
    });
    let stage = |x, blocks: &[(&str, Widths)]| blocks.iter().fold(x, |x, &(_, w)| tutorial_inception(x, w));
    let x = x.numbered("Sequential", |x| stage(x, &STAGE3).max_pool2d(pool.clone()));
    let x = x.numbered("Sequential", |x| stage(x, &STAGE4).max_pool2d(pool.clone()));
    x.numbered("Sequential", |x| {
        let x = stage(x, &STAGE5).adaptive_avg_pool2d(1, 1).flatten();
        x.linear(Linear::new(classes)).softmax()
    })
}

fn tutorial_inception(x: Value<'_>, w: Widths) -> Value<'_> {
    x.numbered("Inception", |x| {
        let p1 = x.sequential("p1", |x| x.conv2d(Conv2d::new(w.one, 1)).relu());
        let p2 = x.sequential("p2", |x| {
            x.conv2d(Conv2d::new(w.three[0], 1)).conv2d(Conv2d::new(w.three[1], 3).padding(1)).relu()
        });
        let p3 = x.sequential("p3", |x| {
            x.conv2d(Conv2d::new(w.five[0], 1)).conv2d(Conv2d::new(w.five[1], 5).padding(2)).relu()
        });
        let p4 = x.sequential("p4", |x| {
            x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1)).conv2d(Conv2d::new(w.pool, 1)).relu()
        });
        concat(&[p1, p2, p3, p4])
    })
}

/// A convolution without bias, batch normalization and ReLU.
pub(super) fn conv_norm<'b>(x: Value<'b>, name: &str, conv: Conv2d) -> Value<'b> {
    x.scope(name, "BasicConv2d", |x| basic_conv(x, conv))
}

pub(super) fn basic_conv(x: Value<'_>, conv: Conv2d) -> Value<'_> {
    let norm = BatchNorm2d { eps: 1e-3, ..BatchNorm2d::default() };
    x.layer("conv", conv.no_bias()).layer("bn", norm).layer("relu", Op::Relu)
}

fn torchvision(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::TruncatedNormal);
    let pool = MaxPool2d::new(3).stride(2).ceil_mode();
    let x = conv_norm(net.input(), "conv1", Conv2d::new(64, 7).stride(2).padding(3));
    let x = conv_norm(x.layer("maxpool1", pool.clone()), "conv2", Conv2d::new(64, 1));
    let x = conv_norm(x, "conv3", Conv2d::new(192, 3).padding(1)).layer("maxpool2", pool.clone());
    let x = STAGE3.iter().fold(x, |x, &(letter, w)| norm_inception(x, &format!("inception3{letter}"), w));
    let mut x = x.layer("maxpool3", pool);
    for &(letter, w) in &STAGE4 {
        x = norm_inception(x, &format!("inception4{letter}"), w);
        if let Some(name) = aux_after(letter) {
            net.auxiliary(name, torchvision_aux(x, name, classes), AUX_WEIGHT);
        }
    }
    let x = x.layer("maxpool4", MaxPool2d::new(2).ceil_mode());
    let x = STAGE5.iter().fold(x, |x, &(letter, w)| norm_inception(x, &format!("inception5{letter}"), w));
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("flatten", Op::Flatten);
    x.layer("dropout", Dropout { p: 0.2 }).layer("fc", Linear::new(classes))
}

/// The auxiliary classifiers, and the block of stage 4 whose output each reads.
const AUXILIARIES: [(&str, &str); 2] = [("aux1", "a"), ("aux2", "d")];

/// The auxiliary classifier that reads the output of a block of stage 4.
fn aux_after(letter: &str) -> Option<&'static str> {
    AUXILIARIES.iter().find(|(_, after)| *after == letter).map(|&(name, _)| name)
}

/// Whether a parameter belongs to an auxiliary classifier.
pub(super) fn is_auxiliary(parameter: &str) -> bool {
    let within = |name| parameter.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    AUXILIARIES.iter().any(|&(name, _)| within(name))
}

fn norm_inception<'b>(x: Value<'b>, name: &str, w: Widths) -> Value<'b> {
    let numbered = |x: Value<'b>, conv: Conv2d| x.numbered("BasicConv2d", |x| basic_conv(x, conv));
    x.scope(name, "Inception", |x| {
        let one = conv_norm(x, "branch1", Conv2d::new(w.one, 1));
        let reduced = |x: Value<'b>, [reduction, wide]: [usize; 2]| {
            numbered(numbered(x, Conv2d::new(reduction, 1)), Conv2d::new(wide, 3).padding(1))
        };
        let three = x.sequential("branch2", |x| reduced(x, w.three));
        let five = x.sequential("branch3", |x| reduced(x, w.five));
        let pool = x.sequential("branch4", |x| {
            let x = x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1).ceil_mode());
            numbered(x, Conv2d::new(w.pool, 1))
        });
        concat(&[one, three, five, pool])
    })
}

fn torchvision_aux<'b>(x: Value<'b>, name: &str, classes: usize) -> Value<'b> {
    x.scope(name, "InceptionAux", |x| {
        let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 4, width: 4 });
        aux_classifier(conv_norm(x, "conv", Conv2d::new(128, 1)), classes)
    })
}

fn aux_classifier(x: Value<'_>, classes: usize) -> Value<'_> {
    let x = x.layer("flatten", Op::Flatten).layer("fc1", Linear::new(1024)).layer("relu", Op::Relu);
    x.layer("dropout", Dropout { p: 0.7 }).layer("fc2", Linear::new(classes))
}

fn conv_relu<'b>(x: Value<'b>, name: &str, conv: Conv2d) -> Value<'b> {
    x.layer(name, conv).layer(&format!("{name}_relu"), Op::Relu)
}

fn paper(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::Xavier);
    let pool = MaxPool2d::new(3).stride(2).ceil_mode();
    let norm = LocalResponseNorm::new(5);
    let x = conv_relu(net.input(), "conv1", Conv2d::new(64, 7).stride(2).padding(3));
    let x = x.layer("pool1", pool.clone()).layer("norm1", norm.clone());
    let x = conv_relu(x, "conv2_reduce", Conv2d::new(64, 1));
    let x = conv_relu(x, "conv2", Conv2d::new(192, 3).padding(1));
    let x = x.layer("norm2", norm).layer("pool2", pool.clone());
    let x = STAGE3.iter().fold(x, |x, &(letter, w)| paper_inception(x, &format!("inception3{letter}"), w));
    let mut x = x.layer("pool3", pool.clone());
    for &(letter, w) in &STAGE4 {
        x = paper_inception(x, &format!("inception4{letter}"), w);
        if let Some(name) = aux_after(letter) {
            net.auxiliary(name, paper_aux(x, name, classes), AUX_WEIGHT);
        }
    }
    let x = x.layer("pool4", pool);
    let x = STAGE5.iter().fold(x, |x, &(letter, w)| paper_inception(x, &format!("inception5{letter}"), w));
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("flatten", Op::Flatten);
    x.layer("dropout", Dropout { p: 0.4 }).layer("fc", Linear::new(classes))
}

fn paper_inception<'b>(x: Value<'b>, name: &str, w: Widths) -> Value<'b> {
    x.scope(name, "Inception", |x| {
        let one = conv_relu(x, "1x1", Conv2d::new(w.one, 1));
        let three = conv_relu(x, "3x3_reduce", Conv2d::new(w.three[0], 1));
        let three = conv_relu(three, "3x3", Conv2d::new(w.three[1], 3).padding(1));
        let five = conv_relu(x, "5x5_reduce", Conv2d::new(w.five[0], 1));
        let five = conv_relu(five, "5x5", Conv2d::new(w.five[1], 5).padding(2));
        let pool = x.layer("pool", MaxPool2d::new(3).stride(1).padding(1));
        concat(&[one, three, five, conv_relu(pool, "pool_proj", Conv2d::new(w.pool, 1))])
    })
}

fn paper_aux<'b>(x: Value<'b>, name: &str, classes: usize) -> Value<'b> {
    x.scope(name, "InceptionAux", |x| {
        let x = x.layer("avgpool", AvgPool2d::new(5).stride(3));
        aux_classifier(conv_relu(x, "conv", Conv2d::new(128, 1)), classes)
    })
}
