//! Softmax over dimension 1 and its logarithm, and their gradients.

use crate::ops::Array;

/// Calls `f` with the flat indices along dimension 1, for each image and pixel.
fn rows(x: &Array, mut f: impl FnMut(&[usize])) {
    let [batch, channels, height, width] = x.nchw();
    for n in 0..batch {
        for pixel in 0..height * width {
            let row: Vec<usize> = (0..channels).map(|c| x.plane(n, c).start + pixel).collect();
            f(&row);
        }
    }
}

/// The largest element of a row, and Σ e^(x_j − max x).
fn max_and_sum(x: &Array, row: &[usize]) -> (f64, f64) {
    let max = row.iter().map(|&i| x.data[i]).fold(f64::NEG_INFINITY, f64::max);
    (max, row.iter().map(|&i| (x.data[i] - max).exp()).sum())
}

/// y_c = x_c − ln Σ e^x_j.
pub(crate) fn log_forward(x: &Array) -> Array {
    let mut y = Array::zeros(&x.shape);
    rows(x, |row| {
        let (max, sum) = max_and_sum(x, row);
        row.iter().for_each(|&i| y.data[i] = x.data[i] - max - sum.ln());
    });
    y
}

/// dx_c = dy_c − e^y_c · Σ dy_j.
pub(crate) fn log_backward(y: &Array, dy: &Array) -> Array {
    let mut dx = Array::zeros(&y.shape);
    rows(y, |row| {
        let sum: f64 = row.iter().map(|&i| dy.data[i]).sum();
        row.iter().for_each(|&i| dx.data[i] = dy.data[i] - y.data[i].exp() * sum);
    });
    dx
}

/// y_c = e^(x_c − max x) / Σ e^(x_j − max x).
pub(crate) fn forward(x: &Array) -> Array {
    let mut y = Array::zeros(&x.shape);
    rows(x, |row| {
        let (max, sum) = max_and_sum(x, row);
        row.iter().for_each(|&i| y.data[i] = (x.data[i] - max).exp() / sum);
    });
    y
}

/// dx_c = y_c·(dy_c − Σ dy_j·y_j).
pub(crate) fn backward(y: &Array, dy: &Array) -> Array {
    let mut dx = Array::zeros(&y.shape);
    rows(y, |row| {
        let dot: f64 = row.iter().map(|&i| dy.data[i] * y.data[i]).sum();
        for &i in row {
            dx.data[i] = y.data[i] * (dy.data[i] - dot);
        }
    });
    dx
}
