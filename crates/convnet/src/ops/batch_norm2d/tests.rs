//! The plain batch normalization.

use proptest::prelude::*;

use super::naive::{Statistics, backward, forward};
use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

fn train(op: &BatchNorm2d, x: &Array, gamma: &Array, beta: &Array) -> Array {
    let batch = Statistics::of(x);
    forward(op, x, [gamma, beta], [&batch.mean, &batch.variance])
}

#[test]
fn training_standardizes_each_channel_and_updates_with_the_unbiased_variance() {
    // Channel 0 holds 1, 3 over two images; channel 1 holds 0, 0.
    let x = Array { shape: vec![2, 2, 1, 1], data: vec![1.0, 0.0, 3.0, 0.0] };
    let ones = Array { shape: vec![2], data: vec![1.0; 2] };
    let zeros = Array::zeros(&[2]);
    let op = BatchNorm2d { eps: 0.0, momentum: 0.5 };
    let batch = Statistics::of(&x);
    assert_eq!(batch.mean.data, [2.0, 0.0]);
    assert_eq!(batch.variance.data, [1.0, 0.0]);
    let y = train(&BatchNorm2d { eps: 1.0, momentum: 0.5 }, &x, &ones, &zeros);
    assert!((y.data[0] + 0.5_f64.sqrt()).abs() < 1e-15 && y.data[1] == 0.0);
    let [mean, variance] = batch.update(&op, &zeros, &ones);
    assert_eq!(mean.data, [1.0, 0.0]);
    assert_eq!(variance.data, [1.5, 0.5]);
}

#[test]
fn inference_uses_the_statistics_it_is_given() {
    let x = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 5.0] };
    let one = |v: f64| Array { shape: vec![1], data: vec![v] };
    let op = BatchNorm2d { eps: 0.0, momentum: 0.1 };
    let y = forward(&op, &x, [&one(3.0), &one(10.0)], [&one(1.0), &one(4.0)]);
    assert_eq!(y.data, [10.0, 16.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn gradients_match_central_differences(
        (n, channels, height, width) in (1..4_usize, 1..4_usize, 1..4_usize, 1..4_usize),
        eps in prop::sample::select(vec![1e-5_f32, 1e-3, 0.1]),
        seed: u64,
    ) {
        // Two nearly equal elements have a variance near 0, where differences of any step are wrong.
        prop_assume!(n * height * width > 3 || eps > 0.01);
        let op = BatchNorm2d { eps, momentum: 0.1 };
        let x = random(&[n, channels, height, width], seed);
        let (gamma, beta) = (random(&[channels], seed ^ 1), random(&[channels], seed ^ 2));
        let dy = random(&x.shape, seed ^ 3);
        let [dx, dgamma, dbeta] = backward(&op, &x, &gamma, &dy);
        gradient("x", &x, &dx, &dy, |x| train(&op, x, &gamma, &beta));
        gradient("weight", &gamma, &dgamma, &dy, |gamma| train(&op, &x, gamma, &beta));
        gradient("bias", &beta, &dbeta, &dy, |beta| train(&op, &x, &gamma, beta));
    }
}
