//! DenseNet: the tutorial's, torchvision's, and the paper's for CIFAR.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value, concat};
use crate::ops::{AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Op};

const HUANG_2017: Paper = Paper {
    authors: "G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger",
    title: "Densely Connected Convolutional Networks",
    venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2017)",
    year: 2017,
    arxiv: Some("1608.06993"),
};

/// The tutorial's DenseNet.
pub(super) const DENSENET: Entry = Entry {
    name: "densenet",
    aliases: &[],
    family: "DenseNet",
    variant: Variant::Tutorial,
    title: "DenseNet",
    paper: HUANG_2017,
    year: 2016,
    taught: "Each layer reads the features of all layers before it in its block, joined along the channels, and adds a \
             few of its own: features are reused instead of learnt again, so that far fewer parameters do, and every \
             layer is near the loss. Transitions of a 1 × 1 convolution and an average pooling shrink channels and \
             map between the blocks.",
    note: "Growth 32, four layers in each of four blocks, no bottleneck layers, and a Softmax at the end, as in the \
           tutorial.",
    input: [1, 224, 224],
    classes: 10,
    write: tutorial,
};

/// torchvision's DenseNet-121.
pub(super) const DENSENET121: Entry = Entry {
    name: "densenet121@torchvision",
    variant: Variant::Torchvision,
    title: "DenseNet-121",
    note: "",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| torchvision(net, k, 32, 64, [6, 12, 24, 16]),
    ..DENSENET
};

/// torchvision's DenseNet-161.
pub(super) const DENSENET161: Entry = Entry {
    name: "densenet161@torchvision",
    title: "DenseNet-161",
    write: |net, k| torchvision(net, k, 48, 96, [6, 12, 36, 24]),
    ..DENSENET121
};

/// torchvision's DenseNet-169.
pub(super) const DENSENET169: Entry = Entry {
    name: "densenet169@torchvision",
    title: "DenseNet-169",
    write: |net, k| torchvision(net, k, 32, 64, [6, 12, 32, 32]),
    ..DENSENET121
};

/// torchvision's DenseNet-201.
pub(super) const DENSENET201: Entry = Entry {
    name: "densenet201@torchvision",
    title: "DenseNet-201",
    write: |net, k| torchvision(net, k, 32, 64, [6, 12, 48, 32]),
    ..DENSENET121
};

/// The paper's DenseNet for CIFAR with 40 layers and growth 12, without bottlenecks.
pub(super) const DENSENET_40: Entry = Entry {
    name: "densenet-40-12@paper",
    variant: Variant::Paper,
    title: "DenseNet (L = 40, k = 12) for CIFAR",
    note: "Without the dropout of 0.2 that the paper adds when images are not augmented.",
    input: [3, 32, 32],
    classes: 10,
    write: |net, k| cifar(net, k, 12, 12, false),
    ..DENSENET
};

/// The paper's DenseNet-BC for CIFAR with 100 layers and growth 12.
pub(super) const DENSENET_BC_100: Entry = Entry {
    name: "densenet-bc-100-12@paper",
    title: "DenseNet-BC (L = 100, k = 12) for CIFAR",
    write: |net, k| cifar(net, k, 12, 16, true),
    ..DENSENET_40
};

/// The paper's DenseNet-BC for CIFAR with 250 layers and growth 24.
pub(super) const DENSENET_BC_250: Entry = Entry {
    name: "densenet-bc-250-24@paper",
    title: "DenseNet-BC (L = 250, k = 24) for CIFAR",
    write: |net, k| cifar(net, k, 24, 41, true),
    ..DENSENET_40
};

/// The paper's DenseNet-BC for CIFAR with 190 layers and growth 40.
pub(super) const DENSENET_BC_190: Entry = Entry {
    name: "densenet-bc-190-40@paper",
    title: "DenseNet-BC (L = 190, k = 40) for CIFAR",
    write: |net, k| cifar(net, k, 40, 31, true),
    ..DENSENET_40
};

/// Layers of a block, each joined to all that it reads.
fn dense<'b>(x: Value<'b>, layers: usize, layer: impl Fn(Value<'b>, usize) -> Value<'b>) -> Value<'b> {
    (1..=layers).fold(x, |x, i| concat(&[x, layer(x, i)]))
}

fn tutorial(net: &Builder, classes: usize) -> Value<'_> {
    const GROWTH: usize = 32;
    const BLOCKS: usize = 4;
    const LAYERS: usize = 4;
    let mut x = net.input().numbered("Sequential", |x| {
        let x = x.conv2d(Conv2d::new(64, 7).stride(2).padding(3)).batch_norm2d().relu();
        x.max_pool2d(MaxPool2d::new(3).stride(2).padding(1))
    });
    for block in 0..BLOCKS {
        x = x.numbered("DenseBlock", |x| {
            x.sequential("net", |x| {
                dense(x, LAYERS, |x, _| {
                    x.numbered("Sequential", |x| {
                        x.batch_norm2d().relu().conv2d(Conv2d::new(GROWTH, 3).padding(1))
                    })
                })
            })
        });
        if block + 1 < BLOCKS {
            let half = x.shape().channels() / 2;
            x = x.numbered("Sequential", |x| {
                x.batch_norm2d().relu().conv2d(Conv2d::new(half, 1)).avg_pool2d(AvgPool2d::new(2))
            });
        }
    }
    x.numbered("Sequential", |x| {
        let x = x.batch_norm2d().relu().adaptive_avg_pool2d(1, 1).flatten();
        x.linear(Linear::new(classes)).softmax()
    })
}

