//! The plain fully connected layer.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn a_worked_example() {
    let x = Array { shape: vec![2, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
    let weight = Array { shape: vec![3, 2], data: vec![1.0, 0.0, 0.0, 1.0, 10.0, 100.0] };
    let bias = Array { shape: vec![3], data: vec![0.5, 0.25, 0.0] };
    assert_eq!(naive::forward(&x, &weight, Some(&bias)).data, [1.5, 2.25, 210.0, 3.5, 4.25, 430.0]);
    assert_eq!(naive::forward(&x, &weight, None).data, [1.0, 2.0, 210.0, 3.0, 4.0, 430.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn gradients_match_central_differences(n in 1..4_usize, inputs in 1..18_usize, outputs in 1..10_usize, seed: u64) {
        let (x, weight) = (random(&[n, inputs], seed), random(&[outputs, inputs], seed ^ 1));
        let (bias, dy) = (random(&[outputs], seed ^ 2), random(&[n, outputs], seed ^ 3));
        let [dx, dw, db] = naive::backward(&x, &weight, &dy);
        gradient("x", &x, &dx, &dy, |x| naive::forward(x, &weight, Some(&bias)));
        gradient("weight", &weight, &dw, &dy, |w| naive::forward(&x, w, Some(&bias)));
        gradient("bias", &bias, &db, &dy, |b| naive::forward(&x, &weight, Some(b)));
    }
}

#[test]
fn a_map_is_refused_with_the_way_out() {
    let issue = Linear::new(3).infer(Shape::map(1, 2, 2)).unwrap_err();
    assert_eq!(issue.fix, "put Flatten before this layer");
}
