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
    /// Weights that half precision has no numbers for.
    #[error(
        "tensor `{name}`: half precision ends at ±65504, and the weight farthest from 0 is {largest}{}; keep the weights in \
         float32",
        if *scaled { " after the scale of the BatchNorm2d behind it" } else { "" }
    )]
    HalfRange {
        /// The parameter.
        name: String,
        /// Its weight of the greatest magnitude.
        largest: String,
        /// Whether that is after a normalization was folded in.
        scaled: bool,
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
    /// A weight of two Linear layers that read maps of different sizes, in training on a GPU.
    #[error(
        "`{name}` and `{first}` are one weight, which two layers read as maps of other sizes: the CPU trains it, a GPU does not"
    )]
    SharedWeight {
        /// The parameter.
        name: String,
        /// The one before it that it is the same as.
        first: String,
    },
    /// A weight that two layers read in other orders of its elements, in training.
    #[error(
        "`{name}` and `{first}` are one weight, which two layers read in other orders of its elements; training would \
         change them apart: export the network with a weight for each, or use it as it is"
    )]
    Apart {
        /// The parameter.
        name: String,
        /// The one before it.
        first: String,
    },
    /// Training of nothing.
    #[error(
        "every parameter is frozen, so that nothing learns; leave at least one, such as the last layer's"
    )]
    AllFrozen,
    /// A batch of nothing.
    #[error("batch is 0, expected at least 1")]
    EmptyBatch,
    /// More memory than can be addressed.
    #[error("a batch of {batch} needs more memory than can be addressed; choose a smaller one")]
    TooLarge {
        /// The batch.
        batch: usize,
    },
    /// More memory than the machine has available, or than may be taken.
    #[error("{task} with a batch of {batch} needs {} of memory{}; {}", size(*bytes), left(*available), way_out(*largest))]
    Memory {
        /// `inference` or `training`.
        task: &'static str,
        /// The batch.
        batch: usize,
        /// What it needs, at least; `usize::MAX` where that is more than can be addressed.
        bytes: usize,
        /// What may be taken, where the system tells or [`Options::memory`](crate::exec::Options::memory) does.
        available: Option<usize>,
        /// The largest batch that fits, 0 where not even one image does; `None` where that is not known.
        largest: Option<usize>,
    },
    /// More threads than the system starts.
    #[error("{threads} threads cannot be started ({reason}); choose fewer, or 0 for one per core")]
    Threads {
        /// What was asked for.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// A device of another name.
    #[error("there is no device `{found}`, expected `cpu`, `gpu` or `gpu:N`")]
    Device {
        /// What was asked for.
        found: String,
    },
    /// A precision of another name.
    #[error("there is no precision `{found}`, expected `fp32`, `tf32` or `bf16`")]
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

/// A size as people read it.
fn size(bytes: usize) -> String {
    match bytes {
        usize::MAX => "more than can be addressed".into(),
        _ if bytes < 1 << 30 => format!("{} MiB", bytes.div_ceil(1 << 20)),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

fn left(available: Option<usize>) -> String {
    available.map_or(String::new(), |bytes| format!(", of which it may take {}", size(bytes)))
}

fn way_out(largest: Option<usize>) -> String {
    match largest {
        None => "choose a smaller batch".into(),
        Some(0) => "not even one image fits: take a smaller network or smaller images".into(),
        Some(batch) => format!("the largest batch that fits is {batch}"),
    }
}

impl CompileError {
    /// Memory that the system refused.
    pub(crate) fn memory((task, batch): (&'static str, usize), bytes: usize) -> Self {
        Self::Memory { task, batch, bytes, available: None, largest: None }
    }

    /// A layer that a device has no kernel for.
    pub(crate) fn unsupported(node: &Node, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: node.path.clone(), op: node.op.name(), reason: reason.into() }
    }
}
