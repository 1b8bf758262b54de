//! Tensors: what a layer of the tape gives, a parameter, or a few numbers.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Parameter, TapeId};

/// A tensor. What an in-place operation does to it is seen under all of its names.
pub(crate) struct Tensor {
    pub(crate) kind: RefCell<Kind>,
}

/// What a tensor is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// The output of a step of the tape, which knows its dimensions.
    Traced(TapeId),
    /// A weight or a buffer.
    Parameter(Rc<Parameter>),
    /// Numbers that are known: `torch.linspace(0, 0.1, 4)`.
    Host { dims: Vec<usize>, data: Rc<[f64]>, is_integer: bool },
}

impl Tensor {
    /// A tensor of a kind.
    pub(crate) fn of(kind: Kind) -> Rc<Self> {
        Rc::new(Self { kind: RefCell::new(kind) })
    }

    /// What it is now.
    pub(crate) fn kind(&self) -> Kind {
        self.kind.borrow().clone()
    }
}
