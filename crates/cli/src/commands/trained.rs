//! What `eval`, `predict` and `run` work on: a run's directory, or a network with a file of weights.

use std::path::{Path, PathBuf};

use convnet::data::{PreprocessSpec, Views};
use convnet::graph::Graph;
use convnet::io::{Loaded, WeightsFile};
use convnet::model::{self, Model, OpenOptions};
use convnet::train::RunDir;
use convnet::zoo::{self, Entry};

use crate::args::SizeArgs;
use crate::error::Failure;
use crate::{models, output, wording};

/// A network with its weights.
#[derive(Debug, clap::Args)]
pub(crate) struct TrainedArgs {
    /// Directory of a run, a file of its weights, name of a network, or an .onnx or .py file
    #[arg(value_name = "RUN|MODEL")]
    target: String,

    #[command(flatten)]
    weights: WeightsArgs,

    #[command(flatten)]
    preprocess: PreprocessArg,

    #[command(flatten)]
    size: SizeArgs,
}

/// A file of weights.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WeightsArgs {
    /// Weights to load: .safetensors (or the .index.json of its parts), .pth, .pt, .onnx, or a run [default: the run's
    /// best, or those of the .onnx file]
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,

    /// Of several state dicts in the file the one under this key (`model_ema`), or the tensors whose names start with it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// Leave out tensors that the network lacks; what the file lacks stays an error
    #[arg(long)]
    pub(crate) partial: bool,
}

/// How images become input.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PreprocessArg {
    /// How images become input: imagenet, cifar, plain, mean=…,std=…,resize=256,crop=224, or a file of these keys
    /// [default: as the weights tell]
    #[arg(long, value_name = "SPEC", value_parser = preprocess)]
    pub(crate) preprocess: Option<PreprocessSpec>,
}

/// Several looks at each image.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ViewsArg {
    /// Look at each image several times and take the mean of the logits, as torchvision's TenCrop: with its mirror image, with
    /// the corners and the middle of a larger one, or with all of these mirrored too
    #[arg(long, value_name = "VIEWS", value_enum)]
    tta: Option<Tta>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Tta {
    Flip,
    FiveCrop,
    TenCrop,
}

impl ViewsArg {
    pub(crate) fn views(self) -> Views {
        match self.tta {
            None => Views::One,
            Some(Tta::Flip) => Views::Flip,
            Some(Tta::FiveCrop) => Views::FiveCrop,
            Some(Tta::TenCrop) => Views::TenCrop,
        }
    }
}

fn preprocess(text: &str) -> Result<PreprocessSpec, String> {
    PreprocessSpec::parse(text).map_err(|error| error.to_string())
}

/// Opens a run, an ONNX model, a file of weights, or a network of the zoo with a file of weights if one is given; notes
/// what was adapted or left out.
pub(crate) fn open(
    target: &str,
    weights: &WeightsArgs,
    size: &SizeArgs,
    preprocess: &PreprocessArg,
) -> Result<Model, Failure> {
    let WeightsArgs { weights, key, partial: ignore } = weights.clone();
    let preprocess = preprocess.preprocess.clone();
    let model = models::open(target, &OpenOptions { weights, key, preprocess, ignore, ..size.options() })?;
    model.notes.iter().for_each(|note| output::note(&note.to_string()));
    Ok(model)
}

/// Tells how images become input, if that is assumed.
pub(crate) fn note_assumption(model: &Model) {
    if let Some(assumption) = model.assumption {
        output::note(&format!("{assumption} ({}); `--preprocess` sets another", model.preprocess));
    }
}

/// Matches a file with a network, and notes what was adapted or drawn.
pub(crate) fn load(graph: &Graph, file: WeightsFile, options: &OpenOptions) -> Result<Loaded, Failure> {
    let (loaded, note) = model::load(graph, file, options)?;
    note.iter().for_each(|note| output::note(&note.to_string()));
    Ok(loaded)
}

impl TrainedArgs {
    /// A run by its path, as it is.
    pub(crate) fn of_run(path: &Path) -> Self {
        Self {
            target: path.display().to_string(),
            weights: WeightsArgs { weights: None, key: None, partial: false },
            preprocess: PreprocessArg::default(),
            size: SizeArgs { input: None, classes: None, output_name: None },
        }
    }

    /// Reads the weights and builds the network they are for.
    pub(crate) fn load(&self) -> Result<(Model, Loaded), Failure> {
        let mut model =
            open(&self.target, &self.weights, &self.size, &self.preprocess).map_err(|failure| {
                match models::unknown(&self.target) {
                    Some(unknown) => {
                        let unknown = wording::unknown(&unknown).text;
                        Failure::usage(format!("there is no run in `{}`, and {unknown}", self.target))
                    }
                    None => failure,
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
        note_assumption(&model);
        Ok((model, weights))
    }

    /// The network without its weights, and what the zoo knows of it if it is one of the zoo's, or a run of one.
    ///
    /// # Errors
    /// As [`SizeArgs::build`].
    pub(crate) fn network(&self) -> Result<(Graph, Option<&'static Entry>), Failure> {
        let graph = self.size.build(&self.target)?;
        let entry = zoo::find(&self.target).ok().or_else(|| {
            self.run()?;
            zoo::find(graph.name()).ok()
        });
        Ok((graph, entry))
    }

    /// What was named.
    pub(crate) fn target(&self) -> &str {
        &self.target
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
