//! Why weights cannot be used.

use std::fmt;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use super::{Fit, LoadReport};
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
    /// A file that is of another kind.
    #[error("`{}` is {found}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is, and the way out.
        found: String,
    },
    /// A key under which there are no weights, or several.
    #[error("`{}` has no weights under the key `{key}`, or several; {known}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The keys that there are.
        known: Known,
    },
    /// Tensors that do not match the network's.
    #[error(
        "the weights of `{}` are not `{model}`'s:\n{report}\n{}",
        path.display(),
        whose(fits)
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The network.
        model: String,
        /// What matches and what does not.
        report: Box<LoadReport>,
        /// The networks of the zoo that they fit.
        fits: Vec<Fit>,
    },
    /// Weights of a network that has other settings.
    #[error(
        "`{}` holds another network than `{model}`, with weights of the same names and shapes:\n{}\ntake that network as \
         it is",
        path.display(),
        listed(differences)
    )]
    Settings {
        /// The file.
        path: PathBuf,
        /// The network that was to take its weights.
        model: String,
        /// The layer, the setting, what it is in the file, and in the network.
        differences: Vec<String>,
    },
    /// A parameter with two names, under which a file has two tensors.
    #[error(
        "`{}`: `{name}` and `{first}` are one parameter of the network, and not the same in the file: {}; the network \
         that it was saved of has a weight for each",
        path.display(),
        match values {
            Some((index, [here, there])) => format!("at {index:?} they are {here} and {there}"),
            None => "their shapes differ".to_owned(),
        }
    )]
    Twins {
        /// The file.
        path: PathBuf,
        /// One name.
        name: String,
        /// The other, which is the network's own.
        first: String,
        /// An element in which they differ, by its index in each dimension, and its values; `None` where the shapes do.
        values: Option<(Vec<usize>, [f32; 2])>,
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

/// The keys of a file's state dicts.
#[derive(Debug)]
pub struct Known(pub Vec<String>);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("it holds one state dict, without a key"),
            keys => {
                let keys: Vec<String> = keys.iter().take(12).map(|key| format!("`{key}`")).collect();
                write!(f, "its keys are {}", keys.join(", "))
            }
        }
    }
}

/// The first of some lines, and how many more there are.
fn listed(lines: &[String]) -> String {
    /// Lines before they are only counted.
    const LISTED: usize = 6;
    let mut listed: Vec<String> = lines.iter().take(LISTED).map(|line| format!("  {line}")).collect();
    if lines.len() > LISTED {
        listed.push(format!("  and {} more", lines.len() - LISTED));
    }
    listed.join("\n")
}

/// The way out: the networks that weights fit.
fn whose(fits: &[Fit]) -> String {
    match fits {
        [] => "load the weights of the same network".to_owned(),
        fits => format!("they fit {}", fits.iter().map(Fit::to_string).collect::<Vec<_>>().join(", ")),
    }
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
