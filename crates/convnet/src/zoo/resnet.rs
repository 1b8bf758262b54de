//! ResNet for ImageNet-sized images: torchvision's, the paper's bottleneck networks, and timm's with gates of channels.

use super::mobile::gate;
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Op};

pub(super) const HE_2016: Paper = Paper {
    authors: "K. He, X. Zhang, S. Ren, J. Sun",
    title: "Deep Residual Learning for Image Recognition",
    venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2016)",
    year: 2016,
    arxiv: Some("1512.03385"),
};

/// torchvision's ResNet-18.
pub(super) const RESNET18: Entry = Entry {
    name: "resnet18",
    aliases: &[],
    family: "ResNet",
    variant: Variant::Torchvision,
    title: "ResNet-18",
    paper: HE_2016,
    year: 2015,
    taught: "A block learns the difference from its input, which a shortcut adds back: doing nothing is then easy, \
             gradients pass unhindered, and a deeper network is no longer worse than a shallow one. The same recipe \
             trains 18 layers and 152; an ensemble of such networks won ILSVRC 2015 with 3.57% top-5 error. Identity \
             shortcuts have been in nearly every deep network since.",
    note: "",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| imagenet(net, k, &BASIC, [2, 2, 2, 2]),
};

/// torchvision's ResNet-34.
pub(super) const RESNET34: Entry = Entry {
    name: "resnet34",
    title: "ResNet-34",
    write: |net, k| imagenet(net, k, &BASIC, [3, 4, 6, 3]),
    ..RESNET18
};

/// torchvision's ResNet-50.
pub(super) const RESNET50: Entry = Entry {
    name: "resnet50",
    title: "ResNet-50 v1.5",
    note: "A block that halves the map does so in its 3 × 3 convolution, the paper in the first 1 × 1.",
    write: |net, k| imagenet(net, k, &BOTTLENECK, [3, 4, 6, 3]),
    ..RESNET18
};

/// torchvision's ResNet-101.
pub(super) const RESNET101: Entry = Entry {
    name: "resnet101",
    title: "ResNet-101 v1.5",
    write: |net, k| imagenet(net, k, &BOTTLENECK, [3, 4, 23, 3]),
    ..RESNET50
};

/// torchvision's ResNet-152.
pub(super) const RESNET152: Entry = Entry {
    name: "resnet152",
    title: "ResNet-152 v1.5",
    write: |net, k| imagenet(net, k, &BOTTLENECK, [3, 8, 36, 3]),
    ..RESNET50
};

/// The paper's ResNet-50.
pub(super) const RESNET50_PAPER: Entry = Entry {
    name: "resnet50@paper",
    variant: Variant::Paper,
    title: "ResNet-50",
    note: "A block that halves the map does so in its first 1 × 1 convolution.",
    write: |net, k| imagenet(net, k, &BOTTLENECK_PAPER, [3, 4, 6, 3]),
    ..RESNET18
};

/// The paper's ResNet-101.
pub(super) const RESNET101_PAPER: Entry = Entry {
    name: "resnet101@paper",
    title: "ResNet-101",
    write: |net, k| imagenet(net, k, &BOTTLENECK_PAPER, [3, 4, 23, 3]),
    ..RESNET50_PAPER
};

/// The paper's ResNet-152.
pub(super) const RESNET152_PAPER: Entry = Entry {
    name: "resnet152@paper",
    title: "ResNet-152",
    write: |net, k| imagenet(net, k, &BOTTLENECK_PAPER, [3, 8, 36, 3]),
    ..RESNET50_PAPER
};

/// torchvision's ResNeXt-50 32×4d.
pub(super) const RESNEXT50_32X4D: Entry = Entry {
    name: "resnext50_32x4d",
    aliases: &["resnext50"],
    family: "ResNeXt",
    title: "ResNeXt-50 32×4d",
    paper: Paper {
        authors: "S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He",
        title: "Aggregated Residual Transformations for Deep Neural Networks",
        venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2017)",
        year: 2017,
        arxiv: Some("1611.05431"),
    },
    year: 2016,
    taught: "Beside depth and width there is cardinality: a block of many narrow paths of one kind, which is a convolution in \
             groups, is more accurate than a wider or deeper one for the same arithmetic.",
    note: "",
    write: |net, k| imagenet(net, k, &Block { groups: 32, base: 4, ..BOTTLENECK }, [3, 4, 6, 3]),
    ..RESNET50
};

