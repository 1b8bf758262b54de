//! Convolutions by cuDNN's graph API: problems as data, their plans, and the choice among them.

mod cache;
mod descriptor;
mod graph;
mod plan;
mod problem;

pub use problem::{Conv, Convolution, Fused, Pass, Precision, Problem, Tensor};

pub(crate) use cache::{Choices, replace};
pub use graph::finalize_graphs;
pub(crate) use plan::{Chooser, Handle, Pack, Plan};
