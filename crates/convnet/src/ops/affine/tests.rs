//! The plain scale and shift.

use super::naive;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn each_channel_has_its_own() {
    let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
    let vector = |data: [f64; 2]| Array { shape: vec![2], data: data.to_vec() };
    assert_eq!(naive::forward(&x, &vector([2.0, -1.0]), &vector([0.5, 0.0])).data, [2.5, 4.5, -3.0, -4.0]);
}

#[test]
fn gradients_match_central_differences() {
    let (weight, bias) = (random(&[3], 1), random(&[3], 2));
    for shape in [&[2, 3, 2, 2][..], &[2, 3]] {
        let (x, dy) = (random(shape, 3), random(shape, 4));
        gradient("x", &x, &naive::backward(&weight, &dy), &dy, |x| naive::forward(x, &weight, &bias));
    }
}