/// torchvision's ResNeXt-101 32×8d.
pub(super) const RESNEXT101_32X8D: Entry = Entry {
    name: "resnext101_32x8d",
    aliases: &[],
    title: "ResNeXt-101 32×8d",
    write: |net, k| imagenet(net, k, &Block { groups: 32, base: 8, ..BOTTLENECK }, [3, 4, 23, 3]),
    ..RESNEXT50_32X4D
};

/// torchvision's ResNeXt-101 64×4d.
pub(super) const RESNEXT101_64X4D: Entry = Entry {
    name: "resnext101_64x4d",
    aliases: &["resnext101"],
    title: "ResNeXt-101 64×4d",
    write: |net, k| imagenet(net, k, &Block { groups: 64, base: 4, ..BOTTLENECK }, [3, 4, 23, 3]),
    ..RESNEXT50_32X4D
};

/// torchvision's Wide ResNet-50-2.
pub(super) const WIDE_RESNET50_2: Entry = Entry {
    name: "wide_resnet50_2",
    aliases: &[],
    family: "Wide ResNet",
    title: "Wide ResNet-50-2",
    paper: Paper {
        authors: "S. Zagoruyko, N. Komodakis",
        title: "Wide Residual Networks",
        venue: "British Machine Vision Conference (BMVC 2016)",
        year: 2016,
        arxiv: Some("1605.07146"),
    },
    year: 2016,
    taught: "A thousand layers are not needed: a residual network of a few wide layers is as accurate as a thin one of many, and \
             trains several times faster, since wide layers use the machine better.",
    note: "The inner width of each bottleneck is twice that of ResNet-50.",
    write: |net, k| imagenet(net, k, &Block { base: 128, ..BOTTLENECK }, [3, 4, 6, 3]),
    ..RESNET50
};

/// torchvision's Wide ResNet-101-2.
pub(super) const WIDE_RESNET101_2: Entry = Entry {
    name: "wide_resnet101_2",
    title: "Wide ResNet-101-2",
    write: |net, k| imagenet(net, k, &Block { base: 128, ..BOTTLENECK }, [3, 4, 23, 3]),
    ..WIDE_RESNET50_2
};

/// timm's SE-ResNet-50.
pub(super) const SERESNET50: Entry = Entry {
    name: "seresnet50@timm",
    aliases: &["se_resnet50"],
    family: "SE-ResNet",
    variant: Variant::Timm,
    title: "SE-ResNet-50",
    paper: Paper {
        authors: "J. Hu, L. Shen, G. Sun",
        title: "Squeeze-and-Excitation Networks",
        venue: "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR 2018)",
        year: 2018,
        arxiv: Some("1709.01507"),
    },
    year: 2017,
    taught: "Channels are not worth the same in every image: their means pass two small layers, which give each channel a gate \
             between 0 and 1. It costs next to nothing, goes into any network, and won the last ILSVRC (2017) with 2.25% top-5 \
             error.",
    note: "γ of the normalization that ends a block starts at 1, timm's at 0.",
    write: |net, k| imagenet(net, k, &GATED, [3, 4, 6, 3]),
    ..RESNET18
};

/// A kind of residual block.
#[derive(Clone, Copy)]
pub(super) struct Block {
    kind: &'static str,
    /// Output channels over the block's width.
    expansion: usize,
    /// Groups of the 3 × 3 convolution, and the width of each where the block's width is 64.
    groups: usize,
    base: usize,
    /// The layers of the block up to the last normalization, for its width and a stride.
    body: for<'b> fn(Value<'b>, &Block, usize, usize) -> Value<'b>,
}

