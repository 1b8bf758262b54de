//! What a graph is planned for.

use super::lower::Mode;
use crate::graph::{Graph, NodeId};
use crate::ops::ParamSpec;
use crate::optim::Frozen;

/// What a graph is planned for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    pub(crate) mode: Mode,
    /// What the network gives: the part of the graph that these depend on is planned.
    pub(crate) outputs: &'a [NodeId],
    /// What training does not change.
    pub(crate) frozen: &'a Frozen,
    /// Values that are read as soon as they are written, and their gradients as soon as those are whole.
    pub(crate) watched: &'a [NodeId],
}

impl Aim<'_> {
    /// Whether somebody reads a layer's own output, so that no other layer may take it in.
    pub(super) fn shows(&self, id: NodeId) -> bool {
        self.outputs.contains(&id) || self.watched.contains(&id)
    }

    /// Whether a layer's output has a place of its own: one that only hands its input on shares that one's gradient
    /// otherwise, which other layers may add to.
    pub(super) fn sets_apart(&self, id: NodeId) -> bool {
        self.mode == Mode::Trace || self.watched.contains(&id)
    }

    /// Whether each node's gradient is wanted: it is watched, has a parameter that learns, or depends on such a node.
    pub(super) fn wants(&self, graph: &Graph) -> Vec<bool> {
        let mut wants = vec![false; graph.nodes().len()];
        self.watched.iter().for_each(|id| wants[id.index()] = true);
        for id in graph.ids() {
            let own = |p: &ParamSpec| p.kind.trainable() && !self.frozen.holds(&p.name);
            let node = graph.node(id);
            wants[id.index()] |= graph.node_parameters(id).iter().any(own)
                || node.inputs.iter().any(|input| wants[input.index()]);
        }
        wants
    }
}
