//! LeNet: the tutorial's, and LeNet-1, 4 and 5 after the papers.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{AvgPool2d, Conv2d, Linear, MaxPool2d, Op};

const LECUN_1990: Paper = Paper {
    authors: "Y. LeCun, B. Boser, J. S. Denker, D. Henderson, R. E. Howard, W. Hubbard, L. D. Jackel",
    title: "Handwritten Digit Recognition with a Back-Propagation Network",
    venue: "Advances in Neural Information Processing Systems 2 (NIPS 1989)",
    year: 1990,
    arxiv: None,
};

const LECUN_1995: Paper = Paper {
    authors: "Y. LeCun, L. D. Jackel, L. Bottou, C. Cortes, J. S. Denker, H. Drucker, I. Guyon, U. A. Müller, \
              E. Säckinger, P. Simard, V. Vapnik",
    title: "Learning Algorithms for Classification: A Comparison on Handwritten Digit Recognition",
    venue: "Neural Networks: The Statistical Mechanics Perspective",
    year: 1995,
    arxiv: None,
};

const LECUN_1998: Paper = Paper {
    authors: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    title: "Gradient-Based Learning Applied to Document Recognition",
    venue: "Proceedings of the IEEE 86(11)",
    year: 1998,
    arxiv: None,
};

/// The tutorial's LeNet.
pub(super) const LENET: Entry = Entry {
    name: "lenet",
    aliases: &[],
    family: "LeNet",
    variant: Variant::Tutorial,
    title: "LeNet",
    paper: LECUN_1998,
    year: 1998,
    taught: "Features need not be designed: convolutions with shared weights, subsampling and a classifier on top \
             are trained as one by back-propagation, from pixels to classes. Local receptive fields and shared \
             weights give few parameters and tolerance to shifts. It has neither dropout nor batch normalization.",
    note: "Max pooling, no activation after the convolutions, ReLU between the linear layers and a Softmax at the \
           end, as in the tutorial.",
    input: [1, 32, 32],
    classes: 10,
    write: tutorial,
};

const PAPER: Entry = Entry { variant: Variant::Paper, ..LENET };

/// LeNet-1.
pub(super) const LENET1: Entry = Entry {
    name: "lenet1@paper",
    aliases: &["lenet-1"],
    title: "LeNet-1",
    paper: LECUN_1990,
    year: 1990,
    note: "Each map of H3 sees all four maps before it (the paper: one or two of them, hence 700 weights fewer: \
           2,578 in all); tanh is not scaled.",
    input: [1, 28, 28],
    write: lenet1,
    ..PAPER
};

/// LeNet-4.
pub(super) const LENET4: Entry = Entry {
    name: "lenet4@paper",
    aliases: &["lenet-4"],
    title: "LeNet-4",
    paper: LECUN_1995,
    year: 1995,
    note: "The paper names the maps (4, 8 subsampled in pairs, 16, 120 units) and some 17,000 parameters, but not \
           the connections that are left out; here all are made, which gives 52,698. Tanh is not scaled.",
    write: lenet4,
    ..PAPER
};

/// LeNet-5.
pub(super) const LENET5: Entry = Entry {
    name: "lenet5@paper",
    aliases: &["lenet-5"],
    title: "LeNet-5",
    note: "Each map of C3 sees all six maps of S2 (the paper's table leaves 36 of 96 out, 900 weights); the output is \
           a Linear layer (850 parameters) in place of fixed radial basis functions; tanh is not scaled. The \
           subsampling with one coefficient and one bias a map is the paper's. 61,750 parameters, the paper: 60,000.",
    write: lenet5,
    ..PAPER
};

fn tutorial(net: &Builder, classes: usize) -> Value<'_> {
    let x = net.input().sequential("conv", |x| {
        x.conv2d(Conv2d::new(6, 5))
            .max_pool2d(MaxPool2d::new(2))
            .conv2d(Conv2d::new(16, 5))
            .max_pool2d(MaxPool2d::new(2))
    });
    x.sequential("linear", |x| {
        let x = x.flatten().linear(Linear::new(120)).relu().linear(Linear::new(84)).relu();
        x.linear(Linear::new(classes)).softmax()
    })
}

/// A convolution followed by the squashing function.
fn squashed<'b>(x: Value<'b>, name: &str, maps: usize, kernel: usize) -> Value<'b> {
    x.layer(name, Conv2d::new(maps, kernel)).layer(&format!("{name}_tanh"), Op::Tanh)
}

/// The trainable subsampling of LeCun et al. 1998, section II.B: the mean of 2 × 2 inputs times a coefficient
/// plus a bias, squashed. A 1 × 1 convolution in `maps_in` groups is that coefficient and bias.
fn subsampled<'b>(x: Value<'b>, name: &str, maps: usize) -> Value<'b> {
    let groups = x.shape().channels();
    x.layer(&format!("{name}_mean"), AvgPool2d::new(2))
        .layer(name, Conv2d::new(maps, 1).groups(groups))
        .layer(&format!("{name}_tanh"), Op::Tanh)
}

fn lenet1(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::LeCunUniform);
    let x = subsampled(squashed(net.input(), "h1", 4, 5), "h2", 4);
    let x = subsampled(squashed(x, "h3", 12, 5), "h4", 12);
    x.layer("flatten", Op::Flatten).layer("output", Linear::new(classes))
}

fn lenet4(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::LeCunUniform);
    let x = subsampled(squashed(net.input(), "c1", 4, 5), "s2", 8);
    let x = subsampled(squashed(x, "c3", 16, 5), "s4", 16);
    let x = x.layer("flatten", Op::Flatten).layer("f5", Linear::new(120)).layer("f5_tanh", Op::Tanh);
    x.layer("output", Linear::new(classes))
}

fn lenet5(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::LeCunUniform);
    let x = subsampled(squashed(net.input(), "c1", 6, 5), "s2", 6);
    let x = squashed(subsampled(squashed(x, "c3", 16, 5), "s4", 16), "c5", 120, 5);
    let x = x.layer("flatten", Op::Flatten).layer("f6", Linear::new(84)).layer("f6_tanh", Op::Tanh);
    x.layer("output", Linear::new(classes))
}
