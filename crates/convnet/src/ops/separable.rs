//! Layers that are a linear map along each axis: borders that mirror, parts, sums, means, images of another size. Each
//! tells its maps; what they give and their gradients are computed in one way.

use super::{Array, Gradients};
use crate::shape::Shape;

/// What an element along an axis is a sum of: inputs with their weights.
pub(crate) type Row = Vec<(usize, f64)>;

/// The maps along channels, rows and columns: for each output its row.
pub(crate) type Axes = [Vec<Row>; 3];

/// Elements of an axis in their order.
pub(crate) fn whole(size: usize) -> Vec<Row> {
    (0..size).map(|i| vec![(i, 1.0)]).collect()
}

/// Elements of an axis by their numbers.
pub(crate) fn picked(indices: impl IntoIterator<Item = usize>) -> Vec<Row> {
    indices.into_iter().map(|i| vec![(i, 1.0)]).collect()
}

/// Channels, height and width.
pub(crate) fn sizes(shape: Shape) -> [usize; 3] {
    let (height, width) = shape.spatial();
    [shape.channels(), height, width]
}

/// A shape of such sizes: a vector where the input is one.
pub(super) fn resized(input: Shape, [channels, height, width]: [usize; 3]) -> Shape {
    match input {
        Shape::Map { .. } => Shape::map(channels, height, width),
        Shape::Vector { .. } => Shape::vector(channels),
    }
}

/// Calls `f` with each place of the output, the place of the input that goes with it, and the weight.
fn each(axes: &Axes, [images, channels, height, width]: [usize; 4], mut f: impl FnMut(usize, usize, f64)) {
    let mut to = 0;
    for image in 0..images {
        for by_channel in &axes[0] {
            for by_row in &axes[1] {
                for by_column in &axes[2] {
                    for &(c, a) in by_channel {
                        for &(y, b) in by_row {
                            for &(x, d) in by_column {
                                f(to, ((image * channels + c) * height + y) * width + x, a * b * d);
                            }
                        }
                    }
                    to += 1;
                }
            }
        }
    }
}

/// The maps of an array.
pub(super) fn forward(axes: &Axes, x: &Array) -> Array {
    let sizes: Vec<usize> =
        std::iter::once(x.shape[0]).chain(axes.iter().map(Vec::len)).take(x.shape.len()).collect();
    let mut y = Array::zeros(&sizes);
    each(axes, x.nchw(), |to, from, weight| y.data[to] += weight * x.data[from]);
    y
}

/// The gradient of the maps.
pub(super) fn backward(axes: &Axes, x: &Array, dy: &Array) -> Gradients {
    let mut dx = Array::zeros(&x.shape);
    each(axes, x.nchw(), |to, from, weight| dx.data[from] += weight * dy.data[to]);
    Gradients::input(dx)
}

/// The shape of an array for one image.
pub(super) fn shape_of(x: &Array) -> Shape {
    match x.shape[..] {
        [_, channels, height, width] => Shape::map(channels, height, width),
        _ => Shape::vector(x.shape[1..].iter().product()),
    }
}

/// Implements [`Naive`](super::Naive) for a layer that has `axes(&self, Shape) -> Axes`.
macro_rules! naive {
    ($layer:ty) => {
        impl crate::ops::Naive for $layer {
            fn forward(&self, reads: &crate::ops::Reads<'_>) -> crate::ops::Array {
                let x = reads.inputs[0];
                crate::ops::separable::forward(&self.axes(crate::ops::separable::shape_of(x)), x)
            }

            fn backward(
                &self,
                reads: &crate::ops::Reads<'_>,
                _: &crate::ops::Array,
                dy: &crate::ops::Array,
            ) -> crate::ops::Gradients {
                let x = reads.inputs[0];
                crate::ops::separable::backward(&self.axes(crate::ops::separable::shape_of(x)), x, dy)
            }
        }
    };
}
pub(super) use naive;
