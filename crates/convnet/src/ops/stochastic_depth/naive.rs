//! Dropping whole images with a given mask.

use super::StochasticDepth;
use crate::ops::dropout::naive::masked;
use crate::ops::{Array, Gradients, Naive, Reads};

/// Elements of an image.
fn unit(x: &Array) -> usize {
    x.shape[1..].iter().product::<usize>().max(1)
}

impl Naive for StochasticDepth {
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
    fn an_image_is_dropped_as_a_whole() {
        let mask = |i| if i == 1 { 0.0 } else { 2.0 };
        let x = Array { shape: vec![2, 2, 1, 2], data: vec![1.0; 8] };
        let reads = Reads { inputs: &[&x], parameters: &[], output: (1, 2), training: Some(&mask) };
        let layer = StochasticDepth { p: 0.5 };
        assert_eq!(layer.forward(&reads).data, [2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(layer.forward(&Reads { training: None, ..reads }), x);
    }
}
