//! `convnet convert`: weights from one format to another.

use std::path::PathBuf;

use convnet::io::{self, Format, Loaded, ModelCard, Normalization, WeightsFile};
use convnet::model::{Assumption, Model};
use convnet::state::{self, TensorSource};

use super::trained::{self, PreprocessArg, WeightsArgs};
use crate::args::SizeArgs;
use crate::error::Failure;
use crate::{models, output};

const EXAMPLES: &str = "\
Examples:
  convnet convert resnet18.pth resnet18.safetensors
  convnet convert runs/lenet lenet.pth                         for torch.load(…, weights_only=True)
  convnet convert model.onnx model.safetensors                 its weights, under the names of its layers
  convnet convert old.pth new.safetensors --model densenet121  checked, and under the network's names
  convnet convert runs/lenet lenet.onnx                        the network in inference form, for ONNX Runtime

The content of IN tells its format, the ending of OUT the one that is written. Tensors become float32, counters of
training steps stay 64-bit integers. Without --model all tensors are written under the names that they have.";

/// The arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Run, or weights to read: .safetensors (or the .index.json of its parts), .pth, .pt, .onnx; with --seed a network's
    /// name
    #[arg(value_name = "IN")]
    from: PathBuf,

    /// File to write: .safetensors, .pth, .pt, .onnx
    #[arg(value_name = "OUT")]
    to: PathBuf,

    /// Network whose parameters they must be, see `convnet list`, or a .py file [default for .onnx: the one IN was
    /// trained as]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Of several state dicts in IN the one under this key (`model_ema`), or the tensors whose names start with it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// With --model: leave out tensors that the network lacks
    #[arg(long, requires = "model")]
    partial: bool,

    /// Draw the weights of a network that has none, from this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// With .onnx: normalize pixels by nodes of the model, which then takes pixels from 0 to 1
    #[arg(long)]
    with_preprocessing: bool,

    #[command(flatten)]
    preprocess: PreprocessArg,

    #[command(flatten)]
    size: SizeArgs,
}

impl Args {
    /// With --model, or where the file tells of its network: that network with these weights.
    fn open(&self) -> Result<Model, Failure> {
        let from = self.from.to_string_lossy();
        let weights = self.model.is_some().then(|| self.from.clone());
        let weights = WeightsArgs { weights, key: self.key.clone(), partial: self.partial };
        let model =
            trained::open(self.model.as_deref().unwrap_or(&from), &weights, &self.size, &self.preprocess)?;
        if model.assumption.is_some_and(|assumption| assumption != Assumption::Plain) {
            trained::note_assumption(&model);
        }
        Ok(model)
    }
}

/// Converts.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let target = Format::of(&args.to).map_err(Failure::usage)?;
    let tensors = args.from.is_file() && !models::is_network_file(&args.from);
    if args.model.is_none() && tensors && target != Format::Onnx && args.preprocess.preprocess.is_none() {
        return copy(target, args);
    }
    let model = args.open()?;
    let card = model.written_card();
    let Model { graph, weights, preprocess, assumption, .. } = model;
    let unused = weights.as_ref().map(Loaded::unused).unwrap_or_default();
    let drawn;
    let weights: &dyn TensorSource = match (&weights, args.seed) {
        (Some(loaded), _) => loaded,
        (None, Some(seed)) => {
            output::note(&format!("random weights of seed {seed}"));
            if !graph.unused().is_empty() {
                let count = output::counted(graph.unused().len(), "tensor");
                output::note(&format!(
                    "left out: {count} of layers that the network never calls: they are not drawn"
                ));
            }
            drawn = state::initialize(&graph, seed);
            &drawn
        }
        (None, None) => {
            return Err(Failure::usage(format!(
                "`{}` has no weights: give the run or the file that holds them, or draw them with `--seed N`",
                args.from.display()
            )));
        }
    };
    let mut tensors = io::parameters(&graph);
    match target {
        Format::Onnx => {
            let normalization = match args.with_preprocessing {
                true if assumption == Some(Assumption::Plain) => {
                    return Err(Failure::usage(
                        "nothing tells the preprocessing that shall be part of the model: give it with `--preprocess`",
                    ));
                }
                true => Normalization::Nodes,
                false => Normalization::Metadata,
            };
            io::export(&graph, weights, card.as_ref(), normalization, &args.to)?;
            if !unused.is_empty() {
                let count = output::counted(unused.len(), "tensor");
                output::note(&format!("left out: {count} of layers that the network never calls"));
            }
            if args.with_preprocessing {
                output::note(&format!(
                    "the model takes pixels from 0 to 1 and does the rest of: {preprocess}"
                ));
            }
        }
        _ => {
            tensors.extend(unused.iter().cloned());
            tensors.sort();
            io::convert(weights, &tensors, card.as_ref(), &args.to)?;
        }
    }
    note_lost(target, card.as_ref());
    if target != Format::Onnx && convnet::zoo::find(graph.name()).is_err() {
        output::note(
            "weights alone: the settings of their layers (strides, padding, epsilon) are not in the file",
        );
    }
    wrote(tensors.len(), args)
}

/// Writes all tensors of a file under the names that they have.
fn copy(target: Format, args: &Args) -> Result<(), Failure> {
    let mut file = WeightsFile::open(&args.from)?;
    if let Some(key) = &args.key {
        file.choose(key)?;
    }
    if let Some(told) = file.told() {
        output::note(&format!("of `{}`: {told}; `--key` chooses another", args.from.display()));
    }
    let tensors: Vec<_> =
        file.tensors().into_iter().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
    io::convert(&file, &tensors, file.card(), &args.to)?;
    note_lost(target, file.card());
    wrote(tensors.len(), args)
}

/// Tells what the written format has no place for.
fn note_lost(target: Format, card: Option<&ModelCard>) {
    if let (Format::Pth, Some(card)) = (target, card) {
        let names = if card.classes.is_empty() { "" } else { "the classes' names and " };
        output::note(&format!(
            "not in the file, which has no place for it: {names}the preprocessing ({})",
            card.preprocess
        ));
    }
}

fn wrote(count: usize, args: &Args) -> Result<(), Failure> {
    output::note(&format!("wrote {count} tensors to {}", args.to.display()));
    Ok(())
}
