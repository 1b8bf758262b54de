//! The families at the size of small images: what each family taught, narrow and shallow enough that two cores train it on
//! sixty thousand images of 28 × 28 pixels within minutes. All but the last pooling is by two, and the last one is adaptive:
//! any image from 16 × 16 pixels on fits, and training images may grow.

use super::registry::{Entry, Variant};
use crate::graph::{Builder, Value, concat};
use crate::ops::{AvgPool2d, Conv2d, Linear, MaxPool2d};

macro_rules! entry {
    ($id:ident, $from:expr, $name:literal, $title:literal, $note:literal, $write:expr) => {
        #[doc = $title]
        pub(super) const $id: Entry = Entry {
            name: $name,
            aliases: &[],
            variant: Variant::Small,
            title: $title,
            note: $note,
            input: [1, 28, 28],
            classes: 10,
            write: $write,
            ..$from
        };
    };
}

entry!(
    ALEXNET,
    super::alexnet::ALEXNET,
    "alexnet@small",
    "AlexNet for small images",
    "Five convolutions of 32, 64, 96, 96 and 64 maps with kernels of 5 and 3 pixels, no stride, batch normalization after \
     ReLU as in the tutorial, and linear layers of 256.",
    alexnet
);
entry!(
    VGG,
    super::vgg::VGG11,
    "vgg@small",
    "VGG for small images",
    "Three pairs of 3 × 3 convolutions of up to 128 maps, each with batch normalization, and one hidden linear layer of 256.",
    vgg
);
entry!(
    NIN,
    super::nin::NIN,
    "nin@small",
    "Network in Network for small images",
    "Three blocks of 48, 96 and 192 maps with batch normalization after each convolution but the last, and no Softmax.",
    nin
);
entry!(
    GOOGLENET,
    super::googlenet::GOOGLENET,
    "googlenet@small",
    "GoogLeNet for small images",
    "One convolution before four Inception blocks of 80 to 208 maps; batch normalization after each convolution, and no \
     Softmax.",
    googlenet
);
entry!(
    RESNET,
    super::resnet::RESNET18,
    "resnet@small",
    "ResNet for small images",
    "Two convolutions, then three residual blocks of 32, 64 and 128 maps with a convolution between them; pooling halves \
     the map.",
    resnet
);
entry!(
    DENSENET,
    super::densenet::DENSENET,
    "densenet@small",
    "DenseNet for small images",
    "Growth 16, six layers in each of two blocks, no bottleneck layers, and no Softmax.",
    densenet
);

/// A convolution that keeps the map's size, batch normalization and ReLU.
fn unit(x: Value<'_>, maps: usize, kernel: usize) -> Value<'_> {
    x.conv2d(Conv2d::new(maps, kernel).padding(kernel / 2).no_bias()).batch_norm2d().relu()
}

fn halved(x: Value<'_>) -> Value<'_> {
    x.max_pool2d(MaxPool2d::new(2))
}

/// Global average pooling and a Linear layer.
fn head(x: Value<'_>, classes: usize) -> Value<'_> {
    x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(classes))
}

/// A convolution that keeps the map's size, and ReLU.
fn plain(x: Value<'_>, maps: usize, kernel: usize) -> Value<'_> {
    x.conv2d(Conv2d::new(maps, kernel).padding(kernel / 2)).relu()
}

fn alexnet(net: &Builder, classes: usize) -> Value<'_> {
    let pool = MaxPool2d::new(3).stride(2);
    let x = net.input().sequential("features", |x| {
        let x = plain(x, 32, 5).batch_norm2d().max_pool2d(pool.clone());
        let x = plain(x, 64, 5).batch_norm2d().max_pool2d(pool.clone());
        plain(plain(plain(x, 96, 3), 96, 3), 64, 3).max_pool2d(pool)
    });
    let x = x.adaptive_avg_pool2d(2, 2).flatten();
    x.sequential("classifier", |x| {
        let x = x.linear(Linear::new(256)).relu().dropout(0.5);
        x.linear(Linear::new(256)).relu().dropout(0.5).linear(Linear::new(classes))
    })
}

fn vgg(net: &Builder, classes: usize) -> Value<'_> {
    let x = net.input().sequential("features", |x| {
        [[16, 32], [64, 64], [128, 128]]
            .into_iter()
            .fold(x, |x, maps| halved(maps.into_iter().fold(x, |x, maps| unit(x, maps, 3))))
    });
    let x = x.adaptive_avg_pool2d(3, 3).flatten();
    x.sequential("classifier", |x| {
        x.linear(Linear::new(256)).relu().dropout(0.5).linear(Linear::new(classes))
    })
}

fn nin(net: &Builder, classes: usize) -> Value<'_> {
    net.input().sequential("features", |x| {
        let x = halved(unit(unit(unit(x, 48, 5), 48, 1), 48, 1));
        let x = halved(unit(unit(unit(x, 96, 5), 96, 1), 96, 1)).dropout(0.3);
        let x = unit(unit(x, 192, 3), 192, 1).conv2d(Conv2d::new(classes, 1));
        x.adaptive_avg_pool2d(1, 1).flatten()
    })
}

