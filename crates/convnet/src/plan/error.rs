//! Why a graph cannot be run.

use thiserror::Error;

use crate::graph::Node;

/// A graph, its weights or the options do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// A parameter is not in the state dict.
    #[error(
        "the weights have no tensor `{name}` (expected shape {expected:?}); load weights of the same network"
    )]
    Missing {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A parameter has another shape.
    #[error(
        "tensor `{name}` has shape {found:?}, the network expects {expected:?}; build the network with the same input and classes"
    )]
    Shape {
        /// The parameter.
        name: String,
        /// The tensor's shape.
        found: Vec<usize>,
        /// The parameter's shape.
        expected: Vec<usize>,
    },
    /// A parameter that cannot be read.
    #[error("tensor `{name}`: {reason}")]
    Read {
        /// The parameter.
        name: String,
        /// Why.
        reason: String,
    },
    /// A layer that the engine cannot run.
    #[error("node `{path}` ({op}): {reason}")]
    Unsupported {
        /// The layer.
        path: String,
        /// Its op.
        op: &'static str,
        /// What is not supported, and the way out.
        reason: String,
    },
    /// A weight of two layers, in training.
    #[error(
        "`{name}` and `{first}` are one weight, which two layers read; training would change them apart: export the \
         network with a weight for each, or use it as it is"
    )]
    SharedWeight {
        /// The parameter.
        name: String,
        /// The one before it that it is the same as.
        first: String,
    },
    /// A batch of nothing.
    #[error("batch is 0, expected at least 1")]
    EmptyBatch,
    /// More memory than can be addressed.
    #[error("a batch of {batch} needs more memory than can be addressed; choose a smaller one")]
    TooLarge {
        /// The batch.
        batch: usize,
    },
    /// More memory than the system gives.
    #[error("there is no room for {} MiB, which a batch of {batch} needs; choose a smaller one", bytes >> 20)]
    Memory {
        /// The batch.
        batch: usize,
        /// What was asked for.
        bytes: usize,
    },
    /// A device of another name.
    #[error("there is no device `{found}`, expected `cpu`, `gpu` or `gpu:N`")]
    Device {
        /// What was asked for.
        found: String,
    },
    /// A precision of another name.
    #[error("there is no precision `{found}`, expected `fp32` or `tf32`")]
    Precision {
        /// What was asked for.
        found: String,
    },
    /// The GPU is not there, or failed.
    #[error("{reason}")]
    Gpu {
        /// What is missing or failed, and the way out.
        reason: String,
    },
    /// An instruction set that is not there.
    #[error("instruction set `{found}` is not available here, expected one of {available}")]
    Isa {
        /// What was asked for.
        found: String,
        /// What there is.
        available: String,
    },
}

impl CompileError {
    /// A layer that a device has no kernel for.
    pub(crate) fn unsupported(node: &Node, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: node.path.clone(), op: node.op.name(), reason: reason.into() }
    }
}
