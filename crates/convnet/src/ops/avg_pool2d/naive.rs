//! Average pooling as its formula, and its gradient.

use super::AvgPool2d;
use crate::ops::Array;

/// PyTorch's divisor of one window: with `count_include_pad` the part of it that lies within the padded map
/// (a `ceil_mode` window may reach past that), else the elements that it really covers.
fn divisor(
    op: &AvgPool2d,
    (row, column): (usize, usize),
    (height, width): (usize, usize),
    covered: usize,
) -> f64 {
    if !op.count_include_pad {
        return covered as f64;
    }
    let extent = |at: usize, k: usize, s: usize, p: usize, size: usize| k.min(size + 2 * p - at * s);
    let rows = extent(row, op.kernel.h, op.stride.h, op.padding.h, height);
    let columns = extent(column, op.kernel.w, op.stride.w, op.padding.w, width);
    (rows * columns) as f64
}

/// Calls `f(y, x, share)` for each output and each input that it averages, with the input's weight.
fn shares(
    op: &AvgPool2d,
    [batch, channels, height, width]: [usize; 4],
    (rows, columns): (usize, usize),
    mut f: impl FnMut(usize, usize, f64),
) {
    let window = op.window();
    for plane in 0..batch * channels {
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let covered: Vec<_> = window.elements((row, column), (height, width)).collect();
            let share = 1.0 / divisor(op, (row, column), (height, width), covered.len());
            for (h, w) in covered {
                f((plane * rows + row) * columns + column, (plane * height + h) * width + w, share);
            }
        }
    }
}

/// The mean of each window, into `output` rows and columns; padding counts as 0.
pub(crate) fn forward(op: &AvgPool2d, x: &Array, output: (usize, usize)) -> Array {
    let [batch, channels, ..] = x.nchw();
    let mut y = Array::zeros(&[batch, channels, output.0, output.1]);
    shares(op, x.nchw(), output, |yi, xi, share| y.data[yi] += share * x.data[xi]);
    y
}

/// Each dy is shared out over its window; `input` is the shape of x.
pub(crate) fn backward(op: &AvgPool2d, input: &[usize], dy: &Array) -> Array {
    let [_, _, rows, columns] = dy.nchw();
    let mut dx = Array::zeros(input);
    shares(op, dx.nchw(), (rows, columns), |yi, xi, share| dx.data[xi] += share * dy.data[yi]);
    dx
}