/// Batch normalization and ReLU, named with a suffix.
fn norm_relu<'b>(x: Value<'b>, suffix: &str) -> Value<'b> {
    x.layer(&format!("norm{suffix}"), BatchNorm2d::default()).layer(&format!("relu{suffix}"), Op::Relu)
}

fn conv3x3(maps: usize) -> Conv2d {
    Conv2d::new(maps, 3).padding(1).no_bias()
}

/// A block of layers with bottlenecks of four times the growth, or without.
fn block<'b>(x: Value<'b>, name: &str, layers: usize, growth: usize, bottleneck: bool) -> Value<'b> {
    x.scope(name, "_DenseBlock", |x| {
        dense(x, layers, |x, i| {
            x.scope(&format!("denselayer{i}"), "_DenseLayer", |x| {
                let x = norm_relu(x, "1");
                if !bottleneck {
                    return x.layer("conv1", conv3x3(growth));
                }
                let x = x.layer("conv1", Conv2d::new(4 * growth, 1).no_bias());
                norm_relu(x, "2").layer("conv2", conv3x3(growth))
            })
        })
    })
}

fn transition<'b>(x: Value<'b>, name: &str, channels: usize) -> Value<'b> {
    x.scope(name, "_Transition", |x| {
        norm_relu(x, "").layer("conv", Conv2d::new(channels, 1).no_bias()).layer("pool", AvgPool2d::new(2))
    })
}

fn head(x: Value<'_>, classes: usize) -> Value<'_> {
    let x = x.layer("relu", Op::Relu).layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 });
    x.layer("flatten", Op::Flatten).layer("classifier", Linear::new(classes))
}

fn torchvision(net: &Builder, classes: usize, growth: usize, stem: usize, depths: [usize; 4]) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let x = net.input().sequential("features", |x| {
        let x = norm_relu(x.layer("conv0", Conv2d::new(stem, 7).stride(2).padding(3).no_bias()), "0");
        let mut x = x.layer("pool0", MaxPool2d::new(3).stride(2).padding(1));
        for (i, layers) in depths.into_iter().enumerate() {
            x = block(x, &format!("denseblock{}", i + 1), layers, growth, true);
            if i + 1 < depths.len() {
                x = transition(x, &format!("transition{}", i + 1), x.shape().channels() / 2);
            }
        }
        x.layer("norm5", BatchNorm2d::default())
    });
    head(x, classes)
}

/// Section 3, "Implementation Details": three blocks, 16 maps before them, or twice the growth with BC.
fn cifar(net: &Builder, classes: usize, growth: usize, layers: usize, bc: bool) -> Value<'_> {
    const BLOCKS: usize = 3;
    net.init(Init::KaimingFanIn);
    let x = net.input().sequential("features", |x| {
        let mut x = x.layer("conv0", conv3x3(if bc { 2 * growth } else { 16 }));
        for i in 1..=BLOCKS {
            x = block(x, &format!("denseblock{i}"), layers, growth, bc);
            if i < BLOCKS {
                let channels = x.shape().channels();
                x = transition(x, &format!("transition{i}"), if bc { channels / 2 } else { channels });
            }
        }
        x.layer("norm", BatchNorm2d::default())
    });
    head(x, classes)
}

/// torchvision's first DenseNets numbered the modules of a dense layer apart: `denselayer1.norm.1.weight` is
/// `denselayer1.norm1.weight` today.
pub(super) fn current_name(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let mut current: Vec<String> = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let layer = i >= 2 && parts[i - 2].starts_with("denselayer");
        let numbered = matches!(*part, "1" | "2") && matches!(parts[i.max(1) - 1], "norm" | "relu" | "conv");
        match current.last_mut() {
            Some(last) if layer && numbered => last.push_str(part),
            _ => current.push((*part).to_owned()),
        }
    }
    (current.len() < parts.len()).then(|| current.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_dense_layers_have_a_name_of_today() {
        let old = "features.denseblock1.denselayer12.norm.2.running_mean";
        let new = "features.denseblock1.denselayer12.norm2.running_mean";
        assert_eq!(current_name(old).as_deref(), Some(new));
        assert_eq!(current_name(new), None);
        assert_eq!(current_name("features.3.weight"), None);
        assert_eq!(current_name("conv.1.weight"), None);
    }
}
