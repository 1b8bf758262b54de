//! Readings of a graph that need no weights: cost, memory, receptive fields, listings, differences.

mod memory;
mod receptive;
mod summary;
mod torch;
mod tree;

#[cfg(test)]
mod tests;

pub use memory::{FLOAT, Peak, TrainingMemory, inference_peak, saved_bytes, tensor_bytes, training_memory};
pub use receptive::{Axis, ReceptiveField, receptive_fields};
pub use summary::{Layer, Summary, settings};
pub use torch::{TorchLine, torch_lines, torch_listing};
pub use tree::{Branch, Item, Opened, Row, fold_repeats, rows, tree};

use crate::graph::Graph;

impl Graph {
    /// What the network costs, layer by layer, for one image.
    pub fn summary(&self) -> Summary {
        Summary::new(self, 1)
    }
}
