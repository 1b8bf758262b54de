//! Inception-ResNet v2: timm's.

use super::super::googlenet::conv_norm;
use super::super::mobile::pooled;
use super::super::registry::Entry;
use super::v4::INCEPTION_V4;
use super::{averaged, branch, halving, pool, square, tall, wide};
use crate::graph::{Builder, Value, concat};
use crate::ops::{Conv2d, Dropout, Linear, Op, Unary};

/// timm's Inception-ResNet v2.
pub(in super::super) const INCEPTION_RESNET_V2: Entry = Entry {
    name: "inception_resnet_v2@timm",
    aliases: &["inceptionresnetv2"],
    title: "Inception-ResNet v2",
    note: "Inception blocks whose output, times 0.1 to 0.2, is added to their input: the scale keeps wide ones from diverging. \
           Dropout of 0.2 before the last layer, as in the paper; timm leaves it to whoever trains. The pretrained weights \
           expect inputs scaled to (x − 0.5) / 0.5.",
    write: network,
    ..INCEPTION_V4
};

fn network(net: &Builder, classes: usize) -> Value<'_> {
    let x = conv_norm(net.input(), "conv2d_1a", halving(32));
    let x = conv_norm(x, "conv2d_2a", Conv2d::new(32, 3));
    let x = conv_norm(x, "conv2d_2b", square(64, 3)).layer("maxpool_3a", pool());
    let x = conv_norm(x, "conv2d_3b", Conv2d::new(80, 1));
    let x = conv_norm(x, "conv2d_4a", Conv2d::new(192, 3)).layer("maxpool_5a", pool());
    let x = x.scope("mixed_5b", "Mixed_5b", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(96, 1));
        let five = branch(x, 1, [Conv2d::new(48, 1), square(64, 5)]);
        let double = branch(x, 2, [Conv2d::new(64, 1), square(96, 3), square(96, 3)]);
        concat(&[one, five, double, averaged(x, 3, 64)])
    });
    let x = x.sequential("repeat", |x| (0..10).fold(x, |x, _| large(x)));
    let x = x.scope("mixed_6a", "Mixed_6a", |x| {
        let three = conv_norm(x, "branch0", halving(384));
        let double = branch(x, 1, [Conv2d::new(256, 1), square(256, 3), halving(384)]);
        concat(&[three, double, x.layer("branch2", pool())])
    });
    let x = x.sequential("repeat_1", |x| (0..20).fold(x, |x, _| middle(x)));
    let x = x.scope("mixed_7a", "Mixed_7a", |x| {
        let first = branch(x, 0, [Conv2d::new(256, 1), halving(384)]);
        let second = branch(x, 1, [Conv2d::new(256, 1), halving(288)]);
        let double = branch(x, 2, [Conv2d::new(256, 1), square(288, 3), halving(320)]);
        concat(&[first, second, double, x.layer("branch3", pool())])
    });
    let small = |x| small(x, 0.2);
    let x = x.sequential("repeat_2", |x| {
        (0..9).fold(x, |x: Value<'_>, _| x.numbered("Block8", |x| small(x).layer("relu", Op::Relu)))
    });
    let x =
        conv_norm(x.scope("block8", "Block8", |x| self::small(x, 1.0)), "conv2d_7b", Conv2d::new(1536, 1));
    pooled(x).layer("head_drop", Dropout { p: 0.2 }).layer("classif", Linear::new(classes))
}

/// The branches joined, brought to the maps of the input, scaled and added to it.
fn added<'b>(x: Value<'b>, branches: &[Value<'b>], scale: f32) -> Value<'b> {
    let y = concat(branches).layer("conv2d", Conv2d::new(x.shape().channels(), 1));
    if scale == 1.0 { y + x } else { y.layer("scale", Unary::Scale { factor: scale }) + x }
}

/// A block of maps of 35 × 35 pixels.
fn large(x: Value<'_>) -> Value<'_> {
    x.numbered("Block35", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(32, 1));
        let three = branch(x, 1, [Conv2d::new(32, 1), square(32, 3)]);
        let double = branch(x, 2, [Conv2d::new(32, 1), square(48, 3), square(64, 3)]);
        added(x, &[one, three, double], 0.17).layer("act", Op::Relu)
    })
}

/// A block of maps of 17 × 17 pixels.
fn middle(x: Value<'_>) -> Value<'_> {
    x.numbered("Block17", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(192, 1));
        let seven = branch(x, 1, [Conv2d::new(128, 1), wide(160, 7), tall(192, 7)]);
        added(x, &[one, seven], 0.1).layer("act", Op::Relu)
    })
}

/// What a block of maps of 8 × 8 pixels does before its ReLU, which the last one has not.
fn small(x: Value<'_>, scale: f32) -> Value<'_> {
    let one = conv_norm(x, "branch0", Conv2d::new(192, 1));
    let three = branch(x, 1, [Conv2d::new(192, 1), wide(224, 3), tall(256, 3)]);
    added(x, &[one, three], scale)
}
