//! Why a model cannot be opened.

use crate::graph::GraphError;
use crate::io::IoError;
use crate::train::TrainError;
use crate::zoo::UnknownModel;

/// A name that means nothing, or a model that cannot be what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A name that is neither a file, nor a run, nor in the zoo.
    #[error(transparent)]
    Unknown(#[from] UnknownModel),
    /// An input that the network does not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A file that cannot be used.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A directory that is no run.
    #[error(transparent)]
    Run(#[from] TrainError),
    /// A network whose last layer gives a fixed number of outputs.
    #[error("`{model}` does not end in a layer that can give {classes} classes")]
    Head {
        /// The network.
        model: String,
        /// How many classes were asked for.
        classes: usize,
    },
}
