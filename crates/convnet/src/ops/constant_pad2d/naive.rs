//! A border as its definition, and its gradient.

use super::ConstantPad2d;
use crate::ops::Array;

/// Calls `f` with the index of each element of a map and that of its place within the border.
fn places(op: &ConstantPad2d, [batch, channels, height, width]: [usize; 4], mut f: impl FnMut(usize, usize)) {
    let (tall, wide) = (op.top + height + op.bottom, op.left + width + op.right);
    for plane in 0..batch * channels {
        for y in 0..height {
            for x in 0..width {
                f((plane * height + y) * width + x, (plane * tall + op.top + y) * wide + op.left + x);
            }
        }
    }
}

/// The map within a border of the value.
pub(crate) fn forward(op: &ConstantPad2d, x: &Array) -> Array {
    let [batch, channels, height, width] = x.nchw();
    let shape = [batch, channels, op.top + height + op.bottom, op.left + width + op.right];
    let mut y = Array::from_fn(&shape, |_| f64::from(op.value));
    places(op, x.nchw(), |from, to| y.data[to] = x.data[from]);
    y
}

/// dy without the border; `input` is the shape of x.
pub(crate) fn backward(op: &ConstantPad2d, input: &[usize], dy: &Array) -> Array {
    let mut dx = Array::zeros(input);
    places(op, dx.nchw(), |to, from| dx.data[to] = dy.data[from]);
    dx
}
