//! What cannot be explained.

use convnet::exec::RunError;
use thiserror::Error;

/// Why there is no explanation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The network cannot be compiled, or a layer cannot be looked at.
    #[error(transparent)]
    Compile(#[from] convnet::exec::CompileError),
    /// An image or a class does not fit the network.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No layer has this name.
    #[error("the network has no layer `{name}`{}", beside(near))]
    NoLayer {
        /// The name that was asked for.
        name: String,
        /// Names that are like it, best first.
        near: Vec<String>,
    },
    /// A layer gives no map of several pixels.
    #[error("layer `{path}` gives {shape}, expected a map of several pixels{}", beside(near))]
    NoMap {
        /// The layer.
        path: String,
        /// What it gives.
        shape: String,
        /// Layers that give maps, the last first.
        near: Vec<String>,
    },
    /// A layer that the lens was not opened for.
    #[error("layer `{path}` is not looked at; name it when the lens is opened")]
    NotWatched {
        /// The layer.
        path: String,
    },
    /// The network gives a map of classes, or one number.
    #[error(
        "the network gives {shape}, expected a vector of at least two classes: an answer to explain is one of several"
    )]
    NoClasses {
        /// What it gives.
        shape: String,
    },
    /// Images that cannot be read or measured.
    #[error(transparent)]
    Images(#[from] convnet::train::TrainError),
    /// An image that cannot be read.
    #[error(transparent)]
    Data(#[from] convnet::data::DataError),
    /// Weights that cannot be read.
    #[error("{0}")]
    Weights(String),
    /// A picture that cannot be encoded.
    #[error("a picture of the page cannot be encoded: {0}")]
    Picture(String),
    /// Logits that tell nothing.
    #[error(
        "the network's logits are no finite numbers ({found}): its weights are damaged, or the image is not what it was trained on"
    )]
    NotFinite {
        /// The first such logit.
        found: f32,
    },
    /// A setting out of its range.
    #[error("{what}: found {found}, expected {expected}")]
    Setting {
        /// What was set.
        what: &'static str,
        /// What was found.
        found: String,
        /// What would do.
        expected: String,
    },
}

fn beside(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("; there is {}", names.join(", "))
        }
    }
}
