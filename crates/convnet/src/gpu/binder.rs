//! Where a stage's parameters and what it saves lie, while its operation is chosen.

use std::collections::HashMap;
use std::ops::Range;

use convnet_gpu::Precision;

use crate::graph::{Node, NodeId};
use crate::ops::ParamSpec;
use crate::plan::{Draft, Mode};

/// Floats to which everything is aligned: 256 bytes.
pub(super) const LINE: usize = 64;

/// Where a stage's parameters lie in the flat buffers, in floats.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// The weight, γ, or a scale.
    pub(super) weight: Range<usize>,
    /// The bias, β, or a shift.
    pub(super) bias: Option<Range<usize>>,
}

/// Binds the stages of a draft one by one, and lays out what they keep.
pub(super) struct Binder<'a> {
    pub(super) draft: &'a Draft,
    pub(super) precision: Precision,
    /// Images at a time, at most.
    pub(super) batch: usize,
    /// Floats of the flat parameters so far that learn, or that inference needs.
    pub(super) parameters: usize,
    /// Where those end that training does not change: they lie behind all others, so that gradients and the optimizer's moments end
    /// before them.
    pub(super) fixed: usize,
    /// Floats saved for the backward pass so far.
    pub(super) saved: usize,
    /// Floats of running statistics so far, and where those of each normalization start, by their first one's name.
    pub(super) running: usize,
    pub(super) tracked: HashMap<String, usize>,
}

impl Binder<'_> {
    pub(super) fn mode(&self) -> Mode {
        self.draft.mode
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.draft.graph.node(id)
    }

    /// Whether training leaves parameter number `i` of a layer as it is.
    pub(super) fn is_frozen(&self, id: NodeId, i: usize) -> bool {
        let frozen = self.draft.frozen();
        self.mode() == Mode::Train
            && !frozen.is_empty()
            && self.draft.graph.node_parameters(id).get(i).is_some_and(|spec| frozen.holds(&spec.name))
    }

    /// Whether training changes the weight of a layer with that of others.
    pub(super) fn is_shared(&self, id: NodeId) -> bool {
        let graph = &self.draft.graph;
        let shared = |spec: &ParamSpec| graph.is_shared(&spec.name);
        self.mode() == Mode::Train && graph.node_parameters(id).first().is_some_and(shared)
    }

    pub(super) fn allocate(&mut self, len: usize) -> Range<usize> {
        self.allocate_for(len, false)
    }

    /// Room for a parameter, `frozen` or not.
    pub(super) fn allocate_for(&mut self, len: usize, frozen: bool) -> Range<usize> {
        take(if frozen { &mut self.fixed } else { &mut self.parameters }, len)
    }

    /// A vector for each channel, twice: a scale and a shift, or γ and β.
    pub(super) fn allocate_pair(&mut self, channels: usize, frozen: bool) -> Parameters {
        let weight = self.allocate_for(channels, frozen);
        Parameters { weight, bias: Some(self.allocate_for(channels, frozen)) }
    }

    /// Floats that a stage saves for its backward pass; where they start.
    pub(super) fn save(&mut self, floats: usize) -> usize {
        take(&mut self.saved, floats).start
    }

    /// Floats of a layer's running statistics; where they start. Layers that are one normalization have the same.
    pub(super) fn track(&mut self, id: NodeId, floats: usize) -> usize {
        let mut specs = self.draft.graph.node_parameters(id).into_iter();
        let name = specs.find(|spec| spec.kind.is_running()).map(|spec| spec.name);
        if let Some(&start) = name.as_ref().and_then(|name| self.tracked.get(name)) {
            return start;
        }
        let start = take(&mut self.running, floats).start;
        self.tracked.extend(name.map(|name| (name, start)));
        start
    }
}

/// The next `len` floats of a space.
fn take(space: &mut usize, len: usize) -> Range<usize> {
    let start = *space;
    *space = (start + len).next_multiple_of(LINE);
    start..start + len
}
