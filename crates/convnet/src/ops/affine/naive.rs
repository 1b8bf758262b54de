//! Scale and shift, and their gradient.

use crate::ops::Array;

/// weight·x + bias.
pub(crate) fn forward(x: &Array, weight: &Array, bias: &Array) -> Array {
    let channel = channels(x);
    Array::from_fn(&x.shape, |i| weight.data[channel(i)] * x.data[i] + bias.data[channel(i)])
}

/// weight·dy.
pub(crate) fn backward(weight: &Array, dy: &Array) -> Array {
    let channel = channels(dy);
    Array::from_fn(&dy.shape, |i| weight.data[channel(i)] * dy.data[i])
}

/// The channel of an element by its index.
fn channels(x: &Array) -> impl Fn(usize) -> usize + use<> {
    let [_, channels, height, width] = x.nchw();
    move |i| i / (height * width) % channels
}
