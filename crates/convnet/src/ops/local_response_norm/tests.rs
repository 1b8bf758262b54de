//! The plain local response normalization.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn an_even_window_reaches_further_back() {
    // With size 2 the window of channel c is c − 1 and c; α/size = 1, β = 1, k = 1.
    let op = LocalResponseNorm { size: 2, alpha: 2.0, beta: 1.0, k: 1.0 };
    let x = Array { shape: vec![1, 3, 1, 1], data: vec![1.0, 2.0, 3.0] };
    let y = naive::forward(&op, &x);
    assert_eq!(y.data, [1.0 / 2.0, 2.0 / 6.0, 3.0 / 14.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn gradients_match_central_differences(
        (n, channels, height, width) in (1..3_usize, 1..10_usize, 1..4_usize, 1..3_usize),
        (size, alpha, beta, k) in (1..7_usize, 1e-4_f32..2.0, 0.3_f32..1.5, 0.5_f32..2.0),
        seed: u64,
    ) {
        let op = LocalResponseNorm { size, alpha, beta, k };
        let x = random(&[n, channels, height, width], seed);
        let dy = random(&x.shape, seed ^ 1);
        gradient("x", &x, &naive::backward(&op, &x, &dy), &dy, |x| naive::forward(&op, x));
    }
}
