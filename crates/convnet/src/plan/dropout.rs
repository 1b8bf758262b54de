//! The keys of dropout masks: functions of the seed, the step and the layer, on every device; and what a mask is of.

use super::Plan;
use crate::graph::{NodeId, Shape};
use crate::ops::Op;

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

impl Plan {
    /// Of a dropout layer its probability, how many elements share one decision, and the number of an element in memory's order;
    /// `index` counts in PyTorch's order, or images where all that one has is dropped at once. `None` for any other layer.
    pub(crate) fn dropped(&self, node: NodeId, index: usize) -> Option<(f32, usize, usize)> {
        let shape = self.graph.node(node).shape;
        let elements = shape.elements();
        let whole = |p: f32| Some((p, elements.max(1), index * elements));
        let p = match &self.graph.node(node).op {
            Op::Dropout(dropout) => dropout.p,
            Op::Dropout1d(dropout) => return whole(dropout.p),
            Op::StochasticDepth(depth) => return whole(depth.p),
            _ => return None,
        };
        let (image, at) = (index / elements, index % elements);
        let inside = match (shape, self.order(node)) {
            (Shape::Map { channels, height, width }, _) | (_, Some((channels, height, width))) => {
                let (c, pixel) = (at / (height * width), at % (height * width));
                pixel * channels + c
            }
            _ => at,
        };
        Some((p, 1, image * elements + inside))
    }
}
