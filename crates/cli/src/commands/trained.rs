//! What `eval`, `predict` and `run` work on: a run's directory, or a network with a file of weights.

use std::path::{Path, PathBuf};

use convnet::graph::Graph;
use convnet::io::{Loaded, WeightsFile};
use convnet::model::{self, Model, OpenOptions};
use convnet::train::RunDir;

use crate::args::SizeArgs;
use crate::error::Failure;
use crate::{output, wording};

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

/// Opens a run, an ONNX model, or a network of the zoo with a file of weights if one is given; notes what was adapted,
/// drawn or left out.
pub(crate) fn open(target: &str, weights: &WeightsArgs, size: &SizeArgs) -> Result<Model, Failure> {
    let WeightsArgs { weights, partial } = weights.clone();
    let new_head = size.classes.is_some();
    let model = Model::open(target, &OpenOptions { weights, partial, new_head, ..size.options() })?;
    model.notes.iter().for_each(|note| output::note(&note.to_string()));
    Ok(model)
}

/// Matches a file with a network, and notes what was adapted or drawn.
pub(crate) fn load(
    graph: &Graph,
    file: WeightsFile,
    partial: bool,
    new_head: bool,
) -> Result<Loaded, Failure> {
    let options = OpenOptions { partial, new_head, ..OpenOptions::default() };
    let (loaded, note) = model::load(graph, file, &options)?;
    note.iter().for_each(|note| output::note(&note.to_string()));
    Ok(loaded)
}

impl TrainedArgs {
    /// Reads the weights and builds the network they are for.
    pub(crate) fn load(&self) -> Result<(Model, Loaded), Failure> {
        let mut model = open(&self.target, &self.weights, &self.size).map_err(|failure| {
            match convnet::zoo::find(&self.target) {
                Err(unknown) if !Path::new(&self.target).exists() => {
                    let unknown = wording::unknown(&unknown).text;
                    Failure::usage(format!("there is no run in `{}`, and {unknown}", self.target))
                }
                _ => failure,
            }
        })?;
        let weights = model.weights.take().ok_or_else(|| self.without_weights())?;
        let output = model.graph.node(model.graph.output()).shape;
        if output.spatial() != (1, 1) {
            return Err(Failure::work(format!(
                "`{}` gives a map of {output}, expected a vector of classes; `convnet run` gives it as it is",
                self.target
            )));
        }
        Ok((model, weights))
    }

    /// The run, if that is what was named.
    pub(crate) fn run(&self) -> Option<RunDir> {
        RunDir::open(Path::new(&self.target)).ok()
    }

    fn without_weights(&self) -> Failure {
        let target = &self.target;
        Failure::usage(format!(
            "`{target}` has no weights: give them with `--weights FILE`, or train it \
             (`convnet train {target}`) and give the run's directory"
        ))
    }
}
