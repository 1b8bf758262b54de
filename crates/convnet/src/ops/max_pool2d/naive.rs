//! Max pooling as its formula, and its gradient.

use super::MaxPool2d;
use crate::ops::{Array, Gradients, Naive, Reads};

/// The flat input index of each output's maximum: the first of equals in row-major order; a NaN wins, as in
/// PyTorch.
fn argmax(op: &MaxPool2d, x: &Array, (rows, columns): (usize, usize)) -> Vec<usize> {
    let [batch, channels, height, width] = x.nchw();
    let window = op.window();
    let mut found = Vec::with_capacity(batch * channels * rows * columns);
    for plane in 0..batch * channels {
        let start = plane * height * width;
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let mut best = (start, f64::NEG_INFINITY);
            for (i, (h, w)) in window.elements((row, column), (height, width)).enumerate() {
                let at = start + h * width + w;
                let value = x.data[at];
                if i == 0 || value > best.1 || value.is_nan() {
                    best = (at, value);
                }
            }
            found.push(best.0);
        }
    }
    found
}

impl Naive for MaxPool2d {
    /// The maximum of each window; padding counts as −∞.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, output) = (reads.inputs[0], reads.output);
        let [batch, channels, ..] = x.nchw();
        let at = argmax(self, x, output);
        Array::from_fn(&[batch, channels, output.0, output.1], |i| x.data[at[i]])
    }

    /// Each dy goes to its window's maximum.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let x = reads.inputs[0];
        let mut dx = Array::zeros(&x.shape);
        for (at, dy) in argmax(self, x, reads.output).into_iter().zip(&dy.data) {
            dx.data[at] += dy;
        }
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::{backward, check_gradients, forward};
    use crate::shape::Shape;

    #[test]
    fn padding_is_below_all_values() {
        let x = Array { shape: vec![1, 1, 1, 3], data: vec![-5.0, -7.0, -6.0] };
        let op = MaxPool2d::new((1, 2)).stride((1, 2)).padding((0, 1));
        assert_eq!(forward(&op, &[&x]).data, [-5.0, -6.0]);
    }

    #[test]
    fn the_first_of_equals_gets_the_gradient() {
        let x = Array { shape: vec![1, 1, 2, 2], data: vec![1.0, 3.0, 3.0, 3.0] };
        let dy = Array { shape: vec![1, 1, 1, 1], data: vec![2.0] };
        assert_eq!(backward(&MaxPool2d::new(2), &[&x], &dy).inputs[0].data, [0.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn nan_wins() {
        let x = Array { shape: vec![1, 1, 1, 3], data: vec![1.0, f64::NAN, 2.0] };
        assert!(forward(&MaxPool2d::new((1, 3)), &[&x]).data[0].is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn gradients_match_central_differences(
            (n, channels, height, width) in (1..3_usize, 1..3_usize, 1..9_usize, 1..9_usize),
            (kh, kw, sh, sw) in (1..5_usize, 1..5_usize, 1..4_usize, 1..4_usize),
            (ph, pw, ceil_mode) in (0..3_usize, 0..3_usize, any::<bool>()),
            seed: u64,
        ) {
            let op = MaxPool2d {
                kernel: (kh, kw).into(),
                stride: (sh, sw).into(),
                padding: (ph.min(kh / 2), pw.min(kw / 2)).into(),
                ceil_mode,
            };
            check_gradients(&op, &[Shape::map(channels, height, width)], n, seed);
        }
    }
}
