//! The tape: what forward passes compute, step by step, with shapes and without numbers.

use std::rc::Rc;

use convnet::ops::Op;

use super::Parameter;
use super::autograd::Autograd;
use crate::source::Span;
use crate::value::Instance;

/// A step of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TapeId(pub(crate) u32);

/// Everything that was computed, in order.
#[derive(Default)]
pub(crate) struct Tape {
    pub(crate) steps: Vec<Step>,
    /// For each step the first leaf behind it.
    leaves: Vec<Option<TapeId>>,
    pub(crate) autograd: Autograd,
}

/// One computation.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) what: What,
    pub(crate) inputs: Vec<TapeId>,
    /// The output's dimensions, that of the batch included.
    pub(crate) dims: Vec<usize>,
    /// The parameters that it reads, by the names that the layer gives them: `weight`, `bias`, `running_mean`.
    pub(crate) parameters: Vec<(&'static str, Rc<Parameter>)>,
    /// The module whose `forward` it is in, innermost first.
    pub(crate) frame: Option<Rc<CallFrame>>,
    /// Where it stands in the user's code: the innermost line first, then the calls around it.
    pub(crate) sites: Rc<[Span]>,
    /// Whether dropout and the like were in training mode.
    pub(crate) is_training: bool,
}

/// A module that is being called, and the call around it.
pub(crate) struct CallFrame {
    pub(crate) module: Rc<Instance>,
    pub(crate) parent: Option<Rc<CallFrame>>,
    /// Numbers the calls of a run: two calls of one module differ.
    pub(crate) call: u64,
}

/// What a step computes.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Values that come from outside.
    Leaf(Leaf),
    /// A layer of convnet's.
    Layer(Op),
    /// A layer of convnet's that takes the last of four dimensions for channels: `nn.Linear` and `nn.LayerNorm` of maps whose
    /// channels were put last.
    Last(Op),
    /// The same values in other dimensions: `view`, `reshape`, `flatten`, `unsqueeze`, `squeeze`.
    Reshape,
    /// Dimensions in another order.
    Permute(Vec<usize>),
    /// A range of one dimension: of `chunk`, `split`, a slice.
    Narrow { dim: usize, start: usize, step: usize },
    /// The mean over dimensions.
    Mean { dims: Vec<usize>, keep: bool },
    /// A scale and a shift by numbers that are the same for every element: `x * 2 + 1`, `-x`, `x / 255`.
    Scale { factor: f64, offset: f64 },
    /// What PyTorch has and convnet's graph has not, by PyTorch's name: `gelu`.
    Missing(&'static str),
}

/// Where a leaf's values come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf {
    /// The images that are given to the network.
    Input,
    /// Drawn: N(0, 1) or U(0, 1), the call's number is the seed's.
    Normal(u64),
    Uniform(u64),
    /// The same number everywhere.
    Constant(f64),
}

impl Tape {
    /// Adds a step.
    pub(crate) fn push(&mut self, step: Step) -> TapeId {
        let id = TapeId(self.steps.len() as u32);
        let leaf = match step.what {
            What::Leaf(_) => Some(id),
            _ => step.inputs.iter().find_map(|&input| self.leaf(input)),
        };
        self.leaves.push(leaf);
        self.steps.push(step);
        id
    }

    /// The first leaf that a step depends on.
    pub(crate) fn leaf(&self, id: TapeId) -> Option<TapeId> {
        self.leaves.get(id.0 as usize).copied().flatten()
    }

    /// The batch of the network that is traced, where a step depends on its input.
    pub(crate) fn batch(&self, id: TapeId) -> Option<usize> {
        let step = self.step(self.leaf(id)?);
        if matches!(step.what, What::Leaf(Leaf::Input)) { step.dims.first().copied() } else { None }
    }

    /// One step.
    pub(crate) fn step(&self, id: TapeId) -> &Step {
        &self.steps[id.0 as usize]
    }
}
