//! The plain concatenation.

use super::naive::{backward, forward};
use crate::ops::Array;
use crate::ops::array::checks::{gradient, random};

#[test]
fn channels_of_each_image_are_joined_and_gradients_sliced() {
    let shapes = [vec![2, 1, 2, 3], vec![2, 3, 2, 3], vec![2, 2, 2, 3]];
    let inputs = [0, 1, 2].map(|i| random(&shapes[i], i as u64));
    let join = |a: &Array, b: &Array, c: &Array| forward(&[a, b, c]);
    let y = join(&inputs[0], &inputs[1], &inputs[2]);
    assert_eq!(y.shape, [2, 6, 2, 3]);
    assert_eq!(y.data[y.plane(1, 0)], inputs[0].data[inputs[0].plane(1, 0)]);
    assert_eq!(y.data[y.plane(1, 3)], inputs[1].data[inputs[1].plane(1, 2)]);
    assert_eq!(y.data[y.plane(0, 5)], inputs[2].data[inputs[2].plane(0, 1)]);
    let dy = random(&y.shape, 9);
    let slices = backward(&shapes.each_ref().map(|s| &s[..]), &dy);
    gradient("first", &inputs[0], &slices[0], &dy, |x| join(x, &inputs[1], &inputs[2]));
    gradient("second", &inputs[1], &slices[1], &dy, |x| join(&inputs[0], x, &inputs[2]));
    gradient("third", &inputs[2], &slices[2], &dy, |x| join(&inputs[0], &inputs[1], x));
}

#[test]
fn vectors_are_joined_too() {
    let (a, b) = (random(&[2, 2], 1), random(&[2, 1], 2));
    let y = forward(&[&a, &b]);
    assert_eq!(y.shape, [2, 3]);
    assert_eq!(y.data, [a.data[0], a.data[1], b.data[0], a.data[2], a.data[3], b.data[1]]);
}
