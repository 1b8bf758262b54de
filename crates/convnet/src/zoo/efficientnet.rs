//! EfficientNet B0 to B3: torchvision's.

use super::mobile::{conv_norm, depthwise, divisible, head, init, squeeze_excitation};
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Value};
use crate::ops::{BatchNorm2d, Conv2d, Op, StochasticDepth, Unary};

/// torchvision's EfficientNet-B0.
pub(super) const B0: Entry = Entry {
    name: "efficientnet_b0",
    aliases: &[],
    family: "EfficientNet",
    variant: Variant::Torchvision,
    title: "EfficientNet-B0",
    paper: Paper {
        authors: "M. Tan, Q. V. Le",
        title: "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        venue: "International Conference on Machine Learning (ICML 2019)",
        year: 2019,
        arxiv: Some("1905.11946"),
    },
    year: 2019,
    taught: "Depth, width and the size of the images are worth more together than alone: a small network that a search found is \
             scaled in all three by one rule (1.2, 1.1 and 1.15 to the power of one number). Its blocks are inverted residuals \
             with gates of channels and SiLU; whole blocks are left out at random while it trains. B7 reached 84.3% on \
             ImageNet with an eighth of the parameters of the best network before it.",
    note: "The last layer's weights start from N(0, 0.01²), as MobileNet's do; torchvision draws them from U(±1/√classes).",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| scaled(net, k, (1.0, 1.0), 0.2),
};

/// torchvision's EfficientNet-B1.
pub(super) const B1: Entry = Entry {
    name: "efficientnet_b1",
    title: "EfficientNet-B1",
    input: [3, 240, 240],
    write: |net, k| scaled(net, k, (1.0, 1.1), 0.2),
    ..B0
};

/// torchvision's EfficientNet-B2.
pub(super) const B2: Entry = Entry {
    name: "efficientnet_b2",
    title: "EfficientNet-B2",
    input: [3, 288, 288],
    write: |net, k| scaled(net, k, (1.1, 1.2), 0.3),
    ..B0
};

/// torchvision's EfficientNet-B3.
pub(super) const B3: Entry = Entry {
    name: "efficientnet_b3",
    title: "EfficientNet-B3",
    input: [3, 300, 300],
    write: |net, k| scaled(net, k, (1.2, 1.4), 0.3),
    ..B0
};

/// Expansion, kernel, first stride, channels and blocks of each stage of B0: table 1 of the paper.
const STAGES: [[usize; 5]; 7] = [
    [1, 3, 1, 16, 1],
    [6, 3, 2, 24, 2],
    [6, 5, 2, 40, 2],
    [6, 3, 2, 80, 3],
    [6, 5, 1, 112, 3],
    [6, 5, 2, 192, 4],
    [6, 3, 1, 320, 1],
];

/// The share of the last block's images that are left out while it trains; that of the first is 0.
const DEPTH: f64 = 0.2;

fn scaled(net: &Builder, classes: usize, (width, depth): (f64, f64), p: f32) -> Value<'_> {
    init(net);
    let maps = |maps: usize| divisible(maps as f64 * width, 8);
    let blocks = |blocks: usize| (blocks as f64 * depth).ceil() as usize;
    let total: usize = STAGES.iter().map(|stage| blocks(stage[4])).sum();
    let x = net.input().sequential("features", |x| {
        let stem = Conv2d::new(maps(32), 3).stride(2).padding(1);
        let mut x = conv_norm(x, stem, BatchNorm2d::default(), Some(Unary::Silu));
        let mut number = 0;
        for [expansion, kernel, first, channels, count] in STAGES {
            x = x.numbered("Sequential", |x| {
                (0..blocks(count)).fold(x, |x, i| {
                    let drop = DEPTH * number as f64 / total as f64;
                    number += 1;
                    let stride = if i == 0 { first } else { 1 };
                    block(x, (kernel, stride), expansion, maps(channels), drop as f32)
                })
            });
        }
        let last = Conv2d::new(4 * maps(320), 1);
        conv_norm(x, last, BatchNorm2d::default(), Some(Unary::Silu))
    });
    head(x, p, classes)
}

/// An inverted residual with a gate; `drop` is the share of images for which it is left out while it trains.
fn block(
    x: Value<'_>,
    (kernel, stride): (usize, usize),
    expansion: usize,
    channels: usize,
    drop: f32,
) -> Value<'_> {
    let norm = BatchNorm2d::default;
    x.numbered("MBConv", |x| {
        let narrow = x.shape().channels();
        let y = x.sequential("block", |x| {
            let wide = Conv2d::new(narrow * expansion, 1);
            let x = if expansion == 1 { x } else { conv_norm(x, wide, norm(), Some(Unary::Silu)) };
            let x = conv_norm(x, depthwise(x, kernel, stride), norm(), Some(Unary::Silu));
            let x = squeeze_excitation(x, (narrow / 4).max(1), Unary::Silu, Op::Sigmoid);
            conv_norm(x, Conv2d::new(channels, 1), norm(), None::<Op>)
        });
        if stride == 1 && x.shape() == y.shape() {
            y.layer("stochastic_depth", StochasticDepth { p: drop }) + x
        } else {
            y
        }
    })
}
