//! Scale and shift, and their gradient.

use super::Affine;
use crate::ops::{Array, Gradients, Naive, Reads};

/// The channel of an element by its index.
fn channels(x: &Array) -> impl Fn(usize) -> usize + use<> {
    let [_, channels, height, width] = x.nchw();
    move |i| i / (height * width) % channels
}

impl Naive for Affine {
    /// weight·x + bias.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, weight, bias) = (reads.inputs[0], reads.parameters[0], reads.parameters[1]);
        let channel = channels(x);
        Array::from_fn(&x.shape, |i| weight.data[channel(i)] * x.data[i] + bias.data[channel(i)])
    }

    /// weight·dy.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (channel, weight) = (channels(dy), reads.parameters[0]);
        Gradients::input(Array::from_fn(&dy.shape, |i| weight.data[channel(i)] * dy.data[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        let [weight, bias] =
            [[2.0, -1.0], [0.5, 0.0]].map(|data| Array { shape: vec![2], data: data.to_vec() });
        let reads = Reads { inputs: &[&x], parameters: &[&weight, &bias], output: (1, 2), training: None };
        assert_eq!(Affine.forward(&reads).data, [2.5, 4.5, -3.0, -4.0]);
    }
}
