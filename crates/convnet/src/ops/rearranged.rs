//! Layers that put the elements of an image in another order. Each tells where an element comes from; what they give and
//! their gradients are computed in one way.

use super::separable::sizes;
use super::{Array, Gradients};
use crate::shape::Shape;

/// Where an element of the output comes from, (channel, row, column) each.
pub(crate) type Source<'a> = Box<dyn Fn([usize; 3]) -> [usize; 3] + 'a>;

/// The place of an element of an image in channels, rows, columns.
fn place([_, height, width]: [usize; 3], [c, y, x]: [usize; 3]) -> usize {
    (c * height + y) * width + x
}

/// The element at a place.
pub(crate) fn element([_, height, width]: [usize; 3], place: usize) -> [usize; 3] {
    [place / (height * width), place / width % height, place % width]
}

/// Calls `f` with each place of a batch of outputs and the place of the inputs that it comes from.
fn each(images: usize, [input, output]: [Shape; 2], source: &Source<'_>, mut f: impl FnMut(usize, usize)) {
    let count = output.elements();
    for i in 0..images * count {
        let from = place(sizes(input), source(element(sizes(output), i % count)));
        f(i, i / count * count + from);
    }
}

pub(super) fn forward(shapes: [Shape; 2], source: &Source<'_>, x: &Array) -> Array {
    let images = x.shape[0];
    let mut y = Array::zeros(&shapes[1].with_batch(images));
    each(images, shapes, source, |to, from| y.data[to] = x.data[from]);
    y
}

pub(super) fn backward(shapes: [Shape; 2], source: &Source<'_>, dy: &Array) -> Gradients {
    let images = dy.shape[0];
    let mut dx = Array::zeros(&shapes[0].with_batch(images));
    each(images, shapes, source, |from, to| dx.data[to] = dy.data[from]);
    Gradients::input(dx)
}

/// Implements [`Naive`](super::Naive) for a layer that has `source(&self, Shape) -> Source<'_>`.
macro_rules! naive {
    ($layer:ty) => {
        impl crate::ops::Naive for $layer {
            fn forward(&self, reads: &crate::ops::Reads<'_>) -> crate::ops::Array {
                let input = crate::ops::separable::shape_of(reads.inputs[0]);
                let output = crate::ops::Layer::infer(self, &[input]).unwrap_or(input);
                crate::ops::rearranged::forward([input, output], &self.source(input), reads.inputs[0])
            }

            fn backward(
                &self,
                reads: &crate::ops::Reads<'_>,
                _: &crate::ops::Array,
                dy: &crate::ops::Array,
            ) -> crate::ops::Gradients {
                let input = crate::ops::separable::shape_of(reads.inputs[0]);
                let output = crate::ops::separable::shape_of(dy);
                crate::ops::rearranged::backward([input, output], &self.source(input), dy)
            }
        }
    };
}
pub(super) use naive;
