//! What is asked of a model.

use std::path::PathBuf;

use crate::data::PreprocessSpec;
use crate::io::{Head, ModelCard};

/// How a model is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Channels, height and width of an input image, instead of the model's own.
    pub input: Option<[usize; 3]>,
    /// The number of classes, instead of the model's own.
    pub classes: Option<usize>,
    /// The output of an ONNX file that is the network's, where the file has several.
    pub output: Option<String>,
    /// Weights, instead of the model's own: a file of them, or a run, whose best they are.
    pub weights: Option<PathBuf>,
    /// Which of several state dicts in the file of weights is meant, by its key.
    pub key: Option<String>,
    /// How images become input, instead of what the weights tell.
    pub preprocess: Option<PreprocessSpec>,
    /// Whether parameters that the weights lack or have in another shape are drawn, which is for training.
    pub draw: bool,
    /// Whether tensors that the network lacks are left out.
    pub ignore: bool,
    /// Whether the last layer is drawn, which is for training.
    pub head: Head,
    /// Whether weights may be those of a network with other settings, which is for training: they are told.
    pub other_settings: bool,
    /// The seed of what is drawn.
    pub seed: u64,
}

impl OpenOptions {
    /// The same with the sizes that weights tell of where none are given, else with this input.
    #[must_use]
    pub fn fitted(&self, card: Option<&ModelCard>, input: Option<[usize; 3]>) -> Self {
        Self {
            input: self.input.or(card.map(|card| card.input)).or(input),
            classes: self.classes.or(card.map(|card| card.outputs)),
            ..self.clone()
        }
    }
}
