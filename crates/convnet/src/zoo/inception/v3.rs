//! Inception v3: torchvision's.

use super::super::googlenet::conv_norm;
use super::super::mobile::pooled;
use super::super::registry::{Entry, Paper, Variant};
use super::{average, chain, halving, pool, square, tall, wide};
use crate::graph::{Builder, Init, Value, concat};
use crate::ops::{AdaptiveAvgPool2d, AvgPool2d, Conv2d, Dropout, Linear, Op};

/// torchvision's Inception v3.
pub(in super::super) const INCEPTION_V3: Entry = Entry {
    name: "inception_v3",
    aliases: &["inceptionv3"],
    family: "Inception",
    variant: Variant::Torchvision,
    title: "Inception v3",
    paper: Paper {
        authors: "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
        title: "Rethinking the Inception Architecture for Computer Vision",
        venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2016)",
        year: 2016,
        arxiv: Some("1512.00567"),
    },
    year: 2015,
    taught: "Large kernels come apart: two 3 × 3 convolutions for one 5 × 5, 1 × 7 and 7 × 1 for one 7 × 7, which sees as much for \
             less and puts a ReLU between. Maps shrink by convolution and pooling side by side, so that nothing is squeezed \
             first, and labels are softened a little, so that a network is not too sure of itself.",
    note: "The auxiliary classifier counts 0.4, as in the authors' TensorFlow code. All weights start from N(0, 0.1²), as \
           torchvision's but for the auxiliary classifier's last layer (0.001²). The pretrained weights expect inputs scaled to \
           (x − 0.5) / 0.5.",
    input: [3, 299, 299],
    classes: 1000,
    write: network,
};

/// The auxiliary classifier's weight in the loss.
const AUX_WEIGHT: f32 = 0.4;

/// The auxiliary classifier's name.
const AUX: &str = "AuxLogits";

/// Whether a parameter belongs to the auxiliary classifier.
pub(in super::super) fn is_auxiliary(parameter: &str) -> bool {
    parameter.strip_prefix(AUX).is_some_and(|rest| rest.starts_with('.'))
}

fn network(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::FixedNormal { std: 0.1, zero_biases: false });
    let x = conv_norm(net.input(), "Conv2d_1a_3x3", halving(32));
    let x = conv_norm(x, "Conv2d_2a_3x3", Conv2d::new(32, 3));
    let x = conv_norm(x, "Conv2d_2b_3x3", square(64, 3)).layer("maxpool1", pool());
    let x = conv_norm(x, "Conv2d_3b_1x1", Conv2d::new(80, 1));
    let x = conv_norm(x, "Conv2d_4a_3x3", Conv2d::new(192, 3)).layer("maxpool2", pool());
    let x = [("5b", 32), ("5c", 64), ("5d", 64)].into_iter().fold(x, |x, (name, maps)| large(x, name, maps));
    let x = [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)]
        .into_iter()
        .fold(to_middle(x), |x, (name, maps)| middle(x, name, maps));
    net.auxiliary(AUX, auxiliary(x, classes), AUX_WEIGHT);
    let x = small(small(to_small(x), "7b"), "7c");
    let x =
        x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("dropout", Dropout { p: 0.5 });
    x.layer("flatten", Op::Flatten).layer("fc", Linear::new(classes))
}

/// A block named by its place.
fn mixed<'b>(x: Value<'b>, name: &str, kind: &str, f: impl FnOnce(Value<'b>) -> Value<'b>) -> Value<'b> {
    x.scope(&format!("Mixed_{name}"), kind, f)
}

/// The pooling of a block that keeps the map, and its convolution.
fn means(x: Value<'_>, maps: usize) -> Value<'_> {
    conv_norm(x.layer("pool", average()), "branch_pool", Conv2d::new(maps, 1))
}

/// A block of maps of 35 × 35 pixels: two 3 × 3 convolutions beside one 5 × 5.
fn large<'b>(x: Value<'b>, name: &str, maps: usize) -> Value<'b> {
    mixed(x, name, "InceptionA", |x| {
        let one = conv_norm(x, "branch1x1", Conv2d::new(64, 1));
        let five = chain(x, "branch5x5_", [Conv2d::new(48, 1), square(64, 5)]);
        let double = chain(x, "branch3x3dbl_", [Conv2d::new(64, 1), square(96, 3), square(96, 3)]);
        concat(&[one, five, double, means(x, maps)])
    })
}

/// From 35 × 35 to 17 × 17 pixels.
fn to_middle(x: Value<'_>) -> Value<'_> {
    mixed(x, "6a", "InceptionB", |x| {
        let three = conv_norm(x, "branch3x3", halving(384));
        let double = chain(x, "branch3x3dbl_", [Conv2d::new(64, 1), square(96, 3), halving(96)]);
        concat(&[three, double, x.layer("pool", pool())])
    })
}

/// A block of maps of 17 × 17 pixels: 7 × 7 kernels taken apart, `maps` between the parts.
fn middle<'b>(x: Value<'b>, name: &str, maps: usize) -> Value<'b> {
    mixed(x, name, "InceptionC", |x| {
        let one = conv_norm(x, "branch1x1", Conv2d::new(192, 1));
        let seven = chain(x, "branch7x7_", [Conv2d::new(maps, 1), wide(maps, 7), tall(192, 7)]);
        let double = [Conv2d::new(maps, 1), tall(maps, 7), wide(maps, 7), tall(maps, 7), wide(192, 7)];
        concat(&[one, seven, chain(x, "branch7x7dbl_", double), means(x, 192)])
    })
}

/// From 17 × 17 to 8 × 8 pixels.
fn to_small(x: Value<'_>) -> Value<'_> {
    mixed(x, "7a", "InceptionD", |x| {
        let three = chain(x, "branch3x3_", [Conv2d::new(192, 1), halving(320)]);
        let seven = [Conv2d::new(192, 1), wide(192, 7), tall(192, 7), halving(192)];
        let pool = x.layer("pool", pool());
        concat(&[three, chain(x, "branch7x7x3_", seven), pool])
    })
}

/// A block of maps of 8 × 8 pixels: 1 × 3 and 3 × 1 kernels side by side.
fn small<'b>(x: Value<'b>, name: &str) -> Value<'b> {
    let both = |x: Value<'b>, prefix: &str| {
        let a = conv_norm(x, &format!("{prefix}a"), wide(384, 3));
        concat(&[a, conv_norm(x, &format!("{prefix}b"), tall(384, 3))])
    };
    mixed(x, name, "InceptionE", |x| {
        let one = conv_norm(x, "branch1x1", Conv2d::new(320, 1));
        let three = both(chain(x, "branch3x3_", [Conv2d::new(384, 1)]), "branch3x3_2");
        let double = chain(x, "branch3x3dbl_", [Conv2d::new(448, 1), square(384, 3)]);
        concat(&[one, three, both(double, "branch3x3dbl_3"), means(x, 192)])
    })
}

fn auxiliary(x: Value<'_>, classes: usize) -> Value<'_> {
    x.scope(AUX, "InceptionAux", |x| {
        let x = x.layer("pool", AvgPool2d::new(5).stride(3));
        let x = conv_norm(conv_norm(x, "conv0", Conv2d::new(128, 1)), "conv1", Conv2d::new(768, 5));
        pooled(x).layer("fc", Linear::new(classes))
    })
}
