//! The plain adaptive average pooling.

use proptest::prelude::*;

use super::*;
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn windows_overlap_where_the_sizes_do_not_divide() {
    // 5 columns to 3: columns 0–1, 1–3, 3–4.
    let x = Array { shape: vec![1, 1, 1, 5], data: vec![0.0, 2.0, 4.0, 6.0, 8.0] };
    let y = naive::forward(&AdaptiveAvgPool2d { height: 1, width: 3 }, &x);
    assert_eq!(y.data, [1.0, 4.0, 7.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn gradients_match_central_differences(
        (n, channels, height, width) in (1..3_usize, 1..3_usize, 1..9_usize, 1..9_usize),
        (rows, columns) in (1..8_usize, 1..8_usize),
        seed: u64,
    ) {
        let op = AdaptiveAvgPool2d { height: rows, width: columns };
        let x = random(&[n, channels, height, width], seed);
        let dy = random(&[n, channels, rows, columns], seed ^ 1);
        let dx = naive::backward(&op, &x.shape, &dy);
        gradient("x", &x, &dx, &dy, |x| naive::forward(&op, x));
    }
}
