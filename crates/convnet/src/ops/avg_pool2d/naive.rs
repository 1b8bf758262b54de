//! Average pooling as its formula, and its gradient.

use super::AvgPool2d;
use crate::ops::{Array, Gradients, Naive, Reads};

/// PyTorch's divisor of one window: with `count_include_pad` the part of it that lies within the padded map
/// (a `ceil_mode` window may reach past that), else the elements that it really covers.
fn divisor(
    op: &AvgPool2d,
    (row, column): (usize, usize),
    (height, width): (usize, usize),
    covered: usize,
) -> f64 {
    if !op.count_include_pad {
        return covered as f64;
    }
    let (padding, end) = (op.padding, op.window().end);
    let extent = |at: usize, k: usize, s: usize, pads: usize, size: usize| k.min(size + pads - at * s);
    let rows = extent(row, op.kernel.h, op.stride.h, padding.h + end.h, height);
    let columns = extent(column, op.kernel.w, op.stride.w, padding.w + end.w, width);
    (rows * columns) as f64
}

/// Calls `f(y, x, share)` for each output and each input that it averages, with the input's weight.
fn shares(
    op: &AvgPool2d,
    [batch, channels, height, width]: [usize; 4],
    (rows, columns): (usize, usize),
    mut f: impl FnMut(usize, usize, f64),
) {
    let window = op.window();
    for plane in 0..batch * channels {
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let covered: Vec<_> = window.elements((row, column), (height, width)).collect();
            let share = 1.0 / divisor(op, (row, column), (height, width), covered.len());
            for (h, w) in covered {
                f((plane * rows + row) * columns + column, (plane * height + h) * width + w, share);
            }
        }
    }
}

impl Naive for AvgPool2d {
    /// The mean of each window; padding counts as 0.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, output) = (reads.inputs[0], reads.output);
        let [batch, channels, ..] = x.nchw();
        let mut y = Array::zeros(&[batch, channels, output.0, output.1]);
        shares(self, x.nchw(), output, |yi, xi, share| y.data[yi] += share * x.data[xi]);
        y
    }

    /// Each dy is shared out over its window.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let mut dx = Array::zeros(&reads.inputs[0].shape);
        shares(self, dx.nchw(), reads.output, |yi, xi, share| dx.data[xi] += share * dy.data[yi]);
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::{check_gradients, forward};
    use crate::shape::Shape;

    #[test]
    fn the_divisor_counts_padding_but_not_what_ceil_mode_adds() {
        // Columns −1 … 5 hold 0 | 1 2 3 4 | 0; windows of 3 at −1, 2 and, by ceil_mode, none at 5.
        let x = Array { shape: vec![1, 1, 1, 4], data: vec![1.0, 2.0, 3.0, 4.0] };
        let op = AvgPool2d::new((1, 3)).stride((1, 2)).padding((0, 1)).ceil_mode();
        // The last window starts at column 3: 4 and one column of padding, its third column is beyond that.
        assert_eq!(op.infer(&[Shape::map(1, 1, 4)]), Ok(Shape::map(1, 1, 3)));
        assert_eq!(forward(&op, &[&x]).data, [1.0, 3.0, 2.0]);
        assert_eq!(forward(&op.exclude_pad(), &[&x]).data, [1.5, 3.0, 4.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn gradients_match_central_differences(
            (n, channels, height, width) in (1..3_usize, 1..3_usize, 1..9_usize, 1..9_usize),
            (kh, kw, sh, sw) in (1..5_usize, 1..5_usize, 1..4_usize, 1..4_usize),
            (ph, pw, ceil_mode, count_include_pad) in (0..3_usize, 0..3_usize, any::<bool>(), any::<bool>()),
            seed: u64,
        ) {
            let op = AvgPool2d {
                kernel: (kh, kw).into(),
                stride: (sh, sw).into(),
                padding: (ph.min(kh / 2), pw.min(kw / 2)).into(),
                padding_end: None,
                ceil_mode,
                count_include_pad,
            };
            check_gradients(&op, &[Shape::map(channels, height, width)], n, seed);
        }

        #[test]
        fn without_padding_a_constant_stays_itself(
            (height, width, kernel, stride) in (1..9_usize, 1..9_usize, 1..5_usize, 1..4_usize),
            exclude: bool,
        ) {
            let op = AvgPool2d::new(kernel).stride(stride).ceil_mode();
            let op = if exclude { op.exclude_pad() } else { op };
            let shape = Shape::map(1, height, width);
            prop_assume!(op.infer(&[shape]).is_ok());
            let y = forward(&op, &[&Array::from_fn(&shape.with_batch(1), |_| 3.0)]);
            prop_assert!(y.data.iter().all(|y| (y - 3.0).abs() < 1e-14));
        }
    }
}
