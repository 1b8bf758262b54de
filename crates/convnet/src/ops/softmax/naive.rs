//! Softmax over dimension 1, and its gradient.

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

/// y_c = e^(x_c − max x) / Σ e^(x_j − max x).
pub(crate) fn forward(x: &Array) -> Array {
    let mut y = Array::zeros(&x.shape);
    rows(x, |row| {
        let max = row.iter().map(|&i| x.data[i]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|&i| (x.data[i] - max).exp()).sum();
        for &i in row {
            y.data[i] = (x.data[i] - max).exp() / sum;
        }
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
