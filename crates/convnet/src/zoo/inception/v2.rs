//! BN-Inception, which is Inception v2: with the names of the weights that were published for it.

use super::super::mobile::pooled;
use super::super::registry::{Entry, Paper, Variant};
use super::v3::INCEPTION_V3;
use super::{average, square};
use crate::graph::{Builder, Value, combine};
use crate::ops::{BatchNorm2d, Conv2d, Linear, MaxPool2d, Op};

/// Cadene's BN-Inception.
pub(in super::super) const BNINCEPTION: Entry = Entry {
    name: "bninception@cadene",
    aliases: &["inception_v2", "bn_inception"],
    variant: Variant::Cadene,
    title: "BN-Inception, Inception v2",
    paper: Paper {
        authors: "S. Ioffe, C. Szegedy",
        title: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        venue: "International Conference on Machine Learning (ICML 2015)",
        year: 2015,
        arxiv: Some("1502.03167"),
    },
    note: "The network that batch normalization was shown on: GoogLeNet with normalization after each convolution, two 3 × 3 \
           convolutions for one 5 × 5, and blocks that halve the map. Layers and names are those of the weights that were \
           published for it, in Cadene's collection: convolutions have a bias, the first is no separable one, and there are no \
           auxiliary classifiers. These weights expect blue, green and red from 0 to 255, less 104, 117 and 128.",
    input: [3, 224, 224],
    write: network,
    ..INCEPTION_V3
};

/// How a block pools.
#[derive(Clone, Copy)]
enum Pool {
    /// The mean of the surroundings, and a convolution to as many maps.
    Mean(usize),
    /// Their largest, and a convolution to as many maps.
    Max(usize),
}

/// Maps of a block that keeps the size: 1 × 1; reduction and 3 × 3; reduction and each of two 3 × 3; after the pooling.
struct Block {
    name: &'static str,
    one: usize,
    three: [usize; 2],
    double: [usize; 2],
    pool: Pool,
}

const fn block(name: &'static str, one: usize, three: [usize; 2], double: [usize; 2], pool: Pool) -> Block {
    Block { name, one, three, double, pool }
}

/// The blocks of figure 5 of the paper, up to those that halve the map.
const STAGE3: [Block; 2] = [
    block("3a", 64, [64, 64], [64, 96], Pool::Mean(32)),
    block("3b", 64, [64, 96], [64, 96], Pool::Mean(64)),
];
const STAGE4: [Block; 4] = [
    block("4a", 224, [64, 96], [96, 128], Pool::Mean(128)),
    block("4b", 192, [96, 128], [96, 128], Pool::Mean(128)),
    block("4c", 160, [128, 160], [128, 160], Pool::Mean(128)),
    block("4d", 96, [128, 192], [160, 192], Pool::Mean(128)),
];
const STAGE5: [Block; 2] = [
    block("5a", 352, [192, 320], [160, 224], Pool::Mean(128)),
    block("5b", 352, [192, 320], [192, 224], Pool::Max(128)),
];

fn network(net: &Builder, classes: usize) -> Value<'_> {
    let x = unit(net.input(), "conv1_", "7x7_s2", "7x7", square(64, 7).stride(2));
    let x = x.layer("pool1_3x3_s2", halving());
    let x = named(x, "conv2_", "3x3_reduce", Conv2d::new(64, 1));
    let x = named(x, "conv2_", "3x3", square(192, 3)).layer("pool2_3x3_s2", halving());
    let x = STAGE3.iter().fold(x, keeping);
    let x = shrinking(x, "3c", [128, 160], [64, 96]);
    let x = STAGE4.iter().fold(x, keeping);
    let x = shrinking(x, "4e", [128, 192], [192, 256]);
    pooled(STAGE5.iter().fold(x, keeping)).layer("last_linear", Linear::new(classes))
}

fn halving() -> MaxPool2d {
    MaxPool2d::new(3).stride(2).ceil_mode()
}

/// A convolution, its normalization and ReLU, named as published: all lie side by side in the network.
fn named<'b>(x: Value<'b>, prefix: &str, name: &str, conv: Conv2d) -> Value<'b> {
    unit(x, prefix, name, name, conv)
}

/// The same with another end of the ReLU's name.
fn unit<'b>(x: Value<'b>, prefix: &str, name: &str, relu: &str, conv: Conv2d) -> Value<'b> {
    let norm = BatchNorm2d { momentum: 0.9, ..BatchNorm2d::default() };
    let x = x.layer(&format!("{prefix}{name}"), conv).layer(&format!("{prefix}{name}_bn"), norm);
    x.layer(&format!("{prefix}relu_{relu}"), Op::Relu)
}

/// A block that keeps the map's size.
fn keeping<'b>(x: Value<'b>, block: &Block) -> Value<'b> {
    let prefix = format!("inception_{}_", block.name);
    let one = named(x, &prefix, "1x1", Conv2d::new(block.one, 1));
    let (pool, maps) = match block.pool {
        Pool::Mean(maps) => (Op::from(average()), maps),
        Pool::Max(maps) => (MaxPool2d::new(3).stride(1).padding(1).ceil_mode().into(), maps),
    };
    let pool = named(x.layer(&format!("{prefix}pool"), pool), &prefix, "pool_proj", Conv2d::new(maps, 1));
    joined(&prefix, &[one, three(x, &prefix, block.three, 1), double(x, &prefix, block.double, 1), pool])
}

/// A block that halves the map: no 1 × 1 convolution, and a pooling that keeps its maps.
fn shrinking<'b>(x: Value<'b>, name: &str, threes: [usize; 2], doubles: [usize; 2]) -> Value<'b> {
    let prefix = format!("inception_{name}_");
    let branches = [three(x, &prefix, threes, 2), double(x, &prefix, doubles, 2)];
    joined(&prefix, &[branches[0], branches[1], x.layer(&format!("{prefix}pool"), halving())])
}

fn joined<'b>(prefix: &str, branches: &[Value<'b>]) -> Value<'b> {
    combine(&format!("{prefix}output"), Op::Concat, branches)
}

fn three<'b>(x: Value<'b>, prefix: &str, [reduced, maps]: [usize; 2], stride: usize) -> Value<'b> {
    let x = named(x, prefix, "3x3_reduce", Conv2d::new(reduced, 1));
    named(x, prefix, "3x3", square(maps, 3).stride(stride))
}

fn double<'b>(x: Value<'b>, prefix: &str, [reduced, maps]: [usize; 2], stride: usize) -> Value<'b> {
    let x = named(x, prefix, "double_3x3_reduce", Conv2d::new(reduced, 1));
    let x = named(x, prefix, "double_3x3_1", square(maps, 3));
    named(x, prefix, "double_3x3_2", square(maps, 3).stride(stride))
}
