//! Models by name: a network of the zoo, an ONNX file, the directory of a training run, or a file of weights that tells
//! of its network; and networks that are made elsewhere.
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

mod assumption;
mod error;
mod note;
mod options;
mod source;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use assumption::Assumption;
pub use error::OpenError;
pub use note::Note;
pub use options::OpenOptions;
pub use source::{MakeGraph, adapted, is_onnx, weights_file};

use self::source::Named;
use crate::data::Preprocess;
use crate::graph::Graph;
use crate::io::{self, Import, IoError, Loaded, ModelCard, WeightsFile};

/// A network, and what is known of how to use it.
#[derive(Debug)]
pub struct Model {
    /// The network, of the size that was asked for, else of the one that its weights are for.
    pub graph: Graph,
    /// Its weights; `None` for a network of the zoo without a file.
    pub weights: Option<Loaded>,
    /// What the weights' file tells of itself, if it fits the network.
    pub card: Option<ModelCard>,
    /// How images become its input: as was asked for, else as the card tells, else as is assumed.
    pub preprocess: Preprocess,
    /// What was assumed of the preprocessing; `None` where it is known.
    pub assumption: Option<Assumption>,
    /// The data set that the run was trained on; `None` for what is no run.
    pub data: Option<String>,
    /// What was adapted, drawn or left out.
    pub notes: Vec<Note>,
}

impl Model {
    /// Opens an ONNX file (a name that ends in `.onnx`), a run (a directory), a file of weights that tells of its network
    /// (a run's, or one with a card), or a network of the zoo.
    ///
    /// Weights are those of `options.weights`, else the best of the run or those of the file. The size of the network is
    /// the one in `options`, else the one that the weights' card tells, else the run's, else its own.
    ///
    /// # Errors
    /// A name that means nothing, a file that cannot be read, a size that does not fit the network, weights that do not
    /// match it, a preprocessing for another size.
    pub fn open(name: &str, options: &OpenOptions) -> Result<Self, OpenError> {
        Self::of(&Named::find(name)?, options)
    }

    /// The same of a network that is made elsewhere, as from code that another crate reads: it has no weights but those of
    /// `options.weights`, and is made for the size in `options`, else for the one that their card tells, else for its own.
    ///
    /// ```
    /// use convnet::model::{Model, OpenOptions};
    /// use convnet::zoo;
    ///
    /// let make = |input: Option<[usize; 3]>| {
    ///     let [channels, height, width] = input.unwrap_or([1, 28, 28]);
    ///     Ok(zoo::lenet().input(channels, height, width).build()?)
    /// };
    /// let options = OpenOptions { classes: Some(7), ..OpenOptions::default() };
    /// assert_eq!(Model::made(&make, &options)?.graph.classes(), 7);
    /// # Ok::<(), convnet::model::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::open`], and what `make` gives.
    pub fn made(make: &MakeGraph<'_>, options: &OpenOptions) -> Result<Self, OpenError> {
        Self::of(&Named::Made(make), options)
    }

    fn of(named: &Named<'_>, options: &OpenOptions) -> Result<Self, OpenError> {
        let given = options.weights.as_deref();
        let mut notes: Vec<Note> = named.note().into_iter().chain(named.unchecked()).collect();
        let (graph, file) = match named.onnx() {
            Some(path) => {
                let Import { graph, weights, channels_last, output_axes } = source::onnx(path, options)?;
                let shape = graph.node(graph.output()).shape;
                notes.extend(output_axes.map(|axes| Note::OutputAxes { path: path.to_owned(), axes, shape }));
                notes.extend(channels_last.map(|input| Note::ChannelsLast { path: path.to_owned(), input }));
                (graph, if given.is_some() { None } else { Some(weights) })
            }
            None => {
                let file = match given.map(Path::to_owned).or(named.weights()?) {
                    // An ONNX file is read for the network's size, which is not known before.
                    Some(path) if !is_onnx(&path) => Some(weights_file(&path, None)?),
                    _ => None,
                };
                let card = file.as_ref().and_then(WeightsFile::card);
                (named.graph(&options.fitted(card, named.input()))?, file)
            }
        };
        let file = match (file, given) {
            (None, Some(path)) => Some(weights_file(path, Some(&graph))?),
            (file, _) => file,
        };
        let mut card = file.as_ref().and_then(WeightsFile::card).cloned();
        let fits = |card: &ModelCard| {
            card.outputs == graph.classes() && card.preprocess.input() == graph.input_size()
        };
        let mut weights = None;
        if let Some(file) = file {
            let (loaded, note) = load(&graph, file, options)?;
            weights = Some(loaded);
            notes.extend(note);
        }
        if let Some(card) = card.take_if(|card| !fits(card)) {
            notes.push(Note::Card { input: card.preprocess.input(), classes: card.outputs });
        }
        let input = graph.input_size();
        let (preprocess, assumption) = match (&options.preprocess, &card) {
            (Some(asked), _) => (asked.for_input(input)?, None),
            (None, Some(card)) => (card.preprocess.clone(), None),
            (None, None) => {
                let assumption = Assumption::of(named.entry(), input, graph.classes());
                (assumption.preprocess(input)?, Some(assumption))
            }
        };
        Ok(Self { graph, weights, card, preprocess, assumption, data: named.data(), notes })
    }

