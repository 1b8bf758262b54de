//! Concatenation along the channels, and its gradient.

use crate::ops::Array;

/// The elements of an image in each input, and in all of them together.
fn sizes(shapes: &[&[usize]]) -> (Vec<usize>, usize) {
    let sizes: Vec<usize> = shapes.iter().map(|s| s[1..].iter().product()).collect();
    let total = sizes.iter().sum();
    (sizes, total)
}

/// (N, C₁, H, W), (N, C₂, H, W), … to (N, C₁ + C₂ + …, H, W).
pub(crate) fn forward(inputs: &[&Array]) -> Array {
    let first = &inputs[0].shape;
    let mut shape = first.clone();
    shape[1] = inputs.iter().map(|x| x.shape[1]).sum();
    let images = (0..first[0]).flat_map(|n| {
        inputs.iter().flat_map(move |x| {
            let size = x.data.len() / x.shape[0];
            &x.data[n * size..][..size]
        })
    });
    Array { shape, data: images.copied().collect() }
}

/// The slice of dy that belongs to each input, by the inputs' shapes.
pub(crate) fn backward(inputs: &[&[usize]], dy: &Array) -> Vec<Array> {
    let (sizes, total) = sizes(inputs);
    let mut start = 0;
    let mut slices = Vec::with_capacity(inputs.len());
    for (shape, size) in inputs.iter().zip(sizes) {
        slices.push(Array::from_fn(shape, |i| dy.data[i / size * total + start + i % size]));
        start += size;
    }
    slices
}
