//! The keys of dropout masks: functions of the seed, the step and the layer, on every device.

use crate::graph::NodeId;

/// The key of a pass: the `passes`-th since update number `steps`.
pub(crate) fn pass_key(seed: u64, steps: u64, passes: u64) -> u64 {
    let step = mix(seed ^ mix(steps));
    if passes == 0 { step } else { mix(step ^ mix(passes)) }
}

/// The key of a layer's mask in the pass with this key.
pub(crate) fn layer_key(pass: u64, node: NodeId) -> u64 {
    mix(pass ^ layer_part(node))
}

/// What the layer contributes to it.
pub(crate) fn layer_part(node: NodeId) -> u64 {
    mix(node.index() as u64 + 1)
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    key ^ (key >> 31)
}
