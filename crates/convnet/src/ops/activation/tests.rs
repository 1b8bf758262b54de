//! The plain element-wise functions.

use super::naive::{
    hardtanh, hardtanh_backward, leaky_relu, leaky_relu_backward, relu, relu_backward, sigmoid,
    sigmoid_backward, tanh, tanh_backward,
};
use super::{Hardtanh, LeakyRelu};
use crate::ops::Array;
use crate::ops::array::checks::{distinct, gradient, random};
use crate::shape::Shape;

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
fn settings_that_make_no_sense_are_refused() {
    let shape = Shape::vector(3);
    assert_eq!(LeakyRelu { slope: 0.01 }.infer(shape), Ok(shape));
    assert_eq!(Hardtanh { min: 0.0, max: 6.0 }.infer(shape), Ok(shape));
    for slope in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(LeakyRelu { slope }.infer(shape).is_err());
    }
    assert!(Hardtanh { min: 1.0, max: 1.0 }.infer(shape).is_err());
    assert!(Hardtanh { min: f32::NAN, max: 1.0 }.infer(shape).is_err());
}

#[test]
fn gradients_match_central_differences() {
    let clip = Hardtanh { min: -0.3, max: 0.4 };
    for seed in 0..4 {
        let (x, dy) = (distinct(&[2, 3, 3, 2], seed), random(&[2, 3, 3, 2], seed + 9));
        gradient("relu", &x, &relu_backward(&relu(&x), &dy), &dy, relu);
        let dx = leaky_relu_backward(&leaky_relu(&x, 0.1), &dy, 0.1);
        gradient("leaky_relu", &x, &dx, &dy, |x| leaky_relu(x, 0.1));
        let dx = hardtanh_backward(&hardtanh(&x, &clip), &dy, &clip);
        gradient("hardtanh", &x, &dx, &dy, |x| hardtanh(x, &clip));
        gradient("sigmoid", &x, &sigmoid_backward(&sigmoid(&x), &dy), &dy, sigmoid);
        gradient("tanh", &x, &tanh_backward(&tanh(&x), &dy), &dy, tanh);
    }
}
