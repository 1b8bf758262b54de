//! The plain flatten.

use super::naive::{backward, forward};
use crate::ops::array::checks::{gradient, random};

#[test]
fn channels_are_the_slowest_and_the_gradient_is_reshaped_back() {
    let x = random(&[2, 3, 2, 2], 1);
    let y = forward(&x);
    assert_eq!(y.shape, [2, 12]);
    // Element (1, c = 2, h = 0, w = 1) is feature 2·4 + 0·2 + 1.
    assert_eq!(y.data[12 + 9], x.data[((3 + 2) * 2) * 2 + 1]);
    let dy = random(&[2, 12], 2);
    gradient("x", &x, &backward(&x.shape, &dy), &dy, forward);
}
