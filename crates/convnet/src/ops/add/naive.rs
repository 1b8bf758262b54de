//! The sum of two values. Its gradient passes to both unchanged.

use crate::ops::Array;

/// a + b, both of one shape.
pub(crate) fn forward(a: &Array, b: &Array) -> Array {
    a.zip(b, |a, b| a + b)
}
