//! A border as its definition, and its gradient.

use super::ConstantPad2d;
use crate::ops::{Array, Gradients, Naive, Reads};

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

impl Naive for ConstantPad2d {
    /// The map within a border of the value.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        let [batch, channels, ..] = x.nchw();
        let mut y =
            Array::from_fn(&[batch, channels, reads.output.0, reads.output.1], |_| f64::from(self.value));
        places(self, x.nchw(), |from, to| y.data[to] = x.data[from]);
        y
    }

    /// dy without the border.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let mut dx = Array::zeros(&reads.inputs[0].shape);
        places(self, dx.nchw(), |to, from| dx.data[to] = dy.data[from]);
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::forward;
    use crate::shape::Shape;

    #[test]
    fn each_side_has_its_own_width() {
        let op = ConstantPad2d { left: 1, right: 0, top: 0, bottom: 2, value: 7.0 };
        assert_eq!(op.infer(&[Shape::map(1, 1, 2)]), Ok(Shape::map(1, 3, 3)));
        let x = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 2.0] };
        assert_eq!(forward(&op, &[&x]).data, [7.0, 1.0, 2.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0]);
        assert!(op.infer(&[Shape::vector(4)]).is_err());
    }
}
