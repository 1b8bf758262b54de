//! The plain average pooling.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn the_divisor_counts_padding_but_not_what_ceil_mode_adds() {
    // Columns −1 … 5 hold 0 | 1 2 3 4 | 0; windows of 3 at −1, 2 and, by ceil_mode, none at 5.
    let x = Array { shape: vec![1, 1, 1, 4], data: vec![1.0, 2.0, 3.0, 4.0] };
    let op = AvgPool2d::new((1, 3)).stride((1, 2)).padding((0, 1)).ceil_mode();
    // The last window starts at column 3: 4 and one column of padding, its third column is beyond that.
    assert_eq!(op.infer(Shape::map(1, 1, 4)), Ok(Shape::map(1, 1, 3)));
    assert_eq!(naive::forward(&op, &x, (1, 3)).data, [1.0, 3.0, 2.0]);
    assert_eq!(naive::forward(&op.exclude_pad(), &x, (1, 3)).data, [1.5, 3.0, 4.0]);
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
            ceil_mode,
            count_include_pad,
        };
        let shape = Shape::map(channels, height, width);
        let Ok(output) = op.infer(shape) else { return Ok(()) };
        let (x, dy) = (random(&shape.with_batch(n), seed), random(&output.with_batch(n), seed ^ 1));
        let dx = naive::backward(&op, &x.shape, &dy);
        gradient("x", &x, &dx, &dy, |x| naive::forward(&op, x, output.spatial()));
    }

    #[test]
    fn without_padding_a_constant_stays_itself(
        (height, width, kernel, stride) in (1..9_usize, 1..9_usize, 1..5_usize, 1..4_usize),
        exclude: bool,
    ) {
        let op = AvgPool2d::new(kernel).stride(stride).ceil_mode();
        let op = if exclude { op.exclude_pad() } else { op };
        let shape = Shape::map(1, height, width);
        let Ok(output) = op.infer(shape) else { return Ok(()) };
        let y = naive::forward(&op, &Array::from_fn(&shape.with_batch(1), |_| 3.0), output.spatial());
        prop_assert!(y.data.iter().all(|y| (y - 3.0).abs() < 1e-14));
    }
}
