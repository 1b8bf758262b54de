//! RegNet X and Y: torchvision's.

use super::mobile::{divisible, gate, pooled};
use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{BatchNorm2d, Conv2d, Linear, Op};

/// torchvision's RegNetX-400MF.
pub(super) const X_400MF: Entry = Entry {
    name: "regnet_x_400mf",
    aliases: &[],
    family: "RegNet",
    variant: Variant::Torchvision,
    title: "RegNetX-400MF",
    paper: Paper {
        authors: "I. Radosavovic, R. P. Kosaraju, R. Girshick, K. He, P. Dollár",
        title: "Designing Network Design Spaces",
        venue: "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR 2020)",
        year: 2020,
        arxiv: Some("2003.13678"),
    },
    year: 2020,
    taught: "Design the space, not the network: compare distributions of many networks that are trained briefly, and keep what the \
             good ones share. What is left is one rule: the widths of the blocks grow along a line, rounded to a few stages, and \
             residual blocks of grouped 3 × 3 convolutions need no bottleneck. A handful of numbers gives a good network for any \
             budget; Y adds gates of channels to X.",
    note: "",
    input: [3, 224, 224],
    classes: 1000,
    write: |net, k| {
        network(net, k, &Line { blocks: 22, start: 24.0, slope: 24.48, step: 2.54, group: 16 }, false)
    },
};

/// torchvision's RegNetY-400MF.
pub(super) const Y_400MF: Entry = Entry {
    name: "regnet_y_400mf",
    title: "RegNetY-400MF",
    note: "The biases of the gates start at 0; torchvision leaves them at PyTorch's default.",
    write: |net, k| {
        network(net, k, &Line { blocks: 16, start: 48.0, slope: 27.89, step: 2.09, group: 8 }, true)
    },
    ..X_400MF
};

macro_rules! sizes {
    ($($id:ident, $from:ident, $name:literal, $title:literal, $gated:literal,
       $blocks:literal, $start:literal, $slope:literal, $step:literal, $group:literal;)*) => {
        $(
            #[doc = concat!("torchvision's ", $title, ".")]
            pub(super) const $id: Entry = Entry {
                name: $name,
                title: $title,
                write: |net, k| {
                    let line =
                        Line { blocks: $blocks, start: $start, slope: $slope, step: $step, group: $group };
                    network(net, k, &line, $gated)
                },
                ..$from
            };
        )*
    };
}

// d, w_0, w_a, w_m and g of the paper's appendix, with the digits of its published configurations.
sizes! {
    X_800MF, X_400MF, "regnet_x_800mf", "RegNetX-800MF", false, 16, 56.0, 35.73, 2.28, 16;
    X_1_6GF, X_400MF, "regnet_x_1_6gf", "RegNetX-1.6GF", false, 18, 80.0, 34.01, 2.25, 24;
    X_3_2GF, X_400MF, "regnet_x_3_2gf", "RegNetX-3.2GF", false, 25, 88.0, 26.31, 2.25, 48;
    X_8GF, X_400MF, "regnet_x_8gf", "RegNetX-8GF", false, 23, 80.0, 49.56, 2.88, 120;
    X_16GF, X_400MF, "regnet_x_16gf", "RegNetX-16GF", false, 22, 216.0, 55.59, 2.1, 128;
    X_32GF, X_400MF, "regnet_x_32gf", "RegNetX-32GF", false, 23, 320.0, 69.86, 2.0, 168;
    Y_800MF, Y_400MF, "regnet_y_800mf", "RegNetY-800MF", true, 14, 56.0, 38.84, 2.4, 16;
    Y_1_6GF, Y_400MF, "regnet_y_1_6gf", "RegNetY-1.6GF", true, 27, 48.0, 20.71, 2.65, 24;
    Y_3_2GF, Y_400MF, "regnet_y_3_2gf", "RegNetY-3.2GF", true, 21, 80.0, 42.63, 2.66, 24;
    Y_8GF, Y_400MF, "regnet_y_8gf", "RegNetY-8GF", true, 17, 192.0, 76.82, 2.19, 56;
    Y_16GF, Y_400MF, "regnet_y_16gf", "RegNetY-16GF", true, 18, 200.0, 106.23, 2.48, 112;
    Y_32GF, Y_400MF, "regnet_y_32gf", "RegNetY-32GF", true, 20, 232.0, 115.89, 2.53, 232;
}

