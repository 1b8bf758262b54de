//! What is asked of a model.

use std::path::PathBuf;

use crate::io::ModelCard;

/// How a model is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Channels, height and width of an input image, instead of the model's own.
    pub input: Option<[usize; 3]>,
    /// The number of classes, instead of the model's own.
    pub classes: Option<usize>,
    /// The output of an ONNX file that is the network's, where the file has several.
    pub output: Option<String>,
    /// A file of weights, instead of the model's own.
    pub weights: Option<PathBuf>,
    /// Whether parameters that the weights lack or have in another shape are drawn, and tensors that the network lacks
    /// are ignored.
    pub partial: bool,
    /// Whether a last layer for another number of classes than the weights' is drawn.
    pub new_head: bool,
    /// The seed of what is drawn.
    pub seed: u64,
}

impl OpenOptions {
    /// The same with the sizes that weights tell of where none are given, else with this input.
    #[must_use]
    pub fn fitted(&self, card: Option<&ModelCard>, input: Option<[usize; 3]>) -> Self {
        Self {
            input: self.input.or(card.map(|card| card.input)).or(input),
            classes: self.classes.or(card.map(|card| card.classes.len())),
            ..self.clone()
        }
    }
}
