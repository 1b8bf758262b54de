//! Dropout of whole units with a given mask.

use super::Dropout1d;
use crate::ops::dropout::naive::masked;
use crate::ops::{Array, Gradients, Naive, Reads};

/// Elements of a unit: of (N, C, H, W) a channel of an image, of (N, F) an image's whole vector.
fn unit(x: &Array) -> usize {
    match x.shape[..] {
        [_, features] => features,
        _ => x.shape[2..].iter().product(),
    }
}

impl Naive for Dropout1d {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        masked(reads.inputs[0], reads, unit(reads.inputs[0]))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(masked(dy, reads, unit(dy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_or_a_vector_is_dropped() {
        let mask = |i| if i == 1 { 0.0 } else { 2.0 };
        let run = |x: &Array| {
            let reads = Reads { inputs: &[x], parameters: &[], output: (1, 1), training: Some(&mask) };
            Dropout1d { p: 0.5 }.forward(&reads).data
        };
        assert_eq!(run(&Array { shape: vec![3, 2], data: vec![1.0; 6] }), [2.0, 2.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!(run(&Array { shape: vec![1, 2, 1, 2], data: vec![1.0; 4] }), [2.0, 2.0, 0.0, 0.0]);
    }
}
