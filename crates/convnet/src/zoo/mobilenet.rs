//! MobileNet v1 of timm's; v2, v3 and MNASNet of torchvision's.

use super::mobile::{conv_norm, depthwise, divisible, head, init, pooled, squeeze_excitation};
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Value};
use crate::ops::{BatchNorm2d, Conv2d, Dropout, Hardtanh, Linear, Op, Unary};

/// timm's MobileNet.
pub(super) const MOBILENET_V1: Entry = Entry {
    name: "mobilenetv1_100@timm",
    aliases: &["mobilenet_v1", "mobilenet"],
    variant: Variant::Timm,
    title: "MobileNet v1",
    paper: Paper {
        authors: "A. G. Howard, M. Zhu, B. Chen, D. Kalenichenko, W. Wang, T. Weyand, M. Andreetto, H. Adam",
        title: "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
        venue: "arXiv",
        year: 2017,
        arxiv: Some("1704.04861"),
    },
    year: 2017,
    note: "ReLU6 as in timm and in the authors' code, where the paper has ReLU. Weights start as those of MobileNetV2. The pretrained \
           weights expect inputs scaled to (x − 0.5) / 0.5.",
    write: v1,
    ..MOBILENET_V2
};

/// torchvision's MobileNetV2.
pub(super) const MOBILENET_V2: Entry = Entry {
    name: "mobilenet_v2",
    aliases: &["mobilenetv2"],
    family: "MobileNet",
    variant: Variant::Torchvision,
    title: "MobileNetV2",
    paper: Paper {
        authors: "M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen",
        title: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        venue: "IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2018)",
        year: 2018,
        arxiv: Some("1801.04381"),
    },
    year: 2018,
    taught: "A convolution can be taken apart: one filter for each channel looks around (depthwise), a 1 × 1 convolution mixes \
             the channels, for an eighth of the arithmetic. An inverted residual widens a narrow map, filters it depthwise and \
             narrows it again without an activation, so that shortcuts join narrow maps and nothing is lost to a ReLU where \
             there are few channels. The third version adds gates of channels, h-swish, and a search for the rest.",
    note: "",
    input: [3, 224, 224],
    classes: 1000,
    write: v2,
};

const V3: Paper = Paper {
    authors: "A. Howard, M. Sandler, G. Chu, L.-C. Chen, B. Chen, M. Tan, W. Wang, Y. Zhu, R. Pang, V. Vasudevan, Q. V. Le, \
              H. Adam",
    title: "Searching for MobileNetV3",
    venue: "IEEE/CVF International Conference on Computer Vision (ICCV 2019)",
    year: 2019,
    arxiv: Some("1905.02244"),
};

/// torchvision's MobileNetV3-Large.
pub(super) const MOBILENET_V3_LARGE: Entry = Entry {
    name: "mobilenet_v3_large",
    aliases: &["mobilenetv3_large"],
    title: "MobileNetV3-Large",
    paper: V3,
    year: 2019,
    write: |net, k| v3(net, k, &LARGE, 1280),
    ..MOBILENET_V2
};

/// torchvision's MobileNetV3-Small.
pub(super) const MOBILENET_V3_SMALL: Entry = Entry {
    name: "mobilenet_v3_small",
    aliases: &["mobilenetv3_small"],
    title: "MobileNetV3-Small",
    write: |net, k| v3(net, k, &SMALL, 1024),
    ..MOBILENET_V3_LARGE
};

/// torchvision's MNASNet 1.0.
pub(super) const MNASNET1_0: Entry = Entry {
    name: "mnasnet1_0",
    aliases: &["mnasnet"],
    title: "MNASNet 1.0",
    paper: Paper {
        authors: "M. Tan, B. Chen, R. Pang, V. Vasudevan, M. Sandler, A. Howard, Q. V. Le",
        title: "MnasNet: Platform-Aware Neural Architecture Search for Mobile",
        venue: "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR 2019)",
        year: 2019,
        arxiv: Some("1807.11626"),
    },
    note: "MnasNet-B1, the one without gates, as torchvision has it. The last layer's weights start from N(0, 0.01²), as MobileNet's \
           do; torchvision draws them from Kaiming's uniform distribution.",
    write: |net, k| mnasnet(net, k, 1.0),
    ..MOBILENET_V2
};

/// torchvision's MNASNet 0.5.
pub(super) const MNASNET0_5: Entry = Entry {
    name: "mnasnet0_5",
    aliases: &[],
    title: "MNASNet 0.5",
    write: |net, k| mnasnet(net, k, 0.5),
    ..MNASNET1_0
};

