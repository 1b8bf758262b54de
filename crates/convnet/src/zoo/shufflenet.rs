//! ShuffleNet v2: torchvision's.

use super::mobile::pooled;
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Value, concat};
use crate::ops::{BatchNorm2d, ChannelShuffle, Conv2d, Linear, MaxPool2d, Slice};

/// torchvision's ShuffleNet v2 1.0×.
pub(super) const X1_0: Entry = Entry {
    name: "shufflenet_v2_x1_0",
    aliases: &["shufflenet_v2", "shufflenetv2"],
    family: "ShuffleNet",
    variant: Variant::Torchvision,
    title: "ShuffleNet v2 1.0×",
    paper: Paper {
        authors: "N. Ma, X. Zhang, H.-T. Zheng, J. Sun",
        title: "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        venue: "European Conference on Computer Vision (ECCV 2018)",
        year: 2018,
        arxiv: Some("1807.11164"),
    },
    year: 2018,
    taught: "Count seconds, not multiplications: memory that is read and written decides as much. So convolutions have as many \
             channels before as behind them, few groups and few branches, and little is done element by element. Half of the \
             channels go past a block as they are, the other half through it, and a shuffle mixes both for the next block.",
    note: "",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| network(net, k, [116, 232, 464], 1024),
};

/// torchvision's ShuffleNet v2 0.5×.
pub(super) const X0_5: Entry = Entry {
    name: "shufflenet_v2_x0_5",
    aliases: &[],
    title: "ShuffleNet v2 0.5×",
    write: |net, k| network(net, k, [48, 96, 192], 1024),
    ..X1_0
};

/// torchvision's ShuffleNet v2 1.5×.
pub(super) const X1_5: Entry = Entry {
    name: "shufflenet_v2_x1_5",
    title: "ShuffleNet v2 1.5×",
    write: |net, k| network(net, k, [176, 352, 704], 1024),
    ..X0_5
};

/// torchvision's ShuffleNet v2 2.0×.
pub(super) const X2_0: Entry = Entry {
    name: "shufflenet_v2_x2_0",
    title: "ShuffleNet v2 2.0×",
    write: |net, k| network(net, k, [244, 488, 976], 2048),
    ..X0_5
};

/// Blocks of each stage: table 5 of the paper.
const BLOCKS: [usize; 3] = [4, 8, 4];

/// A network by the channels of its stages and of its last convolution.
fn network(net: &Builder, classes: usize, stages: [usize; 3], last: usize) -> Value<'_> {
    let x = net.input().sequential("conv1", |x| norm(x, Conv2d::new(24, 3).stride(2).padding(1)).relu());
    let mut x = x.layer("maxpool", MaxPool2d::new(3).stride(2).padding(1));
    for ((channels, blocks), number) in stages.into_iter().zip(BLOCKS).zip(2..) {
        x = x.sequential(&format!("stage{number}"), |x| {
            (1..blocks).fold(halving(x, channels), |x, _| keeping(x, channels))
        });
    }
    let x = x.sequential("conv5", |x| norm(x, Conv2d::new(last, 1)).relu());
    pooled(x).layer("fc", Linear::new(classes))
}

/// A convolution without bias, and its normalization.
fn norm(x: Value<'_>, conv: Conv2d) -> Value<'_> {
    x.then(conv.no_bias()).then(BatchNorm2d::default())
}

fn depthwise(x: Value<'_>, stride: usize) -> Value<'_> {
    norm(x, super::mobile::depthwise(x, 3, stride))
}

/// The branch that computes: 1 × 1, depthwise, 1 × 1.
fn branch(x: Value<'_>, channels: usize, stride: usize) -> Value<'_> {
    x.sequential("branch2", |x| {
        let x = norm(x, Conv2d::new(channels, 1)).relu();
        norm(depthwise(x, stride), Conv2d::new(channels, 1)).relu()
    })
}

/// The channels of two branches, in turn.
fn shuffled<'b>(branches: [Value<'b>; 2]) -> Value<'b> {
    concat(&branches).layer("shuffle", ChannelShuffle { groups: 2 })
}

/// A block that halves the map: both branches read it whole.
fn halving(x: Value<'_>, channels: usize) -> Value<'_> {
    x.numbered("InvertedResidual", |x| {
        let past = x.sequential("branch1", |x| norm(depthwise(x, 2), Conv2d::new(channels / 2, 1)).relu());
        shuffled([past, branch(x, channels / 2, 2)])
    })
}

/// A block that keeps the map: half of the channels go past it.
fn keeping(x: Value<'_>, channels: usize) -> Value<'_> {
    x.numbered("InvertedResidual", |x| {
        let half = channels / 2;
        let part = |name, range| x.layer(name, Slice::channels(range, x.shape()));
        let (past, through) = (part("past", 0..half), part("through", half..channels));
        shuffled([past, branch(through, half, 1)])
    })
}
