//! Why weights cannot be used.

use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use super::LoadReport;
use crate::state::ReadError;

/// A file of weights that cannot be read, does not fit its network, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IoError {
    /// The file.
    #[error(transparent)]
    File(#[from] FormatError),
    /// Elements that cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A card in its metadata that is damaged.
    #[error("`{}`: {reason}", path.display())]
    Card {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Tensors that do not match the network's.
    #[error(
        "the weights of `{}` are not `{model}`'s:\n{report}\nload the weights of the same network, or allow a partial \
         match",
        path.display()
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The network.
        model: String,
        /// What matches and what does not.
        report: Box<LoadReport>,
    },
    /// A layer that the format has no operator for.
    #[error("node `{path}` ({op}): {reason}")]
    Operator {
        /// The layer.
        path: String,
        /// Its op.
        op: &'static str,
        /// Why not, and the way out.
        reason: String,
    },
    /// A model that cannot be a network here.
    #[error("`{}`: {reason}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Why not, and the way out.
        reason: String,
    },
    /// A model of several outputs of which none is chosen, or one that it does not have.
    #[error("{}", outputs_text(path, outputs, asked.as_deref(), "choose one of them"))]
    Outputs {
        /// The file.
        path: PathBuf,
        /// The names of its outputs.
        outputs: Vec<String>,
        /// The name that was asked for.
        asked: Option<String>,
    },
    /// A model for images of any size, without a size.
    #[error("`{}`: its input `{input}` leaves channels, height or width free; give all three", path.display())]
    FreeInput {
        /// The file.
        path: PathBuf,
        /// The name of its images.
        input: String,
    },
    /// An operator of a model that no layer here computes.
    #[error("`{}`: node `{node}` ({op}): {reason}", path.display())]
    Node {
        /// The file.
        path: PathBuf,
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// Why not, and the way out.
        reason: String,
    },
    /// An ONNX file of weights alone: it holds a network.
    #[error("`{}`: an ONNX file holds a network, and there are only weights; export a graph with them", path.display())]
    NoNetwork {
        /// The file.
        path: PathBuf,
    },
    /// A format that is not written.
    #[error("`{}` has no ending of a format that is written, expected .safetensors, .pth or .onnx", path.display())]
    Ending {
        /// The file.
        path: PathBuf,
    },
}

/// What is told of a model's outputs; `way_out` is how to choose one.
fn outputs_text(path: &Path, outputs: &[String], asked: Option<&str>, way_out: &str) -> String {
    let names: Vec<String> = outputs.iter().map(|name| format!("`{name}`")).collect();
    let (path, names) = (path.display(), names.join(", "));
    match asked {
        Some(asked) => format!("`{path}` has no output `{asked}`, its outputs are {names}"),
        None if outputs.is_empty() => format!("`{path}`: it has no outputs, expected one"),
        None => format!("`{path}`: it has the outputs {names}, expected one; {way_out}"),
    }
}
