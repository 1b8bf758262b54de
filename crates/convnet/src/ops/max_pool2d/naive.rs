//! Max pooling as its formula, and its gradient.

use super::MaxPool2d;
use crate::ops::Array;

/// The flat input index of each output's maximum: the first of equals in row-major order; a NaN wins, as in
/// PyTorch.
fn argmax(op: &MaxPool2d, x: &Array, (rows, columns): (usize, usize)) -> Vec<usize> {
    let [batch, channels, height, width] = x.nchw();
    let window = op.window();
    let mut found = Vec::with_capacity(batch * channels * rows * columns);
    for plane in 0..batch * channels {
        let start = plane * height * width;
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let mut best = (start, f64::NEG_INFINITY);
            for (i, (h, w)) in window.elements((row, column), (height, width)).enumerate() {
                let at = start + h * width + w;
                let value = x.data[at];
                if i == 0 || value > best.1 || value.is_nan() {
                    best = (at, value);
                }
            }
            found.push(best.0);
        }
    }
    found
}

/// The maximum of each window; padding counts as −∞. Into `output` rows and columns.
pub(crate) fn forward(op: &MaxPool2d, x: &Array, output: (usize, usize)) -> Array {
    let [batch, channels, ..] = x.nchw();
    let at = argmax(op, x, output);
    Array::from_fn(&[batch, channels, output.0, output.1], |i| x.data[at[i]])
}

/// Each dy goes to its window's maximum.
pub(crate) fn backward(op: &MaxPool2d, x: &Array, dy: &Array) -> Array {
    let [_, _, rows, columns] = dy.nchw();
    let mut dx = Array::zeros(&x.shape);
    for (at, dy) in argmax(op, x, (rows, columns)).into_iter().zip(&dy.data) {
        dx.data[at] += dy;
    }
    dx
}
