//! What runs, in which order and in which memory: a graph as stages with storage, lifetimes and gradient writes.
//!
//! A plan is a pure value that can be printed. It knows layers and shapes, and no device's kernels: a device looks at a
//! [`Draft`], chooses a kernel for each stage, and tells what that one [`Needs`]; the finished [`Plan`] says where
//! everything lies.

mod aim;
mod draft;
mod dropout;
mod error;
mod gradients;
mod lifetime;
mod lives;
mod lower;
mod needs;
mod print;
mod report;
mod storage;
mod tables;
mod windows;

#[cfg(test)]
mod tests;

pub(crate) use aim::Aim;
pub(crate) use draft::Draft;
pub(crate) use dropout::{layer_key, layer_part, pass_key};
pub use error::CompileError;
pub(crate) use gradients::{BackwardStage, GradientWrite};
pub(crate) use lower::{Kernel, Mode, Prologue, Rectified, Stage};
pub(crate) use needs::Needs;
pub use report::{PlanStep, StepReport, StepTimes};
pub(crate) use storage::{MemoryRules, Region, Slot};
pub(crate) use tables::{axis_tables, element_order, pixels_and_channels};
pub(crate) use windows::{adaptive_spans, pool_spans};

use crate::graph::{Graph, NodeId, Shape};
use crate::ops::Op;
use crate::optim::Frozen;
use storage::Storage;

/// A graph in memory: what a device runs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) graph: Graph,
    pub(crate) mode: Mode,
    /// What training does not change.
    pub(crate) frozen: Frozen,
    /// Images at a time, at most.
    pub(crate) batch: usize,
    /// What runs, in order.
    pub(crate) stages: Vec<Stage>,
    /// For each node the value that holds its output, if it has one.
    values: Vec<Option<NodeId>>,
    /// For each node whose vector is a map in NHWC order, its C, H, W.
    orders: Vec<Option<(usize, usize, usize)>>,
    storage: Storage,
    /// The buffer of its own that each stage asked for.
    workspaces: Vec<Option<Slot>>,
    /// Values of which nobody has a place: the stage that reads them computes them on the way, or takes the images as they are
    /// given.
    passing: Vec<NodeId>,
    /// How the loss writes the gradient of each output.
    pub(crate) losses: Vec<GradientWrite>,
    /// The backward pass, in the order in which it runs.
    pub(crate) backward: Vec<BackwardStage>,
    /// Where each buffer starts, and where its gradient does.
    offsets: Vec<usize>,
    gradient_offsets: Vec<usize>,
    /// Floats of all buffers together.
    pub(crate) floats: usize,
}

impl Plan {
    /// The value that holds a node's output.
    pub(crate) fn value(&self, node: NodeId) -> Option<NodeId> {
        self.values[node.index()]
    }

    /// The C, H, W of a vector that is a map in NHWC order; `None` in PyTorch's order.
    pub(crate) fn order(&self, node: NodeId) -> Option<(usize, usize, usize)> {
        self.orders[node.index()]
    }

    /// The shape of what a stage writes, for one image.
    pub(crate) fn shape(&self, stage: &Stage) -> Shape {
        self.graph.node(stage.out).shape
    }

    /// Where a value lies, read as `shape`, of `n` images.
    pub(crate) fn region(&self, value: NodeId, shape: Shape, n: usize) -> Region {
        let slot = self.storage.slot(value);
        self.storage.region(slot, shape, n, self.offsets[slot.buffer])
    }

    /// The layers whose parameters a stage of training holds as what follows from them: a frozen normalization that keeps
    /// its statistics, which a scale and a shift compute (`scales`), and the convolution before it that it is folded into.
    pub(crate) fn derived(&self, index: usize, scales: bool) -> Option<Vec<NodeId>> {
        let stage = &self.stages[index];
        match stage.kernel {
            _ if self.mode != Mode::Train => None,
            Kernel::Conv { norm: Some(norm), .. } => Some(vec![stage.node, norm]),
            _ => {
                let is_norm = matches!(self.graph.node(stage.node).op, Op::BatchNorm2d(_));
                (scales && is_norm).then(|| vec![stage.node])
            }
        }
    }

    /// Where its gradient lies.
    pub(crate) fn gradient_region(&self, value: NodeId, shape: Shape, n: usize) -> Region {
        let slot = self.storage.slot(value);
        self.storage.region(slot, shape, n, self.gradient_offsets[slot.buffer])
    }

    /// Where some channels of a gradient's buffer lie.
    pub(crate) fn gradient_part(&self, slot: Slot, n: usize) -> Region {
        self.storage.pixels(slot, n, self.gradient_offsets[slot.buffer])
    }

    /// Whether nobody has a place for a value.
    pub(crate) fn passes(&self, value: NodeId) -> bool {
        self.passing.contains(&value)
    }

    /// The buffer of its own that stage number `stage` asked for, of `n` images.
    pub(crate) fn workspace(&self, stage: usize, n: usize) -> Option<Region> {
        let slot = self.workspaces[stage]?;
        Some(self.storage.pixels(slot, n, self.offsets[slot.buffer]))
    }

    /// Of each stage whether the backward pass comes by it.
    pub(crate) fn returns(&self) -> Vec<bool> {
        let mut returns = vec![false; self.stages.len()];
        self.backward.iter().for_each(|back| returns[back.stage] = true);
        returns
    }

    /// The slot of a value.
    pub(crate) fn slot(&self, value: NodeId) -> Slot {
        self.storage.slot(value)
    }

    /// Channels of each buffer.
    pub(crate) fn buffer_channels(&self) -> impl Iterator<Item = usize> + '_ {
        self.storage.buffers.iter().map(|buffer| buffer.channels)
    }

    /// The inputs of a concatenation that are not written in place: (input index, channel in the output).
    pub(crate) fn copies(&self, concat: NodeId) -> &[(usize, usize)] {
        self.storage.copies(concat)
    }

    /// The layers that a stage computes, in order.
    pub(crate) fn layers(&self, stage: &Stage) -> Vec<NodeId> {
        let fused = |id: NodeId| self.value(id) == Some(stage.out) && (stage.node..=stage.out).contains(&id);
        let mut layers: Vec<NodeId> = self.graph.ids().filter(|id| fused(*id)).collect();
        if let Kernel::Conv { prologue: Some(prologue), .. } = stage.kernel {
            let read = self.graph.node(stage.node).inputs[0];
            let ahead = match prologue {
                Prologue::Norm { norm, .. } if norm != read => vec![norm, read],
                Prologue::Norm { .. } | Prologue::Gate => vec![read],
            };
            layers.splice(0..0, ahead);
        }
        layers
    }
}
