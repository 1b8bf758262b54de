//! The element-wise functions, and their gradients from input or output.

use crate::ops::Array;

/// max(x, 0); a NaN stays one.
pub(crate) fn relu(x: &Array) -> Array {
    x.map(|x| if x < 0.0 { 0.0 } else { x })
}

/// dy where y > 0: the gradient at 0 is 0.
pub(crate) fn relu_backward(y: &Array, dy: &Array) -> Array {
    y.zip(dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
}

/// 1 / (1 + e^−x).
pub(crate) fn sigmoid(x: &Array) -> Array {
    x.map(|x| 1.0 / (1.0 + (-x).exp()))
}

/// dy·y·(1 − y).
pub(crate) fn sigmoid_backward(y: &Array, dy: &Array) -> Array {
    y.zip(dy, |y, dy| dy * y * (1.0 - y))
}

/// tanh x.
pub(crate) fn tanh(x: &Array) -> Array {
    x.map(f64::tanh)
}

/// dy·(1 − y²).
pub(crate) fn tanh_backward(y: &Array, dy: &Array) -> Array {
    y.zip(dy, |y, dy| dy * (1.0 - y * y))
}
