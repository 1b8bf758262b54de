//! Flatten, and its gradient: the elements stay where they are.

use crate::ops::Array;

/// (N, C, H, W) to (N, C·H·W).
pub(crate) fn forward(x: &Array) -> Array {
    x.reshape(&[x.shape[0], x.shape[1..].iter().product()])
}

/// dy in the shape of x.
pub(crate) fn backward(input: &[usize], dy: &Array) -> Array {
    dy.reshape(input)
}
