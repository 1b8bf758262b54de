//! The forward pass of a whole network.

use super::Masks;
use crate::graph::{Graph, NodeId};
use crate::ops::{Array, ParamSpec, Reads};

/// What the passes over a network read.
#[derive(Clone, Copy)]
pub(super) struct NetworkPass<'a> {
    pub(super) graph: &'a Graph,
    /// The parameters of each node.
    pub(super) parameters: &'a [Vec<(ParamSpec, Array)>],
    /// The dropout masks of training; `None` is inference.
    pub(super) masks: Option<Masks<'a>>,
}

impl NetworkPass<'_> {
    /// Every node's output.
    pub(super) fn forward(&self, images: &Array) -> Vec<Array> {
        let mut outputs: Vec<Array> = Vec::with_capacity(self.graph.nodes().len());
        for id in self.graph.ids() {
            let output =
                self.reads(id, images, &outputs, |reads| self.graph.node(id).op.naive().forward(reads));
            outputs.push(output);
        }
        outputs
    }

    /// Calls `f` with what a node reads, of the outputs of the nodes before it.
    pub(super) fn reads<R>(
        &self,
        id: NodeId,
        images: &Array,
        outputs: &[Array],
        f: impl FnOnce(&Reads<'_>) -> R,
    ) -> R {
        let parameters: Vec<&Array> = self.parameters[id.index()].iter().map(|(_, array)| array).collect();
        self.reads_with(id, (images, outputs), &parameters, f)
    }

    /// The same with other parameters.
    pub(super) fn reads_with<R>(
        &self,
        id: NodeId,
        (images, outputs): (&Array, &[Array]),
        parameters: &[&Array],
        f: impl FnOnce(&Reads<'_>) -> R,
    ) -> R {
        let node = self.graph.node(id);
        let inputs: Vec<&Array> = match &node.inputs[..] {
            [] => vec![images],
            inputs => inputs.iter().map(|input| &outputs[input.index()]).collect(),
        };
        let mask = |unit: usize| self.masks.map_or(1.0, |masks| masks(id, unit));
        let training: Option<&dyn Fn(usize) -> f64> = self.masks.is_some().then_some(&mask);
        f(&Reads { inputs: &inputs, parameters, output: node.shape.spatial(), training })
    }
}
