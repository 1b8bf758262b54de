//! Readings of a graph that need no trained weights: cost, memory, receptive fields, listings, differences.
//!
//! ```
//! use convnet::graph::Builder;
//! use convnet::inspect::{Change, diff, inference_peak, receptive_fields};
//! use convnet::ops::{Conv2d, Linear, MaxPool2d};
//!
//! let build = |channels| {
//!     let net = Builder::image("small", 1, 28, 28);
//!     let x = net.input().conv2d(Conv2d::new(channels, 5)).relu().max_pool2d(MaxPool2d::new(2));
//!     net.build(x.flatten().linear(Linear::new(10))).unwrap()
//! };
//! let (narrow, wide) = (build(8), build(16));
//! // An output of the pool sees a 6 × 6 part of the image, 2 pixels from its neighbour's.
//! let field = receptive_fields(&narrow)[3];
//! assert_eq!((field.height.size, field.height.stride), (6, 2.0));
//! // The ReLU's input and output are alive together: 2 · 8 · 24 · 24 floats.
//! assert_eq!(inference_peak(&narrow, 1).bytes, 2 * 8 * 24 * 24 * 4);
//! let changed = diff(&narrow, &wide).iter().filter(|c| matches!(c, Change::Changed(..))).count();
//! assert_eq!(changed, 2, "the convolution and the layer that reads it");
//! ```

mod diff;
mod figures;
mod memory;
mod receptive;
mod summary;
mod table;
mod tensor;
mod torch;
mod trace;
mod tree;

#[cfg(test)]
mod tests;

pub use diff::{Change, Setting, diff};
#[doc(hidden)]
pub use figures::{bytes, grouped, scaled};
pub use memory::{Peak, TrainingMemory, inference_peak, saved_bytes, training_memory};
pub use receptive::{AxisField, ReceptiveField, receptive_fields};
pub use summary::{LayerFigures, Summary};
pub use table::{Column, Palette, TableOptions, markdown, table};
pub use tensor::tensor_text;
pub use torch::{TorchLine, torch_lines, torch_listing};
pub use trace::{Trace, trace};
pub use tree::{Row, ScopeRow, rows};

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
