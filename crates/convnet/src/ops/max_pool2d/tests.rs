//! The plain max pooling.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{distinct, gradient, random};

#[test]
fn padding_is_below_all_values() {
    let x = Array { shape: vec![1, 1, 1, 3], data: vec![-5.0, -7.0, -6.0] };
    let op = MaxPool2d::new((1, 2)).stride((1, 2)).padding((0, 1));
    assert_eq!(naive::forward(&op, &x, (1, 2)).data, [-5.0, -6.0]);
}

#[test]
fn the_first_of_equals_gets_the_gradient() {
    let x = Array { shape: vec![1, 1, 2, 2], data: vec![1.0, 3.0, 3.0, 3.0] };
    let dy = Array { shape: vec![1, 1, 1, 1], data: vec![2.0] };
    assert_eq!(naive::backward(&MaxPool2d::new(2), &x, &dy).data, [0.0, 2.0, 0.0, 0.0]);
}

#[test]
fn nan_wins() {
    let x = Array { shape: vec![1, 1, 1, 3], data: vec![1.0, f64::NAN, 2.0] };
    assert!(naive::forward(&MaxPool2d::new((1, 3)), &x, (1, 1)).data[0].is_nan());
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
        let shape = Shape::map(channels, height, width);
        let Ok(output) = op.infer(shape) else { return Ok(()) };
        let (x, dy) = (distinct(&shape.with_batch(n), seed), random(&output.with_batch(n), seed ^ 1));
        gradient("x", &x, &naive::backward(&op, &x, &dy), &dy, |x| naive::forward(&op, x, output.spatial()));
    }
}