/// Two 3 × 3 convolutions.
pub(super) const BASIC: Block = Block { kind: "BasicBlock", expansion: 1, groups: 1, base: 64, body: basic };
/// 1 × 1 to reduce, 3 × 3 with the stride, 1 × 1 to restore.
const BOTTLENECK: Block = Block {
    kind: "Bottleneck",
    expansion: 4,
    groups: 1,
    base: 64,
    body: |x, block, width, stride| bottleneck(x, block, width, [1, stride]),
};
/// The same with the stride in the first 1 × 1.
const BOTTLENECK_PAPER: Block =
    Block { body: |x, block, width, stride| bottleneck(x, block, width, [stride, 1]), ..BOTTLENECK };

/// [`BOTTLENECK`] with a gate of channels at its end, a sixteenth as wide inside.
const GATED: Block = Block {
    body: |x, block, width, stride| {
        let y = bottleneck(x, block, width, [1, stride]);
        let squeezed = y.shape().channels() / 16;
        y.scope("se", "SqueezeExcitation", |y| gate(y, squeezed, Op::Relu, Op::Sigmoid))
    },
    ..BOTTLENECK
};

pub(super) fn conv3x3(maps: usize, stride: usize) -> Conv2d {
    Conv2d::new(maps, 3).stride(stride).padding(1).no_bias()
}

pub(super) fn conv1x1(maps: usize, stride: usize) -> Conv2d {
    Conv2d::new(maps, 1).stride(stride).no_bias()
}

pub(super) fn conv_norm<'b>(x: Value<'b>, number: usize, conv: Conv2d) -> Value<'b> {
    x.layer(&format!("conv{number}"), conv).layer(&format!("bn{number}"), BatchNorm2d::default())
}

fn basic<'b>(x: Value<'b>, _: &Block, width: usize, stride: usize) -> Value<'b> {
    let x = conv_norm(x, 1, conv3x3(width, stride)).layer("relu", Op::Relu);
    conv_norm(x, 2, conv3x3(width, 1))
}

fn bottleneck<'b>(x: Value<'b>, block: &Block, width: usize, [first, second]: [usize; 2]) -> Value<'b> {
    let inner = width * block.base / 64 * block.groups;
    let x = conv_norm(x, 1, conv1x1(inner, first)).layer("relu", Op::Relu);
    let x = conv_norm(x, 2, conv3x3(inner, second).groups(block.groups)).layer("relu", Op::Relu);
    conv_norm(x, 3, conv1x1(width * block.expansion, 1))
}

/// One block: ReLU of its layers plus the shortcut, which is projected where channels or size change.
fn residual<'b>(x: Value<'b>, block: &Block, width: usize, stride: usize) -> Value<'b> {
    x.numbered(block.kind, |x| {
        let out = width * block.expansion;
        let changed = stride != 1 || x.shape().channels() != out;
        let y = (block.body)(x, block, width, stride);
        let shortcut = if changed {
            x.sequential("downsample", |x| x.conv2d(conv1x1(out, stride)).batch_norm2d())
        } else {
            x
        };
        (y + shortcut).layer("relu", Op::Relu)
    })
}

/// A stage of blocks, the first with the given stride.
pub(super) fn stage<'b>(
    x: Value<'b>,
    name: &str,
    block: &Block,
    width: usize,
    depth: usize,
    stride: usize,
) -> Value<'b> {
    x.sequential(name, |x| {
        (0..depth).fold(x, |x, i| residual(x, block, width, if i == 0 { stride } else { 1 }))
    })
}

/// Global average pooling and the linear classifier.
pub(super) fn head(x: Value<'_>, classes: usize) -> Value<'_> {
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("flatten", Op::Flatten);
    x.layer("fc", Linear::new(classes))
}

fn imagenet<'b>(net: &'b Builder, classes: usize, block: &Block, depths: [usize; 4]) -> Value<'b> {
    net.init(Init::KaimingFanOut);
    let x = conv_norm(net.input(), 1, Conv2d::new(64, 7).stride(2).padding(3).no_bias());
    let mut x = x.layer("relu", Op::Relu).layer("maxpool", MaxPool2d::new(3).stride(2).padding(1));
    for (i, depth) in depths.into_iter().enumerate() {
        let stride = if i == 0 { 1 } else { 2 };
        x = stage(x, &format!("layer{}", i + 1), block, 64 << i, depth, stride);
    }
    head(x, classes)
}
