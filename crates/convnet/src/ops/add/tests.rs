//! The plain sum.

use super::naive::forward;
use crate::ops::array::checks::{gradient, random};

#[test]
fn the_gradient_passes_to_both() {
    let (a, b, dy) = (random(&[2, 3, 1, 2], 1), random(&[2, 3, 1, 2], 2), random(&[2, 3, 1, 2], 3));
    assert_eq!(forward(&a, &b).data[5], a.data[5] + b.data[5]);
    gradient("left", &a, &dy, &dy, |a| forward(a, &b));
    gradient("right", &b, &dy, &dy, |b| forward(&a, b));
}
