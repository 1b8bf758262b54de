//! Network in Network: the tutorial's, and the paper's for CIFAR-10.

use super::registry::{Entry, Paper, Variant};
use crate::graph::{Builder, Init, Value};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, Op};

const LIN_2014: Paper = Paper {
    authors: "M. Lin, Q. Chen, S. Yan",
    title: "Network In Network",
    venue: "International Conference on Learning Representations (ICLR 2014)",
    year: 2014,
    arxiv: Some("1312.4400"),
};

/// The tutorial's NiN.
pub(super) const NIN: Entry = Entry {
    name: "nin",
    aliases: &[],
    family: "NiN",
    variant: Variant::Tutorial,
    title: "Network in Network",
    paper: LIN_2014,
    year: 2013,
    taught: "A 1 × 1 convolution is a small network applied at each pixel: it mixes channels and adds non-linearity at \
             little cost, and Inception and ResNet took it over. Global average pooling of one map a class replaces \
             the linear layers: no parameters there to overfit, and each map shows where its class was seen.",
    note: "AlexNet's kernel sizes and strides, 10 classes, and a Softmax at the end, as in the tutorial.",
    input: [1, 224, 224],
    classes: 10,
    write: tutorial,
};

/// The paper's NiN for CIFAR-10.
pub(super) const PAPER: Entry = Entry {
    name: "nin@paper",
    aliases: &["nin-cifar"],
    variant: Variant::Paper,
    title: "Network in Network for CIFAR",
    note: "The widths are those of the authors' published CIFAR-10 configuration, since the paper does not give them; \
           the paper's own initial weights are not published, here they follow He et al. 2015.",
    input: [3, 32, 32],
    write: paper,
    ..NIN
};

fn tutorial(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    let pool = MaxPool2d::new(3).stride(2);
    let x = block(net.input(), Conv2d::new(96, 11).stride(4)).max_pool2d(pool.clone());
    let x = block(x, Conv2d::new(256, 5).padding(2)).max_pool2d(pool.clone());
    let x = block(x, Conv2d::new(384, 3).padding(1)).max_pool2d(pool).dropout(0.5);
    let x = block(x, Conv2d::new(classes, 3).padding(1));
    x.adaptive_avg_pool2d(1, 1).flatten().softmax()
}

fn block(x: Value<'_>, conv: Conv2d) -> Value<'_> {
    let maps = conv.out_channels;
    x.numbered("Sequential", |x| {
        let x = x.conv2d(conv).relu();
        x.conv2d(Conv2d::new(maps, 1)).relu().conv2d(Conv2d::new(maps, 1)).relu()
    })
}

fn paper(net: &Builder, classes: usize) -> Value<'_> {
    net.init(Init::KaimingFanIn);
    // Windows at the border are counted, so that 32 pixels become 16 and 8.
    let pool = MaxPool2d::new(3).stride(2).ceil_mode();
    let x = mlpconv(net.input(), "mlpconv1", Conv2d::new(192, 5).padding(2), [160, 96]);
    let x = x.layer("pool1", pool.clone()).layer("dropout1", Dropout { p: 0.5 });
    let x = mlpconv(x, "mlpconv2", Conv2d::new(192, 5).padding(2), [192, 192]);
    let x = x.layer("pool2", pool).layer("dropout2", Dropout { p: 0.5 });
    let x = mlpconv(x, "mlpconv3", Conv2d::new(192, 3).padding(1), [192, classes]);
    x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("flatten", Op::Flatten)
}

/// A convolution and a perceptron with two hidden layers at each pixel (section 3.1).
fn mlpconv<'b>(x: Value<'b>, name: &str, conv: Conv2d, widths: [usize; 2]) -> Value<'b> {
    x.sequential(name, |x| {
        widths.iter().fold(x.conv2d(conv).relu(), |x, &width| x.conv2d(Conv2d::new(width, 1)).relu())
    })
}