/// Maps of an Inception block: 1 × 1; reduction and 3 × 3; reduction and 5 × 5; after the pooling.
type Inception = (usize, [usize; 2], [usize; 2], usize);

/// The blocks before and behind the second pooling.
const INCEPTIONS: [[Inception; 2]; 2] = [
    [(16, [24, 32], [8, 16], 16), (24, [32, 48], [8, 16], 16)],
    [(32, [48, 64], [12, 24], 24), (48, [64, 96], [16, 32], 32)],
];

fn inception(x: Value<'_>, (one, three, five, pool): Inception) -> Value<'_> {
    x.numbered("Inception", |x| {
        let one = x.sequential("branch1", |x| unit(x, one, 1));
        let three = x.sequential("branch2", |x| unit(unit(x, three[0], 1), three[1], 3));
        let five = x.sequential("branch3", |x| unit(unit(x, five[0], 1), five[1], 5));
        let pool =
            x.sequential("branch4", |x| unit(x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1)), pool, 1));
        concat(&[one, three, five, pool])
    })
}

fn googlenet(net: &Builder, classes: usize) -> Value<'_> {
    net.input().sequential("features", |x| {
        let x = INCEPTIONS
            .into_iter()
            .fold(unit(x, 32, 3), |x, blocks| blocks.into_iter().fold(halved(x), inception));
        x.adaptive_avg_pool2d(1, 1).flatten().dropout(0.2).linear(Linear::new(classes))
    })
}

/// Two convolutions whose input is added to what they give.
fn residual(x: Value<'_>, maps: usize) -> Value<'_> {
    x.numbered("Residual", |x| {
        let conv = Conv2d::new(maps, 3).padding(1).no_bias();
        (x + unit(x, maps, 3).conv2d(conv).batch_norm2d()).relu()
    })
}

fn resnet(net: &Builder, classes: usize) -> Value<'_> {
    net.input().sequential("features", |x| {
        let x = [32, 64].into_iter().fold(unit(x, 16, 3), |x, maps| residual(halved(unit(x, maps, 3)), maps));
        head(residual(halved(unit(x, 128, 3)), 128), classes)
    })
}

/// The maps that a layer of a DenseNet adds.
const GROWTH: usize = 16;
/// The layers of a block.
const LAYERS: usize = 6;

fn densenet(net: &Builder, classes: usize) -> Value<'_> {
    let block = |x| {
        (0..LAYERS).fold(x, |x: Value<'_>, _| {
            x.numbered("DenseLayer", |x| {
                let conv = Conv2d::new(GROWTH, 3).padding(1).no_bias();
                concat(&[x, x.batch_norm2d().relu().conv2d(conv)])
            })
        })
    };
    net.input().sequential("features", |x| {
        let x = block(halved(unit(x, 32, 3)));
        let maps = x.shape().channels() / 2;
        let x = x.batch_norm2d().relu().conv2d(Conv2d::new(maps, 1).no_bias()).avg_pool2d(AvgPool2d::new(2));
        head(block(x).batch_norm2d().relu(), classes)
    })
}
