//! Adaptive average pooling as its formula, and its gradient.

use super::{AdaptiveAvgPool2d, span};
use crate::ops::Array;

/// Calls `f(y, x, share)` for each output and each input that it averages, with the input's weight.
fn shares(
    op: &AdaptiveAvgPool2d,
    [batch, channels, height, width]: [usize; 4],
    mut f: impl FnMut(usize, usize, f64),
) {
    for plane in 0..batch * channels {
        for (row, column) in (0..op.height).flat_map(|r| (0..op.width).map(move |c| (r, c))) {
            let (rows, columns) = (span(row, op.height, height), span(column, op.width, width));
            let share = 1.0 / (rows.len() * columns.len()) as f64;
            for (h, w) in rows.flat_map(|h| columns.clone().map(move |w| (h, w))) {
                f((plane * op.height + row) * op.width + column, (plane * height + h) * width + w, share);
            }
        }
    }
}

/// The mean of each window.
pub(crate) fn forward(op: &AdaptiveAvgPool2d, x: &Array) -> Array {
    let [batch, channels, ..] = x.nchw();
    let mut y = Array::zeros(&[batch, channels, op.height, op.width]);
    shares(op, x.nchw(), |yi, xi, share| y.data[yi] += share * x.data[xi]);
    y
}

/// Each dy is shared out over its window; `input` is the shape of x.
pub(crate) fn backward(op: &AdaptiveAvgPool2d, input: &[usize], dy: &Array) -> Array {
    let mut dx = Array::zeros(input);
    shares(op, dx.nchw(), |yi, xi, share| dx.data[xi] += share * dy.data[yi]);
    dx
}
