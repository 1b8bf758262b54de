//! The plain convolution: a worked example, and its gradients on any geometry.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn a_worked_example() {
    // 1 2 3        1 0
    // 4 5 6  with  0 2  at stride 1, padding (0, 1): columns −1 … 3, bias 10.
    let x = Array::from_fn(&[1, 1, 2, 3], |i| i as f64 + 1.0);
    let weight = Array { shape: vec![1, 1, 2, 2], data: vec![1.0, 0.0, 0.0, 2.0] };
    let bias = Array { shape: vec![1], data: vec![10.0] };
    let op = Conv2d::new(1, 2).padding((0, 1));
    let y = naive::forward(&op, &x, &weight, Some(&bias), (1, 4));
    assert_eq!(y.data, [10.0 + 8.0, 10.0 + 1.0 + 10.0, 10.0 + 2.0 + 12.0, 10.0 + 3.0]);
}

#[test]
fn dilation_and_stride_pick_their_elements() {
    let x = Array::from_fn(&[1, 1, 1, 7], |i| 10_f64.powi(i as i32));
    let weight = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 1.0] };
    let op = Conv2d::new(1, (1, 2)).stride((1, 2)).dilation((1, 3));
    assert_eq!(naive::forward(&op, &x, &weight, None, (1, 2)).data, [1001.0, 100_100.0]);
}

#[test]
fn groups_do_not_see_one_another() {
    let x = Array { shape: vec![1, 4, 1, 1], data: vec![1.0, 10.0, 100.0, 1000.0] };
    let weight = Array::from_fn(&[2, 2, 1, 1], |i| i as f64 + 1.0);
    let y = naive::forward(&Conv2d::new(2, 1).groups(2), &x, &weight, None, (1, 1));
    assert_eq!(y.data, [21.0, 4300.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn gradients_match_central_differences(
        (n, groups, in_group, out_group) in (1..3_usize, 1..4_usize, 1..3_usize, 1..3_usize),
        (kh, kw, sh, sw) in (1..4_usize, 1..4_usize, 1..4_usize, 1..3_usize),
        (ph, pw, dh, dw) in (0..3_usize, 0..3_usize, 1..3_usize, 1..3_usize),
        (height, width) in (1..8_usize, 1..8_usize),
        seed: u64,
    ) {
        let op = Conv2d::new(groups * out_group, (kh, kw)).stride((sh, sw)).padding((ph, pw));
        let op = op.dilation((dh, dw)).groups(groups);
        let shape = Shape::map(groups * in_group, height, width);
        let Ok(output) = op.infer(shape) else { return Ok(()) };
        let x = random(&shape.with_batch(n), seed);
        let weight = random(&op.parameters(shape.channels())[0].shape, seed ^ 1);
        let bias = random(&[op.out_channels], seed ^ 2);
        let dy = random(&output.with_batch(n), seed ^ 3);
        let run = |x: &Array, w: &Array, b: &Array| naive::forward(&op, x, w, Some(b), output.spatial());
        let [dx, dw, db] = naive::backward(&op, &x, &weight, &dy);
        gradient("x", &x, &dx, &dy, |x| run(x, &weight, &bias));
        gradient("weight", &weight, &dw, &dy, |w| run(&x, w, &bias));
        gradient("bias", &bias, &db, &dy, |b| run(&x, &weight, b));
    }
}
