//! `convnet convert`: weights from one format to another.

use std::path::PathBuf;

use convnet::io::{self, Format, Normalization, WeightsFile};
use convnet::model::{self, is_onnx};
use convnet::{state, zoo};

use super::trained::{self, WeightsArgs};
use crate::args::SizeArgs;
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet convert resnet18.pth resnet18.safetensors
  convnet convert runs/lenet/best.safetensors lenet.pth        for torch.load(…, weights_only=True)
  convnet convert model.onnx model.safetensors                 its weights, under the names of its layers
  convnet convert old.pth new.safetensors --model densenet121  checked, and under the network's names
  convnet convert runs/lenet/best.safetensors lenet.onnx       the network in inference form, for ONNX Runtime

The content of IN tells its format, the ending of OUT the one that is written. Tensors become float32, counters of
training steps stay 64-bit integers. Without --model all tensors are written under the names that they have.";

/// The arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Weights to read: .safetensors (or the .index.json of its parts), .pth, .pt, .onnx; or a network's name, untrained
    #[arg(value_name = "IN")]
    from: PathBuf,

    /// File to write: .safetensors, .pth, .pt, .onnx
    #[arg(value_name = "OUT")]
    to: PathBuf,

    /// Network whose parameters they must be, see `convnet list` [default for .onnx: the one IN was trained as]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// With --model: draw what the file lacks, and leave out what the network lacks
    #[arg(long, requires = "model")]
    partial: bool,

    /// With .onnx: normalize pixels by nodes of the model, which then takes pixels from 0 to 1
    #[arg(long)]
    with_preprocessing: bool,

    #[command(flatten)]
    size: SizeArgs,
}

impl Args {
    fn normalization(&self) -> Normalization {
        if self.with_preprocessing { Normalization::Nodes } else { Normalization::Metadata }
    }
}

/// Converts.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let target = Format::of(&args.to).map_err(Failure::usage)?;
    if let Some(name) = args.from.to_str() {
        if !args.from.exists() && zoo::find(name).is_ok() {
            return untrained(name, target, args);
        }
        if is_onnx(name) && args.model.is_none() {
            return network(name, target, args);
        }
    }
    let file = WeightsFile::open(&args.from)?;
    let card = file.card().cloned();
    let name =
        args.model.as_ref().or(card.as_ref().map(|card| &card.model).filter(|_| target == Format::Onnx));
    let count = match name {
        Some(name) => {
            let (graph, _) = model::network(name, &args.size.options().fitted(card.as_ref(), None))?;
            let loaded = trained::load(&graph, file, args.partial, args.size.classes.is_some())?;
            let tensors = io::parameters(&graph);
            match target {
                Format::Onnx => io::export(&graph, &loaded, card.as_ref(), args.normalization(), &args.to)?,
                _ => io::convert(&loaded, &tensors, card.as_ref(), &args.to)?,
            }
            tensors.len()
        }
        None => {
            let tensors = file.tensors().into_iter().map(|(name, shape)| (name.to_owned(), shape.to_vec()));
            let tensors: Vec<_> = tensors.collect();
            io::convert(&file, &tensors, card.as_ref(), &args.to)?;
            tensors.len()
        }
    };
    wrote(count, args)
}

/// Writes an ONNX model's network, or its weights alone.
fn network(name: &str, target: Format, args: &Args) -> Result<(), Failure> {
    let options = WeightsArgs { weights: None, partial: args.partial };
    let model = trained::open(name, &options, &args.size)?;
    let loaded = model.weights.ok_or_else(|| Failure::work(format!("`{name}` brings no weights")))?;
    let (graph, card) = (&model.graph, model.card.as_ref());
    let tensors = io::parameters(graph);
    match target {
        Format::Onnx => io::export(graph, &loaded, card, args.normalization(), &args.to)?,
        _ => io::convert(&loaded, &tensors, card, &args.to)?,
    }
    wrote(tensors.len(), args)
}

/// Writes a network with weights drawn by its own rule.
fn untrained(name: &str, target: Format, args: &Args) -> Result<(), Failure> {
    let graph = args.size.build(name)?;
    let state = state::initialize(&graph, 0);
    let tensors = io::parameters(&graph);
    match target {
        Format::Onnx => io::export(&graph, &state, None, Normalization::Metadata, &args.to)?,
        _ => io::convert(&state, &tensors, None, &args.to)?,
    }
    wrote(tensors.len(), args)
}

fn wrote(count: usize, args: &Args) -> Result<(), Failure> {
    output::note(&format!("wrote {count} tensors to {}", args.to.display()));
    Ok(())
}
