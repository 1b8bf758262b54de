//! Where a stage's parameters lie, and what chooses its kernel.

use std::ops::Range;

use convnet_kernels::Isa;

use crate::graph::{Node, NodeId, Shape};
use crate::plan::{Draft, Mode, Stage};

/// Where a stage's parameters lie in the flat buffers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// The packed weight, γ, or a scale.
    pub(super) weight: Range<usize>,
    /// The bias, β, or a shift.
    pub(super) bias: Option<Range<usize>>,
    /// The packed weight in half precision, in the flat halves, where `weight` is empty.
    pub(super) half: Option<Range<usize>>,
}

/// What may be chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) isa: Isa,
    /// The batch for which kernels are chosen.
    pub(super) batch: usize,
    /// Whether Winograd's algorithm may be.
    pub(super) winograd: bool,
    /// Whether the network runs once or twice only.
    pub(super) once: bool,
    /// Whether weights that wait for memory are kept in half precision.
    pub(super) half: bool,
}

/// Floats to which parameters are aligned.
const LINE_FLOATS: usize = 16;

/// Binds the stages of a draft one by one, and lays out their parameters.
pub(super) struct Binder<'a> {
    pub(super) draft: &'a Draft,
    pub(super) allowed: Allowed,
    /// Floats of the flat parameters so far that learn, or that inference needs.
    pub(super) parameters: usize,
    /// Where those that training does not change lie: behind all others, so that gradients and the optimizer's buffers
    /// end before them.
    pub(super) fixed: Range<usize>,
    /// Numbers of the flat halves so far.
    pub(super) halves: usize,
}

impl Binder<'_> {
    pub(super) fn mode(&self) -> Mode {
        self.draft.mode
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.draft.graph.node(id)
    }

    /// The shape that a stage reads first; of the images, their own.
    pub(super) fn input(&self, stage: &Stage) -> Shape {
        stage.shapes.first().copied().unwrap_or_else(|| self.node(stage.node).shape)
    }

    /// Whether training leaves parameter number `i` of a layer as it is.
    pub(super) fn is_frozen(&self, id: NodeId, i: usize) -> bool {
        let frozen = self.draft.frozen();
        self.mode() == Mode::Train
            && !frozen.is_empty()
            && self.draft.graph.node_parameters(id).get(i).is_some_and(|spec| frozen.holds(&spec.name))
    }

    /// Room for a parameter, `frozen` or not.
    pub(super) fn allocate_for(&mut self, len: usize, frozen: bool) -> Range<usize> {
        if !frozen {
            return self.allocate(len);
        }
        let start = self.fixed.end;
        self.fixed.end = (start + len).next_multiple_of(LINE_FLOATS);
        start..start + len
    }

    pub(super) fn allocate(&mut self, len: usize) -> Range<usize> {
        let start = self.parameters;
        self.parameters = (start + len).next_multiple_of(LINE_FLOATS);
        start..start + len
    }

    pub(super) fn allocate_half(&mut self, len: usize) -> Range<usize> {
        let start = self.halves;
        self.halves = (start + len).next_multiple_of(2 * LINE_FLOATS);
        start..start + len
    }

    /// A vector for each channel, twice: a scale and a shift, or γ and β.
    pub(super) fn allocate_pair(&mut self, channels: usize, frozen: bool) -> Parameters {
        let weight = self.allocate_for(channels, frozen);
        Parameters { weight, bias: Some(self.allocate_for(channels, frozen)), half: None }
    }
}
