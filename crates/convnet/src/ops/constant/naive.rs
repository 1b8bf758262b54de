//! The numbers for each image, and the gradient, which is 0.

use super::Constant;
use crate::ops::{Array, Gradients, Naive, Reads};

impl Naive for Constant {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let value = &reads.parameters[0].data;
        let shape = self.shape().with_batch(reads.inputs[0].shape[0]);
        Array::from_fn(&shape, |i| value[i % value.len()])
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, _: &Array) -> Gradients {
        Gradients::input(Array::zeros(&reads.inputs[0].shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::shape::Shape;

    #[test]
    fn every_image_has_the_same_numbers() {
        let layer = Constant::of(Shape::map(1, 1, 2));
        let images = Array::zeros(&[3, 4, 2, 2]);
        let value = Array { shape: vec![1, 1, 2], data: vec![5.0, 7.0] };
        let reads = Reads { inputs: &[&images], parameters: &[&value], output: (1, 2), training: None };
        let y = layer.forward(&reads);
        assert_eq!((y.shape, y.data), (vec![3, 1, 1, 2], vec![5.0, 7.0, 5.0, 7.0, 5.0, 7.0]));
        assert!(layer.infer(&[]).is_err());
    }
}