/// Channels, blocks and first stride of each stage of MobileNet: table 1 of the paper.
const V1_STAGES: [[usize; 3]; 5] = [[64, 1, 1], [128, 2, 2], [256, 2, 2], [512, 6, 2], [1024, 2, 2]];

/// A convolution, its normalization and ReLU6 under these names.
fn unit<'b>(x: Value<'b>, conv: Conv2d, [name, norm, activation]: [&str; 3]) -> Value<'b> {
    x.layer(name, conv.no_bias()).layer(norm, BatchNorm2d::default()).layer(activation, RELU6)
}

fn v1(net: &Builder, classes: usize) -> Value<'_> {
    init(net);
    let x = unit(net.input(), Conv2d::new(32, 3).stride(2).padding(1), ["conv_stem", "bn1", "act1"]);
    let x = x.sequential("blocks", |x| {
        V1_STAGES.into_iter().fold(x, |x, [channels, blocks, first]| {
            x.numbered("Sequential", |x| {
                (0..blocks).fold(x, |x, i| {
                    x.numbered("DepthwiseSeparableConv", |x| {
                        let stride = if i == 0 { first } else { 1 };
                        let x = unit(x, depthwise(x, 3, stride), ["conv_dw", "bn1", "act1"]);
                        unit(x, Conv2d::new(channels, 1), ["conv_pw", "bn2", "act2"])
                    })
                })
            })
        })
    });
    pooled(x).layer("classifier", Linear::new(classes))
}

const RELU6: Hardtanh = Hardtanh { min: 0.0, max: 6.0 };

/// Expansion, channels, blocks and first stride of each stage of MobileNetV2: table 2 of the paper.
const V2_STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

fn v2(net: &Builder, classes: usize) -> Value<'_> {
    init(net);
    let norm = BatchNorm2d::default;
    let features = net.input().sequential("features", |x| {
        let mut x = conv_norm(x, Conv2d::new(32, 3).stride(2).padding(1), norm(), Some(RELU6));
        for [expansion, channels, blocks, first] in V2_STAGES {
            for i in 0..blocks {
                x = inverted(x, expansion, channels, if i == 0 { first } else { 1 });
            }
        }
        conv_norm(x, Conv2d::new(1280, 1), norm(), Some(RELU6))
    });
    head(features, 0.2, classes)
}

/// A narrow map made wider, filtered depthwise and narrowed without an activation; a shortcut where nothing changes.
fn inverted(x: Value<'_>, expansion: usize, channels: usize, stride: usize) -> Value<'_> {
    let norm = BatchNorm2d::default;
    x.numbered("InvertedResidual", |x| {
        let y = x.sequential("conv", |x| {
            let wide = x.shape().channels() * expansion;
            let x = if expansion == 1 { x } else { conv_norm(x, Conv2d::new(wide, 1), norm(), Some(RELU6)) };
            let x = conv_norm(x, depthwise(x, 3, stride), norm(), Some(RELU6));
            x.then(Conv2d::new(channels, 1).no_bias()).then(norm())
        });
        if stride == 1 && x.shape() == y.shape() { x + y } else { y }
    })
}

/// A block of MobileNetV3.
struct Bneck {
    kernel: usize,
    wide: usize,
    channels: usize,
    gated: bool,
    /// h-swish in place of ReLU.
    swish: bool,
    stride: usize,
}

const fn bneck(
    kernel: usize,
    wide: usize,
    channels: usize,
    gated: bool,
    swish: bool,
    stride: usize,
) -> Bneck {
    Bneck { kernel, wide, channels, gated, swish, stride }
}

/// Table 1 of the paper.
const LARGE: [Bneck; 15] = [
    bneck(3, 16, 16, false, false, 1),
    bneck(3, 64, 24, false, false, 2),
    bneck(3, 72, 24, false, false, 1),
    bneck(5, 72, 40, true, false, 2),
    bneck(5, 120, 40, true, false, 1),
    bneck(5, 120, 40, true, false, 1),
    bneck(3, 240, 80, false, true, 2),
    bneck(3, 200, 80, false, true, 1),
    bneck(3, 184, 80, false, true, 1),
    bneck(3, 184, 80, false, true, 1),
    bneck(3, 480, 112, true, true, 1),
    bneck(3, 672, 112, true, true, 1),
    bneck(5, 672, 160, true, true, 2),
    bneck(5, 960, 160, true, true, 1),
    bneck(5, 960, 160, true, true, 1),
];

/// Table 2 of the paper.
const SMALL: [Bneck; 11] = [
    bneck(3, 16, 16, true, false, 2),
    bneck(3, 72, 24, false, false, 2),
    bneck(3, 88, 24, false, false, 1),
    bneck(5, 96, 40, true, true, 2),
    bneck(5, 240, 40, true, true, 1),
    bneck(5, 240, 40, true, true, 1),
    bneck(5, 120, 48, true, true, 1),
    bneck(5, 144, 48, true, true, 1),
    bneck(5, 288, 96, true, true, 2),
    bneck(5, 576, 96, true, true, 1),
    bneck(5, 576, 96, true, true, 1),
];

fn v3<'b>(net: &'b Builder, classes: usize, blocks: &[Bneck], features: usize) -> Value<'b> {
    init(net);
    let norm = || BatchNorm2d { eps: 1e-3, momentum: 0.01 };
    let x = net.input().sequential("features", |x| {
        let x = conv_norm(x, Conv2d::new(16, 3).stride(2).padding(1), norm(), Some(Unary::Hardswish));
        let x = blocks.iter().fold(x, |x, block| gated(x, block, norm()));
        conv_norm(x, Conv2d::new(6 * x.shape().channels(), 1), norm(), Some(Unary::Hardswish))
    });
    pooled(x).sequential("classifier", |x| {
        let x = x.then(Linear::new(features)).then(Unary::Hardswish);
        x.then(Dropout { p: 0.2 }).then(Linear::new(classes))
    })
}

