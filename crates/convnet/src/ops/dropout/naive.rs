//! Dropout with a given mask. Both directions multiply by the mask.

use crate::ops::Array;

/// Multiplies element `i` by `scale(i)`: 0, or 1/(1 − p). Forward on x, backward on dy.
pub(crate) fn elements(x: &Array, scale: impl Fn(usize) -> f64) -> Array {
    Array::from_fn(&x.shape, |i| x.data[i] * scale(i))
}

/// Multiplies all elements of unit `u` by `scale(u)`. A unit of (N, C, H, W) is a channel of an image, one
/// of (N, F) is an image's whole vector.
pub(crate) fn units(x: &Array, scale: impl Fn(usize) -> f64) -> Array {
    let unit = match x.shape[..] {
        [_, features] => features,
        _ => x.shape[2..].iter().product(),
    };
    elements(x, |i| scale(i / unit))
}
