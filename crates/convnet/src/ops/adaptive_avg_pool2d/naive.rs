//! Adaptive average pooling as its formula, and its gradient.

use super::{AdaptiveAvgPool2d, span};
use crate::ops::{Array, Gradients, Naive, Reads};

/// Calls `f(y, x, share)` for each output and each input that it averages, with the input's weight.
fn shares(
    op: &AdaptiveAvgPool2d,
    [batch, channels, height, width]: [usize; 4],
    mut f: impl FnMut(usize, usize, f64),
) {
    for plane in 0..batch * channels {
        for (row, column) in (0..op.height).flat_map(|r| (0..op.width).map(move |c| (r, c))) {
            let (rows, columns) = (span(row, op.height, height), span(column, op.width, width));
            let share = 1.0 / (rows.len() * columns.len()) as f64;
            for (h, w) in rows.flat_map(|h| columns.clone().map(move |w| (h, w))) {
                f((plane * op.height + row) * op.width + column, (plane * height + h) * width + w, share);
            }
        }
    }
}

impl Naive for AdaptiveAvgPool2d {
    /// The mean of each window.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        let [batch, channels, ..] = x.nchw();
        let mut y = Array::zeros(&[batch, channels, self.height, self.width]);
        shares(self, x.nchw(), |yi, xi, share| y.data[yi] += share * x.data[xi]);
        y
    }

    /// Each dy is shared out over its window.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let mut dx = Array::zeros(&reads.inputs[0].shape);
        shares(self, dx.nchw(), |yi, xi, share| dx.data[xi] += share * dy.data[yi]);
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::{check_gradients, forward};
    use crate::shape::Shape;

    #[test]
    fn windows_overlap_where_the_sizes_do_not_divide() {
        // 5 columns to 3: columns 0–1, 1–3, 3–4.
        let x = Array { shape: vec![1, 1, 1, 5], data: vec![0.0, 2.0, 4.0, 6.0, 8.0] };
        assert_eq!(forward(&AdaptiveAvgPool2d { height: 1, width: 3 }, &[&x]).data, [1.0, 4.0, 7.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn gradients_match_central_differences(
            (n, channels, height, width) in (1..3_usize, 1..3_usize, 1..9_usize, 1..9_usize),
            (rows, columns) in (1..8_usize, 1..8_usize),
            seed: u64,
        ) {
            let op = AdaptiveAvgPool2d { height: rows, width: columns };
            check_gradients(&op, &[Shape::map(channels, height, width)], n, seed);
        }
    }
}
