//! The state dict: every parameter and buffer of a network by PyTorch's name and in PyTorch's layout.
//!
//! ```
//! use convnet::state::{self, TensorSource};
//! use convnet::zoo;
//!
//! let net = zoo::lenet().build()?;
//! let weights = state::initialize(&net, 7);
//! assert_eq!(weights["linear.5.bias"].shape, [10]);
//! // As all sources of weights, it can be read part by part.
//! let mut second_row = [0.0; 84];
//! weights.read("linear.5.weight", 84, &mut second_row)?;
//! assert_eq!(second_row, weights["linear.5.weight"].data[84..168]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use crate::graph::{Draw, Graph};
use crate::ops::{ParamKind, ParamSpec};

mod draw;
mod rules;
mod source;

pub use draw::{draws, recognised};
pub use rules::{Rule, initialize_by, zero_residuals};
pub use source::{ReadError, TensorSource};

/// A dense float32 tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements, the last dimension contiguous.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of one value.
    pub fn full(shape: &[usize], value: f32) -> Self {
        Self { shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }
}

/// Name → tensor.
pub type StateDict = BTreeMap<String, Tensor>;

/// The parameters before training, drawn as the network's [`Init`](crate::graph::Init) says; running statistics are 0 and 1.
///
/// Each tensor has a random stream of its own, chosen by the seed and its name, so that its values depend
/// neither on the other layers nor on their order. A tensor that has several names is under each of them.
pub fn initialize(graph: &Graph, seed: u64) -> StateDict {
    let mut state = initialize_some(graph, seed, |_| true);
    add_aliases(graph, &mut state);
    state
}

/// A tensor of this name and shape, drawn by itself: what [`initialize`] draws for a parameter of the name.
///
/// ```
/// use convnet::graph::Draw;
/// use convnet::state;
///
/// let images = state::drawn("images", &[2, 3], Draw::Normal { mean: 0.0, std: 1.0 }, 7);
/// assert_eq!(images.data.len(), 6);
/// assert_eq!(images, state::drawn("images", &[2, 3], Draw::Normal { mean: 0.0, std: 1.0 }, 7));
/// ```
pub fn drawn(name: &str, shape: &[usize], draw: Draw, seed: u64) -> Tensor {
    draw::tensor(&ParamSpec::new(name, shape, ParamKind::ConvWeight), draw, seed)
}

/// Puts tensors that have several names in the state dict under each of them.
pub(crate) fn add_aliases(graph: &Graph, state: &mut StateDict) {
    for shared in graph.aliases() {
        if let Some(tensor) = state.get(&shared.first).cloned() {
            state.insert(shared.name.clone(), tensor);
        }
    }
}

/// As [`initialize`], but only the parameters that are wanted by name.
pub(crate) fn initialize_some(graph: &Graph, seed: u64, wanted: impl Fn(&str) -> bool) -> StateDict {
    let drawn = draw::by_parameter(graph, graph.init()).filter(|(spec, _)| wanted(&spec.name));
    drawn.map(|(spec, draw)| (spec.name.clone(), draw::tensor(&spec, draw, seed))).collect()
}

#[cfg(test)]
mod tests;
