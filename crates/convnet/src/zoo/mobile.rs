//! What networks for telephones share: normalized convolutions, gates of channels, numbers of channels that are multiples
//! of another.

use crate::graph::{Builder, Value};
use crate::ops::{AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, Op};

/// The nearest multiple of `by`, once that at least, and no less than nine tenths of a number of channels.
pub(super) fn divisible(channels: f64, by: usize) -> usize {
    let by = by as f64;
    let near = ((channels + by / 2.0) / by).floor().max(1.0) * by;
    (if near < 0.9 * channels { near + by } else { near }) as usize
}

/// A convolution without bias, its normalization, and an activation where there is one, as a numbered Sequential.
pub(super) fn conv_norm<'b>(
    x: Value<'b>,
    conv: Conv2d,
    norm: BatchNorm2d,
    activation: Option<impl Into<Op>>,
) -> Value<'b> {
    x.numbered("Sequential", |x| {
        let x = x.then(conv.no_bias()).then(norm);
        activation.map_or(x, |activation| x.then(activation))
    })
}

/// A convolution with padding that keeps the map, of one group for each channel of its input.
pub(super) fn depthwise(x: Value<'_>, kernel: usize, stride: usize) -> Conv2d {
    let channels = x.shape().channels();
    Conv2d::new(channels, kernel).stride(stride).padding(kernel / 2).groups(channels)
}

/// The gate of each channel as a numbered module; see [`gate`].
pub(super) fn squeeze_excitation<'b>(
    x: Value<'b>,
    squeezed: usize,
    activation: impl Into<Op>,
    last: impl Into<Op>,
) -> Value<'b> {
    x.numbered("SqueezeExcitation", |x| gate(x, squeezed, activation, last))
}

/// The gate of each channel (Hu, Shen and Sun 2018): the map's mean through two 1 × 1 convolutions, times the map.
pub(super) fn gate<'b>(
    x: Value<'b>,
    squeezed: usize,
    activation: impl Into<Op>,
    last: impl Into<Op>,
) -> Value<'b> {
    let s = x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 });
    let s = s.layer("fc1", Conv2d::new(squeezed, 1)).layer("activation", activation);
    let s = s.layer("fc2", Conv2d::new(x.shape().channels(), 1)).layer("scale_activation", last);
    s * x
}

/// The map's mean as a vector.
pub(super) fn pooled(x: Value<'_>) -> Value<'_> {
    x.layer("avgpool", AdaptiveAvgPool2d { height: 1, width: 1 }).layer("flatten", Op::Flatten)
}

/// Global average pooling, dropout, and the linear classifier.
pub(super) fn head(x: Value<'_>, p: f32, classes: usize) -> Value<'_> {
    pooled(x).sequential("classifier", |x| x.then(Dropout { p }).then(Linear::new(classes)))
}

/// Sets the initialization that torchvision's networks for telephones share.
pub(super) fn init(net: &Builder) {
    net.init(crate::graph::Init::KaimingFanOutLinearNormal);
}
