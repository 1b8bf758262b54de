//! The plain dropout.

use super::naive::{elements, units};
use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

fn second(i: usize) -> f64 {
    if i == 1 { 0.0 } else { 2.0 }
}

#[test]
fn an_element_a_channel_or_a_vector_is_dropped() {
    let vectors = Array { shape: vec![3, 2], data: vec![1.0; 6] };
    assert_eq!(elements(&vectors, second).data, [2.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(units(&vectors, second).data, [2.0, 2.0, 0.0, 0.0, 2.0, 2.0]);
    let maps = Array { shape: vec![1, 2, 1, 2], data: vec![1.0; 4] };
    assert_eq!(units(&maps, second).data, [2.0, 2.0, 0.0, 0.0]);
}

#[test]
fn the_mask_is_its_own_gradient() {
    let (x, dy) = (random(&[2, 3, 2, 1], 1), random(&[2, 3, 2, 1], 2));
    gradient("elements", &x, &elements(&dy, second), &dy, |x| elements(x, second));
    gradient("units", &x, &units(&dy, second), &dy, |x| units(x, second));
}

#[test]
fn a_probability_of_one_is_refused() {
    assert!(Dropout { p: 0.999 }.infer(Shape::vector(1)).is_ok());
    let issue = Dropout { p: 1.0 }.infer(Shape::vector(1)).unwrap_err();
    assert_eq!(issue.found, "p = 1");
}
