//! ConvNeXt: torchvision's.

use super::mobile::depthwise;
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, TensorForm, Value};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, LayerNorm, LayerScale, Linear, Op, StochasticDepth, Unary};

/// torchvision's ConvNeXt-Tiny.
pub(super) const TINY: Entry = Entry {
    name: "convnext_tiny",
    aliases: &["convnext"],
    family: "ConvNeXt",
    variant: Variant::Torchvision,
    title: "ConvNeXt-Tiny",
    paper: Paper {
        authors: "Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie",
        title: "A ConvNet for the 2020s",
        venue: "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR 2022)",
        year: 2022,
        arxiv: Some("2201.03545"),
    },
    year: 2022,
    taught: "Most of what vision transformers gained is not attention: a ResNet that is trained as they are, and takes over their \
             proportions step by step, is as good. Patches of 4 × 4 pixels at the start, 7 × 7 depthwise convolutions, blocks \
             that are wide inside, one GELU and one LayerNorm a block, and convolutions of their own between the stages.",
    note: "The two Linear layers of a block are 1 × 1 convolutions, whose weights are kept as torchvision's, (out, in).",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| network(net, k, [96, 192, 384, 768], [3, 3, 9, 3], 0.1),
};

/// torchvision's ConvNeXt-Small.
pub(super) const SMALL: Entry = Entry {
    name: "convnext_small",
    aliases: &[],
    title: "ConvNeXt-Small",
    write: |net, k| network(net, k, [96, 192, 384, 768], DEEP, 0.4),
    ..TINY
};

/// torchvision's ConvNeXt-Base.
pub(super) const BASE: Entry = Entry {
    name: "convnext_base",
    title: "ConvNeXt-Base",
    write: |net, k| network(net, k, [128, 256, 512, 1024], DEEP, 0.5),
    ..SMALL
};

/// torchvision's ConvNeXt-Large.
pub(super) const LARGE: Entry = Entry {
    name: "convnext_large",
    title: "ConvNeXt-Large",
    write: |net, k| network(net, k, [192, 384, 768, 1536], DEEP, 0.5),
    ..SMALL
};

/// Blocks of each stage of all but the smallest.
const DEEP: [usize; 4] = [3, 3, 27, 3];

/// What the scales of the residual branches start at.
const SCALE: f32 = 1e-6;

/// A network by the channels and blocks of its stages; `drop` is the share of images for which the last block is left out
/// while it trains, that of the first is 0.
fn network(net: &Builder, classes: usize, channels: [usize; 4], blocks: [usize; 4], drop: f64) -> Value<'_> {
    net.init(Init::FixedNormal { std: 0.02, zero_biases: true });
    let last = blocks.iter().sum::<usize>() - 1;
    let mut number = 0;
    let x = net.input().sequential("features", |x| {
        let mut x = x.numbered("Sequential", |x| x.then(Conv2d::new(channels[0], 4).stride(4)).then(norm()));
        for (stage, (channels, blocks)) in channels.into_iter().zip(blocks).enumerate() {
            if stage > 0 {
                let halving = Conv2d::new(channels, 2).stride(2);
                x = x.numbered("Sequential", |x| x.then(norm()).then(halving));
            }
            x = x.numbered("Sequential", |x| {
                (0..blocks).fold(x, |x, _| {
                    let drop = drop * f64::from(number) / last as f64;
                    number += 1;
                    block(x, drop as f32)
                })
            });
        }
        x
    });
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 });
    x.sequential("classifier", |x| x.then(norm()).then(Op::Flatten).then(Linear::new(classes)))
}

fn norm() -> LayerNorm {
    LayerNorm { eps: 1e-6 }
}

/// A residual block: depthwise 7 × 7, LayerNorm, four times as wide and back, scaled by channel. Its numbers leave out those
/// at which torchvision puts the channels last and back.
fn block(x: Value<'_>, drop: f32) -> Value<'_> {
    let channels = x.shape().channels();
    x.numbered("CNBlock", |x| {
        let y = x.sequential("block", |x| {
            let y = x.layer("0", depthwise(x, 7, 1)).layer("2", norm());
            let y = y.layer("3", Conv2d::new(4 * channels, 1)).kept_as(TensorForm::Linear);
            y.layer("4", Unary::Gelu { tanh: false })
                .layer("5", Conv2d::new(channels, 1))
                .kept_as(TensorForm::Linear)
        });
        let y = y.layer("layer_scale", LayerScale { initial: SCALE }).kept_as(TensorForm::Parameter);
        let y = if drop > 0.0 { y.layer("stochastic_depth", StochasticDepth { p: drop }) } else { y };
        y + x
    })
}