/// The rule that gives the widths of all blocks (section 3.3 of the paper).
struct Line {
    /// How many blocks there are: d.
    blocks: usize,
    /// The width of the first: w_0.
    start: f64,
    /// By how much each is wider than the one before it: w_a.
    slope: f64,
    /// The factor between stages, to whose powers the widths are rounded: w_m.
    step: f64,
    /// Channels of a group of the 3 × 3 convolutions: g.
    group: usize,
}

/// Blocks of one width.
struct Stage {
    width: usize,
    blocks: usize,
    group: usize,
}

/// Widths are multiples of this one.
const QUANTUM: f64 = 8.0;

impl Line {
    /// The width of a block: the nearest power of the step, and of those the nearest multiple of eight.
    fn width(&self, block: usize) -> usize {
        let wide = self.start + self.slope * block as f64;
        let power = ((wide / self.start).ln() / self.step.ln()).round_ties_even();
        ((self.start * self.step.powf(power) / QUANTUM).round_ties_even() * QUANTUM) as usize
    }

    /// Runs of blocks of one width, which is then made a multiple of the group's, or the group as narrow as the width.
    fn stages(&self) -> Vec<Stage> {
        let widths: Vec<usize> = (0..self.blocks).map(|block| self.width(block)).collect();
        let stage = |run: &[usize]| {
            let group = self.group.min(run[0]);
            Stage { width: divisible(run[0] as f64, group), blocks: run.len(), group }
        };
        widths.chunk_by(|a, b| a == b).map(stage).collect()
    }
}

/// Maps of the first convolution.
const STEM: usize = 32;

fn network<'b>(net: &'b Builder, classes: usize, line: &Line, gated: bool) -> Value<'b> {
    net.init(Init::KaimingFanOutLinearNormal);
    let x = conv_norm(net.input(), "stem", Conv2d::new(STEM, 3).stride(2).padding(1), true);
    let x = x.sequential("trunk_output", |x| {
        line.stages().iter().zip(1..).fold(x, |x, (stage, number)| {
            x.scope(&format!("block{number}"), "AnyStage", |x| {
                (0..stage.blocks)
                    .fold(x, |x, i| block(x, &format!("block{number}-{i}"), stage, i == 0, gated))
            })
        })
    });
    pooled(x).layer("fc", Linear::new(classes))
}

/// A convolution without bias, its normalization, and ReLU where there is one.
fn conv_norm<'b>(x: Value<'b>, name: &str, conv: Conv2d, active: bool) -> Value<'b> {
    x.sequential(name, |x| {
        let x = x.then(conv.no_bias()).then(BatchNorm2d::default());
        if active { x.relu() } else { x }
    })
}

/// A residual block without a bottleneck, which halves the map if it is the first of its stage; its gate is a quarter as wide
/// as the block's input.
fn block<'b>(x: Value<'b>, name: &str, stage: &Stage, first: bool, gated: bool) -> Value<'b> {
    let &Stage { width, group, .. } = stage;
    let stride = if first { 2 } else { 1 };
    x.scope(name, "ResBottleneckBlock", |x| {
        let input = x.shape().channels();
        let shortcut =
            if first { conv_norm(x, "proj", Conv2d::new(width, 1).stride(stride), false) } else { x };
        let y = x.scope("f", "BottleneckTransform", |x| {
            let x = conv_norm(x, "a", Conv2d::new(width, 1), true);
            let grouped = Conv2d::new(width, 3).stride(stride).padding(1).groups(width / group);
            let mut x = conv_norm(x, "b", grouped, true);
            if gated {
                let squeezed = (input as f64 / 4.0).round_ties_even() as usize;
                x = x.scope("se", "SqueezeExcitation", |x| gate(x, squeezed, Op::Relu, Op::Sigmoid));
            }
            conv_norm(x, "c", Conv2d::new(width, 1), false)
        });
        (shortcut + y).layer("activation", Op::Relu)
    })
}
