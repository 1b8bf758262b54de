//! What came after GoogLeNet's first Inception: versions 2 to 4, and the one with residual connections.

mod resnet_v2;
mod v2;
mod v3;
mod v4;

use super::googlenet::{basic_conv, conv_norm};
use crate::graph::Value;
use crate::ops::{AvgPool2d, Conv2d, MaxPool2d};

pub(super) use resnet_v2::INCEPTION_RESNET_V2;
pub(super) use v2::BNINCEPTION;
pub(super) use v3::{INCEPTION_V3, is_auxiliary};
pub(super) use v4::INCEPTION_V4;

/// A kernel of one row that keeps the map.
fn wide(maps: usize, length: usize) -> Conv2d {
    Conv2d::new(maps, (1, length)).padding((0, length / 2))
}

/// A kernel of one column that keeps the map.
fn tall(maps: usize, length: usize) -> Conv2d {
    Conv2d::new(maps, (length, 1)).padding((length / 2, 0))
}

/// A square kernel that keeps the map.
fn square(maps: usize, length: usize) -> Conv2d {
    Conv2d::new(maps, length).padding(length / 2)
}

/// A 3 × 3 kernel that halves the map.
fn halving(maps: usize) -> Conv2d {
    Conv2d::new(maps, 3).stride(2)
}

/// The largest of 3 × 3 pixels, which halves the map.
fn pool() -> MaxPool2d {
    MaxPool2d::new(3).stride(2)
}

/// The mean of each pixel's surroundings.
fn average() -> AvgPool2d {
    AvgPool2d::new(3).stride(1).padding(1)
}

/// Normalized convolutions one behind another, named by a prefix and their number from 1 on.
fn chain<'b, const N: usize>(x: Value<'b>, prefix: &str, convs: [Conv2d; N]) -> Value<'b> {
    convs.into_iter().zip(1..).fold(x, |x, (conv, i)| conv_norm(x, &format!("{prefix}{i}"), conv))
}

/// Normalized convolutions one behind another, as numbered modules.
fn in_turn<const N: usize>(x: Value<'_>, convs: [Conv2d; N]) -> Value<'_> {
    convs.into_iter().fold(x, |x, conv| x.numbered("BasicConv2d", |x| basic_conv(x, conv)))
}

/// The same as a numbered branch.
fn branch<const N: usize>(x: Value<'_>, number: usize, convs: [Conv2d; N]) -> Value<'_> {
    x.sequential(&format!("branch{number}"), |x| in_turn(x, convs))
}

/// A numbered branch: the mean of the surroundings, without what lies beyond the border, and a convolution.
fn averaged(x: Value<'_>, number: usize, maps: usize) -> Value<'_> {
    let mean = average().exclude_pad();
    x.sequential(&format!("branch{number}"), |x| in_turn(x.then(mean), [Conv2d::new(maps, 1)]))
}
