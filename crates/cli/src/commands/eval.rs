//! `convnet eval`: how well a trained network classifies the test images.

use convnet::data::Preprocess;
use convnet::exec::{Engine, Precision};
use convnet::model::Model;
use convnet::train::{Evaluation, TrainError, evaluate};
use serde_json::json;

use super::trained::TrainedArgs;
use crate::args::{EngineArgs, positive};
use crate::error::Failure;
use crate::output::{self, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet eval runs/lenet                               on the test images of the run's data set
  convnet eval runs/lenet --data fashion-mnist --json   on those of another
  convnet eval runs/photos --data new-photos            on all images of a folder CLASS/…
  convnet eval lenet --weights lenet.safetensors";

/// The arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Data set: a name, see `convnet data list`, or a directory [default: the run's, else the bundled one]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,

    /// Images to classify at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive, help_heading = "Computation")]
    batch: usize,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Classifies the test images.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (Model { graph, card, data, .. }, weights) = args.trained.load()?;
    let run = args.trained.run();
    let data = super::data::open_test(args.data.as_deref(), data.as_deref(), run.as_ref())?;
    let classes = &data.images.classes;
    if classes.len() != graph.classes() {
        return Err(TrainError::Classes {
            net: graph.name().to_owned(),
            outputs: graph.classes(),
            data: data.name.clone(),
            classes: classes.len(),
        }
        .into());
    }
    let preprocess = match card {
        Some(card) => card.preprocess,
        None => Preprocess::for_input(graph.input_size(), &data.images)?,
    };
    let options = args.engine.options(Precision::F32)?;
    let batch = args.batch.min(data.images.len().max(1));
    let engine = Engine::compile(&graph, &weights, batch, &options)?;
    let Evaluation { images, top1, top5, loss, confusion } = evaluate(&engine, &data.images, &preprocess)?;
    if args.json {
        let model = graph.name();
        let figures = json!({ "model": model, "images": images, "top1": top1, "top5": top5, "loss": loss });
        return output::emit(&figures.to_string());
    }
    let mut text = format!(
        "{} on {} test images of {}\n\n  top-1 accuracy  {STRONG}{:.2}%{STRONG:#}\n  top-5 accuracy  {:.2}%\n  \
         loss            {loss:.4}\n",
        graph.name(),
        images,
        data.name,
        100.0 * top1,
        100.0 * top5,
    );
    if let Some((truth, predicted, count)) = confusion.worst() {
        let name = |class: usize| &classes[class];
        text.push_str(&format!(
            "\nmost common mistake: {} taken for {} ({count} of {} images)\n",
            name(truth),
            name(predicted),
            confusion.images(truth),
        ));
    }
    output::emit(&text)
}
