//! A fully connected layer as its formula, and its gradients.

use crate::ops::Array;

/// y\[n, o\] = b\[o\] + Σ_i x\[n, i\]·w\[o, i\]: x (N, I), weight (O, I), y (N, O).
pub(crate) fn forward(x: &Array, weight: &Array, bias: Option<&Array>) -> Array {
    let (inputs, outputs) = (weight.shape[1], weight.shape[0]);
    Array::from_fn(&[x.shape[0], outputs], |i| {
        let (x, o) = (&x.data[i / outputs * inputs..][..inputs], i % outputs);
        let sum: f64 = x.iter().zip(&weight.data[o * inputs..]).map(|(x, w)| x * w).sum();
        sum + bias.map_or(0.0, |b| b.data[o])
    })
}

/// The gradients of x, weight and bias: dx = dy·W, dW = dyᵀ·x, db = Σ_n dy.
pub(crate) fn backward(x: &Array, weight: &Array, dy: &Array) -> [Array; 3] {
    let (inputs, outputs) = (weight.shape[1], weight.shape[0]);
    let mut dx = Array::zeros(&x.shape);
    let mut dw = Array::zeros(&weight.shape);
    let mut db = Array::zeros(&[outputs]);
    for (i, dy) in dy.data.iter().enumerate() {
        let (n, o) = (i / outputs, i % outputs);
        for j in 0..inputs {
            dx.data[n * inputs + j] += dy * weight.data[o * inputs + j];
            dw.data[o * inputs + j] += dy * x.data[n * inputs + j];
        }
        db.data[o] += dy;
    }
    [dx, dw, db]
}
