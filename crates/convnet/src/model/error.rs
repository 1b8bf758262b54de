//! Why a model cannot be opened.

use std::error::Error;
use std::path::PathBuf;

use crate::data::DataError;
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
    /// A network that could not be made.
    #[error(transparent)]
    Made(Box<dyn Error + Send + Sync>),
    /// An input that the network does not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A file that cannot be used.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A directory that is no run.
    #[error(transparent)]
    Run(#[from] TrainError),
    /// A preprocessing that is not for the network.
    #[error(transparent)]
    Preprocess(#[from] DataError),
    /// A file of weights that does not tell of a network that is known.
    #[error(
        "`{}` holds weights, and {}: name the network, and give the file as its weights",
        path.display(),
        match model {
            Some(model) => format!("its network `{model}` is not in the zoo"),
            None => "does not tell of which network".to_owned(),
        }
    )]
    Nameless {
        /// The file.
        path: PathBuf,
        /// The network that its card names.
        model: Option<String>,
    },
    /// A network whose last layer gives a fixed number of outputs.
    #[error("`{model}` does not end in a layer that can give {classes} classes")]
    Head {
        /// The network.
        model: String,
        /// How many classes were asked for.
        classes: usize,
    },
}