/// An inverted residual with a gate and an activation of its own.
fn gated<'b>(x: Value<'b>, block: &Bneck, norm: BatchNorm2d) -> Value<'b> {
    let activation = || if block.swish { Op::from(Unary::Hardswish) } else { Op::Relu };
    x.numbered("InvertedResidual", |x| {
        let y = x.sequential("block", |x| {
            let grows = block.wide != x.shape().channels();
            let expand = Conv2d::new(block.wide, 1);
            let x = if grows { conv_norm(x, expand, norm.clone(), Some(activation())) } else { x };
            let x = conv_norm(x, depthwise(x, block.kernel, block.stride), norm.clone(), Some(activation()));
            let squeezed = divisible((block.wide / 4) as f64, 8);
            let x =
                if block.gated { squeeze_excitation(x, squeezed, Op::Relu, Unary::hardsigmoid()) } else { x };
            conv_norm(x, Conv2d::new(block.channels, 1), norm, None::<Op>)
        });
        if block.stride == 1 && x.shape() == y.shape() { y + x } else { y }
    })
}

/// Kernel, first stride, expansion, blocks, and the channels of MNASNet 1.0 of each stack: figure 7 of the paper, B1.
const MNASNET_STACKS: [[usize; 5]; 6] = [
    [3, 2, 3, 3, 24],
    [5, 2, 3, 3, 40],
    [5, 2, 6, 3, 80],
    [3, 1, 6, 2, 96],
    [5, 2, 6, 4, 192],
    [3, 1, 6, 1, 320],
];

fn mnasnet(net: &Builder, classes: usize, width: f64) -> Value<'_> {
    init(net);
    let norm = || BatchNorm2d { eps: 1e-5, momentum: (1.0 - 0.9997_f64) as f32 };
    let channels = |channels: usize| divisible(channels as f64 * width, 8);
    let x = net.input().sequential("layers", |x| {
        let stem = Conv2d::new(channels(32), 3).stride(2).padding(1).no_bias();
        let x = x.then(stem).then(norm()).relu();
        let x = x.then(depthwise(x, 3, 1).no_bias()).then(norm()).relu();
        let mut x = x.then(Conv2d::new(channels(16), 1).no_bias()).then(norm());
        for [kernel, first, expansion, blocks, maps] in MNASNET_STACKS {
            x = x.numbered("Sequential", |x| {
                (0..blocks).fold(x, |x, i| {
                    let stride = if i == 0 { first } else { 1 };
                    searched(x, (kernel, stride), expansion, channels(maps), norm())
                })
            });
        }
        x.then(Conv2d::new(1280, 1).no_bias()).then(norm()).relu()
    });
    head(x, 0.2, classes)
}

/// An inverted residual of MNASNet.
fn searched<'b>(
    x: Value<'b>,
    (kernel, stride): (usize, usize),
    expansion: usize,
    channels: usize,
    norm: BatchNorm2d,
) -> Value<'b> {
    x.numbered("_InvertedResidual", |x| {
        let y = x.sequential("layers", |x| {
            let wide = Conv2d::new(x.shape().channels() * expansion, 1).no_bias();
            let x = x.then(wide).then(norm.clone()).relu();
            let x = x.then(depthwise(x, kernel, stride).no_bias()).then(norm.clone()).relu();
            x.then(Conv2d::new(channels, 1).no_bias()).then(norm)
        });
        if stride == 1 && x.shape() == y.shape() { y + x } else { y }
    })
}
