//! The plain border.

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn each_side_has_its_own_width() {
    let op = ConstantPad2d { left: 1, right: 0, top: 0, bottom: 2, value: 7.0 };
    assert_eq!(op.infer(Shape::map(1, 1, 2)), Ok(Shape::map(1, 3, 3)));
    let x = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 2.0] };
    assert_eq!(naive::forward(&op, &x).data, [7.0, 1.0, 2.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0]);
    assert!(op.infer(Shape::vector(4)).is_err());
}

#[test]
fn gradients_match_central_differences() {
    let op = ConstantPad2d { left: 2, right: 1, top: 1, bottom: 3, value: -1.0 };
    let (x, dy) = (random(&[2, 3, 2, 3], 1), random(&[2, 3, 6, 6], 2));
    gradient("x", &x, &naive::backward(&op, &x.shape, &dy), &dy, |x| naive::forward(&op, x));
}
