//! What `eval`, `predict` and `run` work on: a run's directory, or a network with a file of weights.

use std::path::{Path, PathBuf};

use convnet::graph::Graph;
use convnet::io::{self, LoadOptions, Loaded, ModelCard, WeightsFile};
use convnet::train::RunDir;

use crate::args::{self, ImageSize, SizeArgs};
use crate::error::Failure;
use crate::output;

/// A network with its weights.
#[derive(Debug, clap::Args)]
pub(crate) struct TrainedArgs {
    /// Directory of a run, name of a network, or an .onnx file
    #[arg(value_name = "RUN|MODEL")]
    target: String,

    #[command(flatten)]
    weights: WeightsArgs,

    #[command(flatten)]
    size: SizeArgs,
}

/// A file of weights.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WeightsArgs {
    /// Weights to load: .safetensors (or the .index.json of its parts), .pth, .pt, .onnx [default: the run's best, or
    /// those of the .onnx file]
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,

    /// Draw parameters that the file lacks or has in another shape, and ignore tensors that the network lacks
    #[arg(long)]
    pub(crate) partial: bool,
}

/// A network that was trained.
pub(crate) struct Trained {
    /// The network, of the size it was trained for.
    pub(crate) graph: Graph,
    /// Its weights; `None` for a network's name without a file.
    pub(crate) weights: Option<Loaded>,
    /// What the weights' file tells of itself.
    pub(crate) card: Option<ModelCard>,
    /// The data set that the run was trained on.
    pub(crate) data: Option<String>,
}

/// Opens a run, an ONNX model, or a network of the zoo with a file of weights if one is given.
pub(crate) fn open(target: &str, weights: &WeightsArgs, size: &SizeArgs) -> Result<Trained, Failure> {
    let mut trained =
        if args::is_file(target) { model(target, weights, size)? } else { known(target, weights, size)? };
    let fits = |card: &ModelCard| {
        card.classes.len() == trained.graph.classes() && card.preprocess.input() == input(&trained.graph)
    };
    if let Some(card) = trained.card.take_if(|card| !fits(card)) {
        output::note(&format!(
            "the weights' file tells of images of {:?} and {} classes, which the network does not have: ignored",
            card.preprocess.input(),
            card.classes.len()
        ));
    }
    Ok(trained)
}

/// Opens an ONNX model, with its own weights or others.
fn model(path: &str, weights: &WeightsArgs, size: &SizeArgs) -> Result<Trained, Failure> {
    let (graph, own) = size.open(path)?;
    let file = match &weights.weights {
        Some(path) => Some(for_network(path, &graph)?),
        None => own,
    };
    let card = file.as_ref().and_then(WeightsFile::card).cloned();
    let weights = file.map(|file| load(&graph, file, weights.partial, size.classes.is_some())).transpose()?;
    Ok(Trained { graph, weights, card, data: None })
}

/// Opens weights; those of an ONNX model for images of the network's size.
pub(crate) fn for_network(path: &Path, graph: &Graph) -> Result<WeightsFile, Failure> {
    match path.to_str().filter(|path| args::is_file(path)) {
        Some(path) => Ok(io::import(path, Some(input(graph)))?.1),
        None => Ok(WeightsFile::open(path)?),
    }
}

/// Opens a run, or a network of the zoo.
fn known(target: &str, weights: &WeightsArgs, size: &SizeArgs) -> Result<Trained, Failure> {
    let run = Path::new(target).is_dir().then(|| RunDir::open(Path::new(target))).transpose()?;
    let path = match (&weights.weights, &run) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(run)) => Some(run.weights()?),
        (None, None) => None,
    };
    let file = path.map(WeightsFile::open).transpose()?;
    let card = file.as_ref().and_then(WeightsFile::card).cloned();
    let model = run.as_ref().map_or(target, |run| &run.config().model);
    let graph = fitted(size, card.as_ref(), run.as_ref().map(|r| r.config().input)).build(model)?;
    let new_head = size.classes.is_some();
    let weights = file.map(|file| load(&graph, file, weights.partial, new_head)).transpose()?;
    Ok(Trained { graph, weights, card, data: run.map(|run| run.config().recipe.data.clone()) })
}

/// The sizes that were given, else those that the weights tell of, else `input`.
pub(crate) fn fitted(size: &SizeArgs, card: Option<&ModelCard>, input: Option<[usize; 3]>) -> SizeArgs {
    let told = card.map(|card| card.input).or(input);
    let told = told.map(|[channels, height, width]| ImageSize { channels, height, width });
    SizeArgs { input: size.input.or(told), classes: size.classes.or(card.map(|card| card.classes.len())) }
}

/// Matches a file with a network, and tells what was adapted or drawn.
pub(crate) fn load(
    graph: &Graph,
    file: WeightsFile,
    partial: bool,
    new_head: bool,
) -> Result<Loaded, Failure> {
    let path = file.path().display().to_string();
    let loaded = io::load(graph, file, LoadOptions { partial, new_head, seed: 0 }).map_err(|error| {
        let way_out = match error {
            io::IoError::Mismatch { .. } => {
                "\nload the weights of the same network, or what matches with `--partial`"
            }
            _ => "",
        };
        Failure::work(format!("{error}{way_out}"))
    })?;
    let report = &loaded.report;
    if !report.is_exact() || !report.adapted.is_empty() || !report.drawn.is_empty() {
        output::note(&format!("of the weights of `{path}`:\n{report}"));
    }
    Ok(loaded)
}

impl TrainedArgs {
    /// Reads the weights and builds the network they are for.
    pub(crate) fn load(&self) -> Result<(Trained, Loaded), Failure> {
        let mut trained = open(&self.target, &self.weights, &self.size).map_err(|failure| {
            match convnet::zoo::find(&self.target) {
                Err(unknown) if !Path::new(&self.target).exists() => {
                    Failure::usage(format!("there is no run in `{}`, and {unknown}", self.target))
                }
                _ => failure,
            }
        })?;
        let weights = trained.weights.take().ok_or_else(|| self.without_weights())?;
        let output = trained.graph.node(trained.graph.output()).shape;
        if output.spatial() != (1, 1) {
            return Err(Failure::work(format!(
                "`{}` gives a map of {output}, expected a vector of classes; `convnet run` gives it as it is",
                self.target
            )));
        }
        Ok((trained, weights))
    }

    fn without_weights(&self) -> Failure {
        let target = &self.target;
        Failure::usage(format!(
            "`{target}` has no weights: give them with `--weights FILE`, or train it \
             (`convnet train {target}`) and give the run's directory"
        ))
    }
}

/// Channels, height and width of a network's input.
pub(crate) fn input(graph: &Graph) -> [usize; 3] {
    let shape = graph.input_shape();
    let (height, width) = shape.spatial();
    [shape.channels(), height, width]
}
