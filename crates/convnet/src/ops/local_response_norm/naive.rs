//! Local response normalization as its formula, and its gradient.

use super::LocalResponseNorm;
use crate::ops::Array;

/// The flat indices of the window around each element, and k + α/size · Σ x² over it.
fn window(op: &LocalResponseNorm, x: &Array, i: usize) -> (impl Iterator<Item = usize> + use<>, f64) {
    let [_, channels, height, width] = x.nchw();
    let plane = height * width;
    let c = i / plane % channels;
    let first = c.saturating_sub(op.size / 2);
    let last = (c + (op.size - 1) / 2).min(channels - 1);
    let indices = (first..=last).map(move |j| i - c * plane + j * plane);
    let squares: f64 = indices.clone().map(|j| x.data[j].powi(2)).sum();
    (indices, f64::from(op.k) + f64::from(op.alpha) / op.size as f64 * squares)
}

/// y_c = x_c / d_c^β with d_c = k + α/size · Σ x_j² over the window of c.
pub(crate) fn forward(op: &LocalResponseNorm, x: &Array) -> Array {
    Array::from_fn(&x.shape, |i| x.data[i] / window(op, x, i).1.powf(f64::from(op.beta)))
}

/// dx_j = dy_j / d_j^β − 2αβ/size · x_j · Σ dy_c·x_c / d_c^(β + 1) over the c whose window holds j.
pub(crate) fn backward(op: &LocalResponseNorm, x: &Array, dy: &Array) -> Array {
    let beta = f64::from(op.beta);
    let share = 2.0 * f64::from(op.alpha) * beta / op.size as f64;
    let mut dx = Array::zeros(&x.shape);
    for i in 0..x.data.len() {
        let (indices, d) = window(op, x, i);
        dx.data[i] += dy.data[i] / d.powf(beta);
        for j in indices {
            dx.data[j] -= share * x.data[j] * dy.data[i] * x.data[i] / d.powf(beta + 1.0);
        }
    }
    dx
}
