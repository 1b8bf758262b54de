//! The plain softmax.

use super::naive::{backward, forward, log_backward, log_forward};
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn it_sums_to_one_over_dimension_1_and_does_not_overflow() {
    let x = Array { shape: vec![1, 2, 1, 2], data: vec![1000.0, 0.0, 1000.0, 3_f64.ln()] };
    let y = forward(&x);
    for (y, expected) in y.data.iter().zip([0.5, 0.25, 0.5, 0.75]) {
        assert!((y - expected).abs() < 1e-15, "{y} against {expected}");
    }
}

#[test]
fn its_logarithm_keeps_what_the_exponential_loses() {
    let x = Array { shape: vec![1, 2], data: vec![0.0, -1000.0] };
    assert_eq!(log_forward(&x).data, [0.0, -1000.0]);
}

#[test]
fn gradients_match_central_differences() {
    for shape in [&[3, 7][..], &[1, 1], &[2, 4, 3, 1]] {
        let (x, dy) = (random(shape, 1), random(shape, 2));
        gradient("x", &x, &backward(&forward(&x), &dy), &dy, forward);
        gradient("log", &x, &log_backward(&log_forward(&x), &dy), &dy, log_forward);
    }
}
