//! The weights of a phase of the stride.

use super::Group;
use crate::panels::Panels;

/// The packed weights of some taps, in this order, with inputs and outputs of each group exchanged: what a phase of the
/// input's gradient multiplies with.
///
/// # Panics
/// If groups have not as many inputs as outputs, the lengths are not those of the layouts, a tap does not exist, or the
/// layouts differ in more than their rows.
pub fn grouped_taps(
    group: Group,
    (weights, from): (&[f32], Panels),
    taps: &[usize],
    (target, to): (&mut [f32], Panels),
) {
    let side = group.inputs;
    assert_eq!(group.outputs, side, "groups as wide as before");
    assert_eq!((weights.len(), target.len()), (from.len(), to.len()), "lengths of the packed weights");
    assert_eq!((to.k, to.n), (taps.len() * side, from.n), "rows for each tap");
    target.fill(0.0);
    for column in 0..to.n {
        let (group, output) = (column / side, column % side);
        for (i, &tap) in taps.iter().enumerate() {
            for input in 0..side {
                let read = from.index(tap * side + output, group * side + input);
                target[to.index(i * side + input, column)] = weights[read];
            }
        }
    }
}
