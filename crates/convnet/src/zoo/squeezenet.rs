//! SqueezeNet: torchvision's.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, Op};

/// torchvision's SqueezeNet 1.0.
pub(super) const SQUEEZENET1_0: Entry = Entry {
    name: "squeezenet1_0",
    aliases: &["squeezenet"],
    family: "SqueezeNet",
    variant: Variant::Torchvision,
    title: "SqueezeNet 1.0",
    paper: Paper {
        authors: "F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer",
        title: "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
        venue: "arXiv",
        year: 2016,
        arxiv: Some("1602.07360"),
    },
    year: 2016,
    taught: "Most of AlexNet's weights are not needed: a fire module squeezes a map by 1 × 1 convolutions before 1 × 1 and 3 × 3 \
             ones expand it side by side, pooling comes late, and no linear layer is left. AlexNet's accuracy with a fiftieth \
             of its parameters.",
    note: "Weights start from a normal distribution of the variance that torchvision's uniform one has, in the last convolution too.",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| {
        network(net, k, |x| {
            let x = x.conv2d(Conv2d::new(96, 7).stride(2)).relu().max_pool2d(pool());
            let x = fire(fire(fire(x, 16, 64), 16, 64), 32, 128).max_pool2d(pool());
            let x = fire(fire(fire(fire(x, 32, 128), 48, 192), 48, 192), 64, 256).max_pool2d(pool());
            fire(x, 64, 256)
        })
    },
};

/// torchvision's SqueezeNet 1.1.
pub(super) const SQUEEZENET1_1: Entry = Entry {
    name: "squeezenet1_1",
    aliases: &[],
    title: "SqueezeNet 1.1",
    note: "The authors' second version: a first convolution of 64 maps by 3 × 3 and earlier pooling, for 2.4 times less arithmetic. \
           Weights start as those of 1.0.",
    write: |net, k| {
        network(net, k, |x| {
            let x = x.conv2d(Conv2d::new(64, 3).stride(2)).relu().max_pool2d(pool());
            let x = fire(fire(x, 16, 64), 16, 64).max_pool2d(pool());
            let x = fire(fire(x, 32, 128), 32, 128).max_pool2d(pool());
            fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
        })
    },
    ..SQUEEZENET1_0
};

fn pool() -> MaxPool2d {
    MaxPool2d::new(3).stride(2).ceil_mode()
}

/// A map squeezed to few channels, and expanded by 1 × 1 and 3 × 3 convolutions side by side.
fn fire(x: Value<'_>, squeezed: usize, expanded: usize) -> Value<'_> {
    x.numbered("Fire", |x| {
        let x = x.layer("squeeze", Conv2d::new(squeezed, 1)).layer("squeeze_activation", Op::Relu);
        let one = x.layer("expand1x1", Conv2d::new(expanded, 1)).layer("expand1x1_activation", Op::Relu);
        let three = x.layer("expand3x3", Conv2d::new(expanded, 3).padding(1));
        crate::graph::concat(&[one, three.layer("expand3x3_activation", Op::Relu)])
    })
}

fn network<'b>(net: &'b Builder, classes: usize, features: fn(Value<'b>) -> Value<'b>) -> Value<'b> {
    net.init(Init::KaimingFanIn);
    let x = net.input().sequential("features", features);
    let x = x.sequential("classifier", |x| {
        let x = x.then(Dropout { p: 0.5 }).then(Conv2d::new(classes, 1)).relu();
        x.then(AdaptiveAvgPool2d { height: 1, width: 1 })
    });
    x.layer("flatten", Op::Flatten)
}
