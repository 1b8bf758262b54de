//! `convnet run`: raw tensors in and out.

use std::path::{Path, PathBuf};

use convnet::exec::{Engine, Options, Precision, TrainingStep};
use convnet::graph::Graph;
use convnet::io;
use convnet::model::Model;
use convnet::optim::{Optimizer, Sgd};
use convnet::state::{self, StateDict, Tensor, TensorSource};
use convnet_formats::npy::{self, Npy};

use super::trained::{self, PreprocessArg, WeightsArgs};
use crate::args::{EngineArgs, ImageSize, SizeArgs, positive};
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet run resnet18 --weights resnet18.pth --input x.npy --output y.npy
  convnet run runs/lenet --input x.npy --output y.npy
  convnet run model.onnx --input x.npy --output y.npy
  convnet run vgg11 --weights vgg11.safetensors --input x.npy --grad labels.npy --grad-out g.safetensors

The input is an array (N, C, H, W) as numpy.save writes it: float32, float64, float16 or uint8; the network is built
for its C, H and W. The output is (N, classes) in float32: logits, with a final Softmax where the network has one.

Gradients are those of the mean cross-entropy, as in training (batch statistics, auxiliary outputs with their
weights) but without dropout; `--grad-out` holds `loss` and every parameter's gradient under PyTorch's names.";

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Directory of a run, name of a network, or an .onnx or .py file
    #[arg(value_name = "RUN|MODEL")]
    target: String,

    #[command(flatten)]
    weights: WeightsArgs,

    /// Images (N, C, H, W)
    #[arg(long, value_name = "X.npy")]
    input: PathBuf,

    /// Where the output goes
    #[arg(long, value_name = "Y.npy", required_unless_present = "grad")]
    output: Option<PathBuf>,

    /// Labels (N): compute gradients
    #[arg(long, value_name = "LABELS.npy", requires = "grad_out")]
    grad: Option<PathBuf>,

    /// Where the loss and the gradients go
    #[arg(long, value_name = "G.safetensors", requires = "grad")]
    grad_out: Option<PathBuf>,

    /// Leave out a final Softmax
    #[arg(long)]
    logits: bool,

    /// Number of classes [default: the network's own]
    #[arg(long, value_name = "K", value_parser = positive, help_heading = "Network")]
    classes: Option<usize>,

    /// Output of an .onnx file that has several
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    output_name: Option<String>,

    /// Draw the weights of a network that has none, from this seed
    #[arg(long, value_name = "N", help_heading = "Computation")]
    seed: Option<u64>,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Images that run at a time, if there are as many.
const BATCH: usize = 32;

/// Runs the network on the input.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (shape, images) = input(&args.input)?;
    let [count, channels, height, width] = shape;
    let size = SizeArgs {
        input: Some(ImageSize { channels, height, width }),
        classes: args.classes,
        output_name: args.output_name.clone(),
    };
    let Model { graph, weights, .. } =
        trained::open(&args.target, &args.weights, &size, &PreprocessArg::default())?;
    let transforms = matches!(graph.name(), "googlenet@torchvision" | "inception_v3");
    if weights.is_some() && transforms && graph.classes() == 1000 {
        output::note(
            "arrays go in as they are: torchvision's transform_input, which its published weights were trained with, is left \
             to whoever makes them",
        );
    }
    let options = Options { once: count <= BATCH, ..args.engine.options(Precision::F32)? };
    let drawn;
    let weights: &dyn TensorSource = match &weights {
        Some(loaded) => loaded,
        None => {
            let seed = args.seed.ok_or_else(|| {
                Failure::usage(format!(
                    "`{}` has no weights: give them with `--weights FILE`, or draw them with `--seed N`",
                    args.target
                ))
            })?;
            output::note(&format!("random weights of seed {seed}"));
            Engine::check(&graph, count.min(BATCH), &options)?;
            drawn = state::initialize(&graph, seed);
            &drawn
        }
    };
    if let Some(path) = &args.output {
        let engine = Engine::compile(&graph, weights, count.min(BATCH), &options)?;
        let mut out = Vec::with_capacity(count * graph.classes());
        for part in images.chunks(BATCH * channels * height * width) {
            let scores = if args.logits { engine.logits(part) } else { engine.run(part) }?;
            out.extend_from_slice(scores.as_slice());
        }
        let shape = graph.node(graph.output()).shape.with_batch(count);
        npy::write(path, &shape, &out)?;
        finite(&images, &out, path)?;
    }
    if let (Some(labels), Some(path)) = (&args.grad, &args.grad_out) {
        let labels = self::labels(labels, count, &graph)?;
        gradients(&graph, weights, (&images, &labels), path, &options)?;
    }
    Ok(())
}

/// Refuses results that are no numbers though the images are.
fn finite(images: &[f32], out: &[f32], path: &Path) -> Result<(), Failure> {
    let wrong = out.iter().filter(|x| !x.is_finite()).count();
    if wrong == 0 || !images.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Failure::work(format!(
        "{wrong} of the {} numbers written to `{}` are not finite, though those of the input are",
        out.len(),
        path.display()
    )))
}

/// Reads images: their shape and elements.
fn input(path: &Path) -> Result<([usize; 4], Vec<f32>), Failure> {
    let Npy { shape, values } = npy::read(path)?;
    match shape[..] {
        [n, c, h, w] if n * c * h * w > 0 => Ok(([n, c, h, w], values.into_f32())),
        [c, h, w] if c * h * w > 0 => {
            output::note(&format!("`{}` of shape {shape:?} is read as one image", path.display()));
            Ok(([1, c, h, w], values.into_f32()))
        }
        _ => Err(Failure::work(format!(
            "`{}` has shape {shape:?}, expected (N, C, H, W), or (C, H, W) for one image, with no size of 0; add missing dimensions with \
             x[None]",
            path.display()
        ))),
    }
}

fn labels(path: &Path, count: usize, graph: &Graph) -> Result<Vec<u32>, Failure> {
    let Npy { shape, values } = npy::read(path)?;
    let labels = values.to_indices().filter(|labels| shape == [count] && labels.len() == count);
    let Some(labels) = labels else {
        return Err(Failure::work(format!(
            "`{}` has shape {shape:?}, expected {count} class indices, one for each image",
            path.display()
        )));
    };
    match labels.iter().find(|&&label| label as usize >= graph.classes()) {
        Some(label) => Err(Failure::work(format!(
            "`{}` has label {label}, the network has classes 0 to {}",
            path.display(),
            graph.classes() - 1
        ))),
        None => Ok(labels),
    }
}

fn gradients(
    graph: &Graph,
    weights: &dyn TensorSource,
    (images, labels): (&[f32], &[u32]),
    path: &Path,
    options: &Options,
) -> Result<(), Failure> {
    let sgd = Optimizer::from(Sgd::plain());
    let mut training =
        TrainingStep::compile(graph, weights, labels.len(), sgd, 0, options)?.without_dropout();
    let (report, mut state): (_, StateDict) = training.gradients(images, labels)?;
    state.insert("loss".into(), Tensor { shape: Vec::new(), data: vec![report.loss as f32] });
    Ok(io::save(&state, None, path)?)
}