    /// What to keep beside the weights where they are written again: their card with the preprocessing in use, also of
    /// weights without one if a preprocessing was asked for or torchvision's is assumed.
    pub fn written_card(&self) -> Option<ModelCard> {
        (self.assumption != Some(Assumption::Plain)).then(|| ModelCard {
            model: self.card.as_ref().map_or_else(|| self.graph.name().to_owned(), |card| card.model.clone()),
            input: self.graph.input_size(),
            outputs: self.graph.classes(),
            classes: self.card.as_ref().map(|card| card.classes.clone()).unwrap_or_default(),
            several: self.card.as_ref().is_some_and(|card| card.several),
            preprocess: self.preprocess.clone(),
        })
    }

    /// The names of the classes, in the order of the outputs; `None` if nothing tells them.
    pub fn classes(&self) -> Option<&[String]> {
        self.card.as_ref().map(|card| &card.classes[..]).filter(|classes| !classes.is_empty())
    }

    /// The same, or where nothing tells them `class 0`, `class 1` and so on.
    pub fn class_names(&self) -> Vec<String> {
        match self.classes() {
            Some(names) => names.to_vec(),
            None => (0..self.graph.classes()).map(|class| format!("class {class}")).collect(),
        }
    }
}

/// Builds the network of a name, and opens the weights that come with it (of an ONNX file, a run, a file of weights), for
/// the input and the classes in the options.
///
/// # Errors
/// A name that means nothing, a file that cannot be a network, a size that does not fit it.
pub fn network(name: &str, options: &OpenOptions) -> Result<(Graph, Option<WeightsFile>), OpenError> {
    network_of(&Named::find(name)?, options)
}

/// The same of a network that is made elsewhere, which has no weights.
///
/// # Errors
/// As [`network`], and what `make` gives.
pub fn made(make: &MakeGraph<'_>, options: &OpenOptions) -> Result<Graph, OpenError> {
    Ok(network_of(&Named::Made(make), options)?.0)
}

fn network_of(named: &Named<'_>, options: &OpenOptions) -> Result<(Graph, Option<WeightsFile>), OpenError> {
    if let Some(path) = named.onnx() {
        let Import { graph, weights, .. } = source::onnx(path, options)?;
        return Ok((graph, Some(weights)));
    }
    // A run that has no weights yet has a network all the same.
    let file = named.weights().ok().flatten().map(|path| weights_file(&path, None)).transpose()?;
    let card = file.as_ref().and_then(WeightsFile::card);
    Ok((named.graph(&options.fitted(card, named.input()))?, file))
}

/// How images became input for weights that training shall start from, for the network of that name and images of
/// another size: what their card tells, or what is known of torchvision's; `None` where nothing is known.
///
/// # Errors
/// If the preprocessing is for another number of channels.
pub fn preprocess_of(
    name: &str,
    file: &WeightsFile,
    input: [usize; 3],
) -> Result<Option<Preprocess>, OpenError> {
    if let Some(card) = file.card() {
        return Ok(card.preprocess.for_size(input));
    }
    let published = file.tensors().iter().any(|(_, shape)| *shape == [assumption::IMAGENET_CLASSES]);
    let classes = if published { assumption::IMAGENET_CLASSES } else { 0 };
    match Assumption::of(Named::find(name)?.entry(), input, classes) {
        Assumption::Plain => Ok(None),
        known => Ok(Some(known.preprocess(input)?)),
    }
}

/// Matches a file of weights with a network; the note tells what was not found as it is.
///
/// # Errors
/// If they do not match, unless the options allow it.
pub fn load(
    graph: &Graph,
    mut file: WeightsFile,
    options: &OpenOptions,
) -> Result<(Loaded, Option<Note>), IoError> {
    let path = file.path().to_owned();
    if let Some(key) = &options.key {
        file.choose(key)?;
    }
    let OpenOptions { draw, ignore, head, other_settings, seed, .. } = *options;
    let loaded = io::load(graph, file, io::LoadOptions { draw, ignore, head, other_settings, seed })?;
    let report = &loaded.report;
    let note = (!report.is_plain()).then(|| Note::Weights { path, report: report.clone() });
    Ok((loaded, note))
}
