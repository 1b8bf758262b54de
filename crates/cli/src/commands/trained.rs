//! What `eval` and `predict` work on: a run's directory, or a network with a file of weights.

use std::path::{Path, PathBuf};

use convnet::graph::Graph;
use convnet::state::StateDict;
use convnet::train::{Card, RunDir, Weights};

use crate::args::{ImageSize, SizeArgs};
use crate::error::Failure;

/// A network with its weights.
#[derive(Debug, clap::Args)]
pub(crate) struct TrainedArgs {
    /// Directory of a run, or name of a network
    #[arg(value_name = "RUN|MODEL")]
    target: String,

    /// Weights to load (safetensors) [default: the run's best]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    #[command(flatten)]
    size: SizeArgs,
}

/// A network that was trained.
pub(crate) struct Trained {
    /// The network, of the size it was trained for.
    pub(crate) graph: Graph,
    /// Its weights.
    pub(crate) state: StateDict,
    /// What the weights' file tells of itself.
    pub(crate) card: Option<Card>,
    /// The data set that the run was trained on.
    pub(crate) data: Option<String>,
}

impl TrainedArgs {
    /// Reads the weights and builds the network they are for.
    pub(crate) fn load(&self) -> Result<Trained, Failure> {
        let run =
            Path::new(&self.target).is_dir().then(|| RunDir::open(Path::new(&self.target))).transpose()?;
        let path = match (&self.weights, &run) {
            (Some(path), _) => path.clone(),
            (None, Some(run)) => run.weights()?,
            (None, None) => return Err(self.without_weights()),
        };
        let Weights { card, state } = Weights::open(path)?;
        let model = run.as_ref().map_or(&self.target, |run| &run.config().model);
        let size = SizeArgs {
            input: self.size.input.or_else(|| {
                let input = card.as_ref().map(|c| c.input).or(run.as_ref().map(|r| r.config().input));
                input.map(|[channels, height, width]| ImageSize { channels, height, width })
            }),
            classes: self.size.classes.or_else(|| card.as_ref().map(|c| c.classes.len())),
        };
        let graph = size.build(model)?;
        Ok(Trained { graph, state, card, data: run.map(|run| run.config().recipe.data.clone()) })
    }

    fn without_weights(&self) -> Failure {
        let target = &self.target;
        match convnet::zoo::find(target) {
            Ok(_) => Failure::usage(format!(
                "`{target}` has no weights: give them with `--weights FILE`, or train it \
                 (`convnet train {target}`) and give the run's directory"
            )),
            Err(unknown) => Failure::usage(format!("there is no run in `{target}`, and {unknown}")),
        }
    }
}

/// Channels, height and width of a network's input.
pub(crate) fn input(graph: &Graph) -> [usize; 3] {
    let shape = graph.input_shape();
    let (height, width) = shape.spatial();
    [shape.channels(), height, width]
}
