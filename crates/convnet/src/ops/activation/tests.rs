//! The plain element-wise functions.

use super::naive::{relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward};
use crate::ops::Array;
use crate::ops::array::checks::{distinct, gradient, random};

#[test]
fn values_at_known_points() {
    let x = Array { shape: vec![1, 3], data: vec![-1.0, 0.0, 2.0] };
    assert_eq!(relu(&x).data, [0.0, 0.0, 2.0]);
    assert_eq!(sigmoid(&x).data[1], 0.5);
    assert!((sigmoid(&x).data[2] - 0.880_797_077_977_882_3).abs() < 1e-15);
    assert!((tanh(&x).data[0] + 0.761_594_155_955_764_9).abs() < 1e-15);
}

#[test]
fn relu_has_no_gradient_at_zero_and_keeps_nan() {
    let x = Array { shape: vec![2], data: vec![0.0, f64::NAN] };
    let y = relu(&x);
    assert!(y.data[1].is_nan());
    assert_eq!(relu_backward(&y, &Array { shape: vec![2], data: vec![1.0, 1.0] }).data[0], 0.0);
}

#[test]
fn gradients_match_central_differences() {
    for seed in 0..4 {
        let (x, dy) = (distinct(&[2, 3, 3, 2], seed), random(&[2, 3, 3, 2], seed + 9));
        gradient("relu", &x, &relu_backward(&relu(&x), &dy), &dy, relu);
        gradient("sigmoid", &x, &sigmoid_backward(&sigmoid(&x), &dy), &dy, sigmoid);
        gradient("tanh", &x, &tanh_backward(&tanh(&x), &dy), &dy, tanh);
    }
}
