//! Concatenation along the channels, and its gradient.

use super::Concat;
use crate::ops::{Array, Gradients, Naive, Reads};

impl Naive for Concat {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let first = &reads.inputs[0].shape;
        let mut shape = first.clone();
        shape[1] = reads.inputs.iter().map(|x| x.shape[1]).sum();
        let images = (0..first[0]).flat_map(|n| {
            reads.inputs.iter().flat_map(move |x| {
                let size = x.data.len() / x.shape[0];
                &x.data[n * size..][..size]
            })
        });
        Array { shape, data: images.copied().collect() }
    }

    /// The slice of dy that belongs to each input.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let total = dy.data.len() / dy.shape[0];
        let mut start = 0;
        let mut slices = Vec::with_capacity(reads.inputs.len());
        for x in reads.inputs {
            let size = x.data.len() / x.shape[0];
            slices.push(Array::from_fn(&x.shape, |i| dy.data[i / size * total + start + i % size]));
            start += size;
        }
        Gradients { inputs: slices, parameters: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::array::checks::random;
    use crate::ops::tests::forward;

    #[test]
    fn channels_of_each_image_are_joined() {
        let shapes = [vec![2, 1, 2, 3], vec![2, 3, 2, 3], vec![2, 2, 2, 3]];
        let inputs = [0, 1, 2].map(|i| random(&shapes[i], i as u64));
        let y = forward(&Concat, &inputs.each_ref());
        assert_eq!(y.shape, [2, 6, 2, 3]);
        assert_eq!(y.data[y.plane(1, 0)], inputs[0].data[inputs[0].plane(1, 0)]);
        assert_eq!(y.data[y.plane(1, 3)], inputs[1].data[inputs[1].plane(1, 2)]);
        assert_eq!(y.data[y.plane(0, 5)], inputs[2].data[inputs[2].plane(0, 1)]);
    }

    #[test]
    fn vectors_are_joined_too() {
        let (a, b) = (random(&[2, 2], 1), random(&[2, 1], 2));
        let y = forward(&Concat, &[&a, &b]);
        assert_eq!(y.shape, [2, 3]);
        assert_eq!(y.data, [a.data[0], a.data[1], b.data[0], a.data[2], a.data[3], b.data[1]]);
    }
}
