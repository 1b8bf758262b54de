//! ResNet and pre-activation ResNet for 32 × 32 images.

use super::registry::{Entry, Paper, Variant};
use super::resnet::{BASIC, RESNET18, conv_norm, conv1x1, conv3x3, head, stage};
use crate::graph::{Builder, Init, Value};
use crate::ops::{BatchNorm2d, Op};

const HE_2016B: Paper = Paper {
    authors: "K. He, X. Zhang, S. Ren, J. Sun",
    title: "Identity Mappings in Deep Residual Networks",
    venue: "European Conference on Computer Vision (ECCV 2016)",
    year: 2016,
    arxiv: Some("1603.05027"),
};

const CIFAR: Entry = Entry {
    variant: Variant::Paper,
    note: "The two shortcuts that change size are 1 × 1 convolutions with batch normalization (the paper's option B); \
           the paper has parameter-free ones here (option A), 2,752 parameters fewer.",
    input: [3, 32, 32],
    classes: 10,
    ..RESNET18
};

const PREACT: Entry = Entry {
    family: "Pre-activation ResNet",
    paper: HE_2016B,
    year: 2016,
    taught: "Keep the shortcut clean: with normalization and ReLU before each convolution instead of after the \
             addition, the signal goes from any block to any other by additions alone, in both directions. Networks \
             of 1,001 layers then train, and better than shallower ones.",
    note: "Shortcuts that change size are 1 × 1 convolutions of the activated input.",
    ..CIFAR
};

macro_rules! entry {
    ($id:ident, $from:ident, $name:literal, $title:literal, $write:expr) => {
        #[doc = $title]
        pub(super) const $id: Entry = Entry { name: $name, title: $title, write: $write, ..$from };
    };
}

entry!(RESNET20, CIFAR, "resnet20@paper", "ResNet-20 for CIFAR", |net, k| cifar(net, k, 3));
entry!(RESNET32, CIFAR, "resnet32@paper", "ResNet-32 for CIFAR", |net, k| cifar(net, k, 5));
entry!(RESNET44, CIFAR, "resnet44@paper", "ResNet-44 for CIFAR", |net, k| cifar(net, k, 7));
entry!(RESNET56, CIFAR, "resnet56@paper", "ResNet-56 for CIFAR", |net, k| cifar(net, k, 9));
entry!(RESNET110, CIFAR, "resnet110@paper", "ResNet-110 for CIFAR", |net, k| cifar(net, k, 18));

entry!(PREACT110, PREACT, "preresnet110@paper", "Pre-activation ResNet-110 for CIFAR", |net, k| {
    preactivated(net, k, 18, false)
});
entry!(PREACT164, PREACT, "preresnet164@paper", "Pre-activation ResNet-164 for CIFAR", |net, k| {
    preactivated(net, k, 18, true)
});

/// Widths of the three stages.
const WIDTHS: [usize; 3] = [16, 32, 64];

/// He et al. 2016a, section 4.2: 6n + 2 layers.
fn cifar(net: &Builder, classes: usize, n: usize) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let mut x = conv_norm(net.input(), 1, conv3x3(WIDTHS[0], 1)).layer("relu", Op::Relu);
    for (i, &width) in WIDTHS.iter().enumerate() {
        let stride = if i == 0 { 1 } else { 2 };
        x = stage(x, &format!("layer{}", i + 1), &BASIC, width, n, stride);
    }
    head(x, classes)
}

/// He et al. 2016b: 6n + 2 layers, or 9n + 2 with bottlenecks.
fn preactivated(net: &Builder, classes: usize, n: usize, bottleneck: bool) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let mut x = net.input().layer("conv1", conv3x3(WIDTHS[0], 1));
    for (i, &width) in WIDTHS.iter().enumerate() {
        x = x.sequential(&format!("layer{}", i + 1), |x| {
            (0..n).fold(x, |x, j| {
                let stride = if i > 0 && j == 0 { 2 } else { 1 };
                // The first unit activates before the two paths part (appendix of the paper).
                unit(x, width, stride, bottleneck, i == 0 && j == 0)
            })
        });
    }
    head(norm_relu(x, ""), classes)
}

fn norm_relu<'b>(x: Value<'b>, number: &str) -> Value<'b> {
    x.layer(&format!("bn{number}"), BatchNorm2d::default()).layer("relu", Op::Relu)
}

fn unit(x: Value<'_>, width: usize, stride: usize, bottleneck: bool, first: bool) -> Value<'_> {
    let kind = if bottleneck { "PreActBottleneck" } else { "PreActBlock" };
    x.numbered(kind, |x| {
        let out = if bottleneck { 4 * width } else { width };
        let active = norm_relu(x, "1");
        let y = if bottleneck {
            let y = norm_relu(active.layer("conv1", conv1x1(width, 1)), "2");
            norm_relu(y.layer("conv2", conv3x3(width, stride)), "3").layer("conv3", conv1x1(out, 1))
        } else {
            norm_relu(active.layer("conv1", conv3x3(width, stride)), "2").layer("conv2", conv3x3(width, 1))
        };
        let shortcut = if stride != 1 || x.shape().channels() != out {
            active.layer("shortcut", conv1x1(out, stride))
        } else if first {
            active
        } else {
            x
        };
        y + shortcut
    })
}
