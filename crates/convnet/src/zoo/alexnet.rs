//! AlexNet: the tutorial's two, torchvision's, and the paper's with two groups.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, Linear, LocalResponseNorm, MaxPool2d, Op};

const KRIZHEVSKY_2012: Paper = Paper {
    authors: "A. Krizhevsky, I. Sutskever, G. E. Hinton",
    title: "ImageNet Classification with Deep Convolutional Neural Networks",
    venue: "Advances in Neural Information Processing Systems 25 (NIPS 2012)",
    year: 2012,
    arxiv: None,
};

const KRIZHEVSKY_2014: Paper = Paper {
    authors: "A. Krizhevsky",
    title: "One weird trick for parallelizing convolutional neural networks",
    venue: "arXiv",
    year: 2014,
    arxiv: Some("1404.5997"),
};

/// The tutorial's AlexNet, with batch normalization after the first two convolutions.
pub(super) const ALEXNET: Entry = Entry {
    name: "alexnet",
    aliases: &[],
    family: "AlexNet",
    variant: Variant::Tutorial,
    title: "AlexNet",
    paper: KRIZHEVSKY_2012,
    year: 2012,
    taught: "With many labelled images and two GPUs, a deep convolutional network beat all hand-made features: it won \
             ILSVRC 2012 with 15.3% top-5 error, the runner-up had 26.2%. ReLU does not saturate, so training is \
             several times faster than with tanh; dropout and augmented images hold overfitting back; overlapping \
             pooling and local response normalization gain a little each.",
    note: "Batch normalization after ReLU in place of local response normalization, no groups, no padding in the \
           first convolution, and Dropout1d, as in the tutorial.",
    input: [1, 224, 224],
    classes: 10,
    write: tutorial,
};

/// The tutorial's first example: AlexNet without any normalization.
pub(super) const ALEXNET_PLAIN: Entry = Entry {
    name: "alexnet-plain",
    title: "AlexNet without normalization",
    note: "The tutorial's first example: no normalization, no groups, no padding in the first convolution, and \
           Dropout1d.",
    write: plain,
    ..ALEXNET
};

/// torchvision's AlexNet.
pub(super) const TORCHVISION: Entry = Entry {
    name: "alexnet@torchvision",
    variant: Variant::Torchvision,
    title: "AlexNet of \"One weird trick\"",
    paper: KRIZHEVSKY_2014,
    year: 2014,
    note: "One column of 64, 192, 384, 256 and 256 maps, no normalization, an adaptive pooling before the classifier.",
    input: [3, 224, 224],
    classes: 1000,
    write: torchvision,
    ..ALEXNET
};

/// The paper's AlexNet.
pub(super) const PAPER: Entry = Entry {
    name: "alexnet@paper",
    variant: Variant::Paper,
    title: "AlexNet, two groups",
    note: "Input 224 as the paper says, with padding 2 in the first convolution, which gives its 55 × 55 maps (227 \
           without padding gives the same). The two GPUs are two groups in the second, fourth and fifth convolution. \
           α is multiplied by 5, since LocalResponseNorm divides it by its window.",
    input: [3, 224, 224],
    classes: 1000,
    write: paper,
    ..ALEXNET
};

fn tutorial(net: &Builder, classes: usize) -> Value<'_> {
    let x = net.input().sequential("conv", |x| tutorial_features(x, Value::batch_norm2d));
    x.sequential("linear", |x| tutorial_classifier(x, classes))
}

fn plain(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let x = net.input().numbered("Sequential", |x| tutorial_features(x, |x| x));
    x.numbered("Sequential", |x| tutorial_classifier(x, classes))
}

fn tutorial_features<'b>(x: Value<'b>, norm: fn(Value<'b>) -> Value<'b>) -> Value<'b> {
    let pool = MaxPool2d::new(3).stride(2);
    let x = norm(x.conv2d(Conv2d::new(96, 11).stride(4)).relu()).max_pool2d(pool.clone());
    let x = norm(x.conv2d(Conv2d::new(256, 5).padding(2)).relu()).max_pool2d(pool.clone());
    let x = x.conv2d(Conv2d::new(384, 3).padding(1)).relu();
    let x = x.conv2d(Conv2d::new(384, 3).padding(1)).relu();
    x.conv2d(Conv2d::new(256, 3).padding(1)).relu().max_pool2d(pool)
}

fn tutorial_classifier(x: Value<'_>, classes: usize) -> Value<'_> {
    let x = x.flatten().linear(Linear::new(4096)).relu().dropout1d(0.5);
    x.linear(Linear::new(4096)).relu().dropout1d(0.5).linear(Linear::new(classes)).softmax()
}

fn torchvision(net: &Builder, classes: usize) -> Value<'_> {
    let pool = MaxPool2d::new(3).stride(2);
    let x = net.input().sequential("features", |x| {
        let x = x.conv2d(Conv2d::new(64, 11).stride(4).padding(2)).relu().max_pool2d(pool.clone());
        let x = x.conv2d(Conv2d::new(192, 5).padding(2)).relu().max_pool2d(pool.clone());
        let x = x.conv2d(Conv2d::new(384, 3).padding(1)).relu();
        let x = x.conv2d(Conv2d::new(256, 3).padding(1)).relu();
        x.conv2d(Conv2d::new(256, 3).padding(1)).relu().max_pool2d(pool)
    });
    let x = x.layer("avgpool", AdaptiveAvgPool2d { height: 6, width: 6 }).layer("flatten", Op::Flatten);
    x.sequential("classifier", |x| {
        let x = x.dropout(0.5).linear(Linear::new(4096)).relu();
        x.dropout(0.5).linear(Linear::new(4096)).relu().linear(Linear::new(classes))
    })
}

/// The layers whose biases start at 1, so that their ReLUs do: the second, fourth and fifth Conv2d, and all Linear
/// layers but the last (section 5).
const ONES: [&str; 5] = ["features.4", "features.10", "features.12", "classifier.0", "classifier.3"];

fn paper(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::Normal { ones: ONES.map(String::from).to_vec() });
    let pool = MaxPool2d::new(3).stride(2);
    // Section 3.3: k = 2, n = 5, α = 1e−4, β = 0.75, with α not divided by n.
    let norm = LocalResponseNorm { size: 5, alpha: 5e-4, beta: 0.75, k: 2.0 };
    let x = net.input().sequential("features", |x| {
        let x = x.conv2d(Conv2d::new(96, 11).stride(4).padding(2)).relu();
        let x = x.local_response_norm(norm.clone()).max_pool2d(pool.clone());
        let x = x.conv2d(Conv2d::new(256, 5).padding(2).groups(2)).relu();
        let x = x.local_response_norm(norm).max_pool2d(pool.clone());
        let x = x.conv2d(Conv2d::new(384, 3).padding(1)).relu();
        let x = x.conv2d(Conv2d::new(384, 3).padding(1).groups(2)).relu();
        x.conv2d(Conv2d::new(256, 3).padding(1).groups(2)).relu().max_pool2d(pool)
    });
    let x = x.layer("flatten", Op::Flatten);
    x.sequential("classifier", |x| {
        let x = x.linear(Linear::new(4096)).relu().dropout(0.5);
        x.linear(Linear::new(4096)).relu().dropout(0.5).linear(Linear::new(classes))
    })
}
