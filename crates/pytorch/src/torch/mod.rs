//! `torch` itself: tensors without numbers, the tape of layers that forward passes leave, parameters, modules.

mod arithmetic;
mod attributes;
mod autograd;
mod dims;
mod explain;
mod factory;
mod functional;
mod given;
mod host;
mod index;
mod init;
mod joining;
mod layers;
mod methods;
pub(crate) mod module;
pub(crate) mod parameter;
mod reduce;
mod replay;
mod reshape;
pub(crate) mod show;
mod size;
mod tape;
mod tensor;
mod trace;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(crate) use dims::told;
pub(crate) use tape::{CallFrame, Leaf, Step, Tape, TapeId, What};
pub(crate) use tensor::{Kind, Tensor};

use crate::ast::Name;
use crate::source::Span;
use crate::value::{NativeFn, Value};

/// The functions of tensors: those of `torch` and `torch.nn.functional`.
pub(crate) fn functions() -> Vec<(&'static str, NativeFn)> {
    [
        arithmetic::functions(),
        factory::functions(),
        functional::functions(),
        joining::functions(),
        reduce::functions(),
        reshape::functions(),
    ]
    .concat()
}

/// The functions of the module `_torch`, which the vocabulary in Python is made of.
pub(crate) fn natives() -> Vec<(&'static str, Value)> {
    let all = [
        init::natives(),
        layers::natives(),
        module::natives(),
        parameter::natives(),
        functions(),
        crate::prelude::natives(),
    ];
    all.concat().into_iter().map(|(name, call)| (name, Value::native(name, call))).collect()
}

/// What an `nn.Module` has once `Module.__init__` ran. Children, parameters and buffers are its attributes, in the
/// order in which they were set.
#[derive(Default)]
pub(crate) struct ModuleState {
    /// Names of attributes that are buffers, and whether each is in the state dict.
    pub(crate) buffers: Vec<(Name, bool)>,
    /// Names that hold their place for a parameter, or for a module (`true`), though their value is `None`.
    pub(crate) declared: Vec<(Name, bool)>,
    /// Set for evaluation by `eval()`.
    pub(crate) is_evaluating: bool,
}

/// A weight, or a buffer.
pub(crate) struct Parameter {
    /// Its dimensions; a lazy layer's are set by its first call.
    pub(crate) dims: RefCell<Vec<usize>>,
    /// How its values are drawn; `None` for the layer's default.
    pub(crate) draw: RefCell<Option<Draw>>,
    /// Whether it is a buffer.
    pub(crate) is_buffer: bool,
    /// Whether it is trained.
    pub(crate) requires_grad: Cell<bool>,
    /// Where it was made.
    pub(crate) made: Option<Span>,
}

/// How a parameter's values are drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Draw {
    Constant(f64),
    Uniform {
        low: f64,
        high: f64,
    },
    Normal {
        mean: f64,
        std: f64,
    },
    /// Normal, drawn again outside of [low, high].
    Truncated {
        mean: f64,
        std: f64,
        low: f64,
        high: f64,
    },
    /// By a rule that convnet does not have: `orthogonal_`.
    Other(&'static str),
}

impl Draw {
    /// The same as the graph has it; `None` for rules that convnet does not have.
    pub(crate) fn known(&self) -> Option<convnet::graph::Draw> {
        use convnet::graph::Draw as Known;
        Some(match *self {
            Self::Constant(value) => Known::Constant { value },
            Self::Uniform { low, high } => Known::Uniform { low, high },
            Self::Normal { mean, std } => Known::Normal { mean, std },
            Self::Truncated { mean, std, low, high } => Known::TruncatedNormal { mean, std, low, high },
            Self::Other(_) => return None,
        })
    }
}

impl Parameter {
    /// A weight of these dimensions.
    pub(crate) fn new(dims: Vec<usize>, is_buffer: bool, made: Option<Span>) -> Rc<Self> {
        Rc::new(Self {
            dims: RefCell::new(dims),
            draw: RefCell::default(),
            is_buffer,
            requires_grad: Cell::new(!is_buffer),
            made,
        })
    }
}

/// A parameter as a value of Python's.
pub(crate) fn parameter_value(parameter: &Rc<Parameter>) -> Value {
    Value::Tensor(Tensor::of(Kind::Parameter(parameter.clone())))
}
