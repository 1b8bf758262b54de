//! Readings of a graph that need no weights: cost, memory, receptive fields, listings, differences.

mod diff;
mod figures;
mod memory;
mod receptive;
mod summary;
mod table;
mod tensor;
mod torch;
mod tree;

#[cfg(test)]
mod tests;

pub use diff::{Change, Setting, diff, properties};
pub use figures::{bar, bytes, grouped, percent, scaled};
pub use memory::{FLOAT, Peak, TrainingMemory, inference_peak, saved_bytes, tensor_bytes, training_memory};
pub use receptive::{Axis, ReceptiveField, receptive_fields};
pub use summary::{Layer, Summary, settings};
pub use table::{Column, Palette, TableOptions, field_text, markdown, table, usual_depth};
pub use tensor::tensor_text;
pub use torch::{TorchLine, torch_lines, torch_listing};
pub use tree::{Branch, Item, Opened, Row, fold_repeats, rows, tree};

use crate::graph::Graph;

impl Graph {
    /// What the network costs, layer by layer, for one image.
    pub fn summary(&self) -> Summary {
        Summary::new(self, 1)
    }
}
