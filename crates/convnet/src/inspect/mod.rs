//! Readings of a graph that need no trained weights: cost, memory, receptive fields, listings, differences.

mod diff;
mod figures;
mod memory;
mod receptive;
mod summary;
mod table;
mod tensor;
mod torch;
mod tree;
mod trial;

#[cfg(test)]
mod tests;

pub use diff::{Change, Setting, diff};
pub use figures::{bar, bytes, grouped, percent, scaled};
pub use memory::{FLOAT, Peak, TrainingMemory, inference_peak, saved_bytes, tensor_bytes, training_memory};
pub use receptive::{Axis, ReceptiveField, receptive_fields};
pub use summary::{Layer, Summary};
pub use table::{Column, Palette, TableOptions, field_text, markdown, table, usual_depth};
pub use tensor::tensor_text;
pub use torch::{TorchLine, torch_lines, torch_listing};
pub use tree::{Branch, Item, Opened, Row, fold_repeats, rows, tree};
pub use trial::{Trial, trial};

use crate::graph::Graph;

impl Graph {
    /// What the network costs, layer by layer, for one image; it prints as a table.
    ///
    /// ```
    /// use convnet::graph::Builder;
    /// use convnet::ops::{Conv2d, Linear};
    ///
    /// let net = Builder::image("small", 1, 28, 28);
    /// let x = net.input().conv2d(Conv2d::new(8, 3)).relu().flatten();
    /// let summary = net.build(x.linear(Linear::new(10))).unwrap().summary();
    /// assert_eq!(summary.macs, 26 * 26 * 8 * 9 + 26 * 26 * 8 * 10);
    /// println!("{summary}");
    /// ```
    pub fn summary(&self) -> Summary {
        Summary::new(self, 1)
    }
}
