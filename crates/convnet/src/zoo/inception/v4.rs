//! Inception v4: timm's.

use super::super::googlenet::conv_norm;
use super::super::mobile::pooled;
use super::super::registry::{Entry, Paper, Variant};
use super::v3::INCEPTION_V3;
use super::{averaged, branch, halving, in_turn, pool, square, tall, wide};
use crate::graph::{Builder, Value, concat};
use crate::ops::{Conv2d, Dropout, Linear};

/// timm's Inception v4.
pub(in super::super) const INCEPTION_V4: Entry = Entry {
    name: "inception_v4@timm",
    aliases: &["inceptionv4"],
    variant: Variant::Timm,
    title: "Inception v4",
    paper: Paper {
        authors: "C. Szegedy, S. Ioffe, V. Vanhoucke, A. A. Alemi",
        title: "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        venue: "AAAI Conference on Artificial Intelligence (AAAI 2017)",
        year: 2017,
        arxiv: Some("1602.07261"),
    },
    year: 2016,
    note: "More and more uniform blocks than version 3. Dropout of 0.2 before the last layer, as in the paper; timm leaves it to \
           whoever trains. The pretrained weights expect inputs scaled to (x − 0.5) / 0.5.",
    write: network,
    ..INCEPTION_V3
};

fn network(net: &Builder, classes: usize) -> Value<'_> {
    let x = net.input().sequential("features", |x| {
        let x = in_turn(x, [halving(32), Conv2d::new(32, 3), square(64, 3)]);
        let x = x.numbered("Mixed3a", |x| {
            concat(&[x.layer("maxpool", pool()), conv_norm(x, "conv", halving(96))])
        });
        let x = x.numbered("Mixed4a", |x| {
            let straight = [Conv2d::new(64, 1), Conv2d::new(96, 3)];
            let long = [Conv2d::new(64, 1), wide(64, 7), tall(64, 7), Conv2d::new(96, 3)];
            concat(&[branch(x, 0, straight), branch(x, 1, long)])
        });
        let x = x.numbered("Mixed5a", |x| {
            concat(&[conv_norm(x, "conv", halving(192)), x.layer("maxpool", pool())])
        });
        let x = to_middle((0..4).fold(x, |x, _| large(x)));
        let x = to_small((0..7).fold(x, |x, _| middle(x)));
        (0..3).fold(x, |x, _| small(x))
    });
    pooled(x).layer("head_drop", Dropout { p: 0.2 }).layer("last_linear", Linear::new(classes))
}

/// A block of maps of 35 × 35 pixels.
fn large(x: Value<'_>) -> Value<'_> {
    x.numbered("InceptionA", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(96, 1));
        let three = branch(x, 1, [Conv2d::new(64, 1), square(96, 3)]);
        let double = branch(x, 2, [Conv2d::new(64, 1), square(96, 3), square(96, 3)]);
        concat(&[one, three, double, averaged(x, 3, 96)])
    })
}

/// From 35 × 35 to 17 × 17 pixels.
fn to_middle(x: Value<'_>) -> Value<'_> {
    x.numbered("ReductionA", |x| {
        let three = conv_norm(x, "branch0", halving(384));
        let double = branch(x, 1, [Conv2d::new(192, 1), square(224, 3), halving(256)]);
        concat(&[three, double, x.layer("branch2", pool())])
    })
}

/// A block of maps of 17 × 17 pixels.
fn middle(x: Value<'_>) -> Value<'_> {
    x.numbered("InceptionB", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(384, 1));
        let seven = branch(x, 1, [Conv2d::new(192, 1), wide(224, 7), tall(256, 7)]);
        let double = [Conv2d::new(192, 1), tall(192, 7), wide(224, 7), tall(224, 7), wide(256, 7)];
        concat(&[one, seven, branch(x, 2, double), averaged(x, 3, 128)])
    })
}

/// From 17 × 17 to 8 × 8 pixels.
fn to_small(x: Value<'_>) -> Value<'_> {
    x.numbered("ReductionB", |x| {
        let three = branch(x, 0, [Conv2d::new(192, 1), halving(192)]);
        let seven = branch(x, 1, [Conv2d::new(256, 1), wide(256, 7), tall(320, 7), halving(320)]);
        concat(&[three, seven, x.layer("branch2", pool())])
    })
}

/// A block of maps of 8 × 8 pixels: 1 × 3 and 3 × 1 kernels side by side.
fn small(x: Value<'_>) -> Value<'_> {
    x.numbered("InceptionC", |x| {
        let one = conv_norm(x, "branch0", Conv2d::new(256, 1));
        let three = conv_norm(x, "branch1_0", Conv2d::new(384, 1));
        let three =
            [conv_norm(three, "branch1_1a", wide(256, 3)), conv_norm(three, "branch1_1b", tall(256, 3))];
        let long = conv_norm(x, "branch2_0", Conv2d::new(384, 1));
        let long = conv_norm(conv_norm(long, "branch2_1", tall(448, 3)), "branch2_2", wide(512, 3));
        let long = [conv_norm(long, "branch2_3a", wide(256, 3)), conv_norm(long, "branch2_3b", tall(256, 3))];
        concat(&[one, concat(&three), concat(&long), averaged(x, 3, 256)])
    })
}
