//! The element-wise functions, and their gradients from input or output.

use super::Hardtanh;
use crate::ops::Array;

/// max(x, 0); a NaN stays one.
pub(crate) fn relu(x: &Array) -> Array {
    x.map(|x| if x < 0.0 { 0.0 } else { x })
}

/// dy where y > 0: the gradient at 0 is 0.
pub(crate) fn relu_backward(y: &Array, dy: &Array) -> Array {
    y.zip(dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
}

/// x where it is positive, slope·x elsewhere.
pub(crate) fn leaky_relu(x: &Array, slope: f32) -> Array {
    x.map(|x| if x < 0.0 { f64::from(slope) * x } else { x })
}

/// dy where y > 0, slope·dy elsewhere.
pub(crate) fn leaky_relu_backward(y: &Array, dy: &Array, slope: f32) -> Array {
    y.zip(dy, |y, dy| if y > 0.0 { dy } else { f64::from(slope) * dy })
}

/// The nearest value within the bounds; a NaN stays one.
pub(crate) fn hardtanh(x: &Array, op: &Hardtanh) -> Array {
    x.map(|x| x.clamp(op.min.into(), op.max.into()))
}

/// dy strictly within the bounds.
pub(crate) fn hardtanh_backward(y: &Array, dy: &Array, op: &Hardtanh) -> Array {
    y.zip(dy, |y, dy| if y > op.min.into() && y < op.max.into() { dy } else { 0.0 })
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
