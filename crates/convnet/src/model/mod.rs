//! Models by name: a network of the zoo, an ONNX file, or the directory of a training run, with its weights.
//!
//! [`Model::open`] finds out what a name means, builds the network for the size that is asked for, and matches weights
//! with it. What it adapted, drew or left out on the way is told in [`Model::notes`].
//!
//! ```
//! use convnet::model::{Model, OpenOptions};
//!
//! let options = OpenOptions { input: Some([1, 28, 28]), ..OpenOptions::default() };
//! let model = Model::open("lenet", &options)?;
//! assert_eq!(model.graph.classes(), 10);
//! // A network of the zoo has no weights of its own.
//! assert!(model.weights.is_none());
//! # Ok::<(), convnet::model::OpenError>(())
//! ```

mod error;
mod note;
mod options;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::OpenError;
pub use note::Note;
pub use options::OpenOptions;

use crate::graph::Graph;
use crate::io::{self, Import, ImportOptions, IoError, Loaded, ModelCard, WeightsFile};
use crate::train::RunDir;
use crate::zoo;

/// A network, and what is known of how to use it.
#[derive(Debug)]
pub struct Model {
    /// The network, of the size that was asked for, else of the one that its weights are for.
    pub graph: Graph,
    /// Its weights; `None` for a network of the zoo without a file.
    pub weights: Option<Loaded>,
    /// What the weights' file tells of itself, if it fits the network.
    pub card: Option<ModelCard>,
    /// The data set that the run was trained on; `None` for what is no run.
    pub data: Option<String>,
    /// What was adapted, drawn or left out.
    pub notes: Vec<Note>,
}

impl Model {
    /// Opens an ONNX file (a name that ends in `.onnx`), a run (a directory), or a network of the zoo.
    ///
    /// Weights are those of `options.weights`, else the best of the run or those of the ONNX file. The size of the
    /// network is the one in `options`, else the one that the weights' card tells, else the run's, else its own.
    ///
    /// # Errors
    /// A name that means nothing, a file that cannot be read, a size that does not fit the network, weights that do not
    /// match it.
    pub fn open(name: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let mut model = if is_onnx(name) { Self::onnx(name, options) } else { Self::known(name, options) }?;
        let Self { graph, card, notes, .. } = &mut model;
        let fits = |card: &ModelCard| {
            card.classes.len() == graph.classes() && card.preprocess.input() == graph.input_size()
        };
        if let Some(card) = card.take_if(|card| !fits(card)) {
            notes.push(Note::Card { input: card.preprocess.input(), classes: card.classes.len() });
        }
        Ok(model)
    }

    fn onnx(path: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let Import { graph, weights, channels_last } = imported(path, options)?;
        let file = match &options.weights {
            Some(path) => weights_for(path, &graph)?,
            None => weights,
        };
        let mut model = Self::matched(graph, Some(file), options, None)?;
        model.notes.extend(channels_last.map(|input| Note::ChannelsLast { path: path.into(), input }));
        Ok(model)
    }

    fn known(name: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        let run = Path::new(name).is_dir().then(|| RunDir::open(Path::new(name))).transpose()?;
        let path = match (&options.weights, &run) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(run)) => Some(run.weights()?),
            (None, None) => None,
        };
        let file = path.map(WeightsFile::open).transpose()?;
        let config = run.as_ref().map(RunDir::config);
        let card = file.as_ref().and_then(WeightsFile::card);
        let fitted = options.fitted(card, config.map(|config| config.input));
        let (graph, _) = network(config.map_or(name, |config| &config.model), &fitted)?;
        Self::matched(graph, file, options, config.map(|config| config.recipe.data.clone()))
    }

    fn matched(
        graph: Graph,
        file: Option<WeightsFile>,
        options: &OpenOptions,
        data: Option<String>,
    ) -> Result<Self, OpenError> {
        let card = file.as_ref().and_then(WeightsFile::card).cloned();
        let (mut weights, mut notes) = (None, Vec::new());
        if let Some(file) = file {
            let (loaded, note) = load(&graph, file, options)?;
            weights = Some(loaded);
            notes.extend(note);
        }
        Ok(Self { graph, weights, card, data, notes })
    }
}

/// Whether a name is that of an ONNX file.
pub fn is_onnx(name: impl AsRef<Path>) -> bool {
    name.as_ref().extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}

/// Builds a network of the zoo, or reads an ONNX file and the weights in it, for the input and the classes in the
/// options.
///
/// # Errors
/// A name that is not in the zoo, a file that cannot be a network, a size that does not fit it.
pub fn network(name: &str, options: &OpenOptions) -> Result<(Graph, Option<WeightsFile>), OpenError> {
    if is_onnx(name) {
        let Import { graph, weights, .. } = imported(name, options)?;
        return Ok((graph, Some(weights)));
    }
    let mut network = zoo::find(name)?.model();
    if let Some([channels, height, width]) = options.input {
        network = network.input(channels, height, width);
    }
    if let Some(classes) = options.classes {
        network = network.classes(classes);
    }
    Ok((network.build()?, None))
}

/// Reads an ONNX file for the input, the classes and the output in the options.
fn imported(path: &str, options: &OpenOptions) -> Result<Import, OpenError> {
    let asked = ImportOptions { input: options.input, output: options.output.clone() };
    let mut import = io::import_with(path, &asked)?;
    if let Some(classes) = options.classes.filter(|&classes| classes != import.graph.classes()) {
        let head = || OpenError::Head { model: path.to_owned(), classes };
        import.graph = import.graph.with_classes(classes).ok_or_else(head)?;
    }
    Ok(import)
}

/// Opens a file of weights for a network; an ONNX file is read for images of the network's size.
///
/// # Errors
/// If it cannot be read.
pub fn weights_for(path: &Path, graph: &Graph) -> Result<WeightsFile, IoError> {
    match is_onnx(path) {
        true => Ok(io::import(path, Some(graph.input_size()))?.1),
        false => WeightsFile::open(path),
    }
}

/// Matches a file of weights with a network; the note tells what was not found as it is.
///
/// # Errors
/// If they do not match, unless the options allow it.
pub fn load(
    graph: &Graph,
    file: WeightsFile,
    options: &OpenOptions,
) -> Result<(Loaded, Option<Note>), IoError> {
    let path = file.path().to_owned();
    let OpenOptions { partial, new_head, seed, .. } = *options;
    let loaded = io::load(graph, file, io::LoadOptions { partial, new_head, seed })?;
    let report = &loaded.report;
    let told = !report.is_exact() || !report.adapted.is_empty() || !report.drawn.is_empty();
    let note = told.then(|| Note::Weights { path, report: report.clone() });
    Ok((loaded, note))
}
