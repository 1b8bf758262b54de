//! Dropout with a given mask: both directions multiply by it.

use super::Dropout;
use crate::ops::{Array, Gradients, Naive, Reads};

/// x, each unit of so many elements multiplied with its mask in training.
pub(crate) fn masked(x: &Array, reads: &Reads<'_>, unit: usize) -> Array {
    match reads.training {
        Some(mask) => Array::from_fn(&x.shape, |i| x.data[i] * mask(i / unit)),
        None => x.clone(),
    }
}

impl Naive for Dropout {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        masked(reads.inputs[0], reads, 1)
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(masked(dy, reads, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_dropped_in_training_alone() {
        let x = Array { shape: vec![3, 2], data: vec![1.0; 6] };
        let mask = |i| if i == 1 { 0.0 } else { 2.0 };
        let reads = Reads { inputs: &[&x], parameters: &[], output: (1, 1), training: Some(&mask) };
        let layer = Dropout { p: 0.5 };
        assert_eq!(layer.forward(&reads).data, [2.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
        assert_eq!(layer.forward(&Reads { training: None, ..reads }), x);
    }
}
