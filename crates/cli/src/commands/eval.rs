//! `convnet eval`: how well a trained network classifies the test images.

use convnet::data::{self, Preprocess};
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
    let data = super::data::open(args.data.as_deref().or(data.as_deref()).unwrap_or(data::DEFAULT))?;
    if data.classes().len() != graph.classes() {
        return Err(TrainError::Classes {
            net: graph.name().to_owned(),
            outputs: graph.classes(),
            data: data.name.clone(),
            classes: data.classes().len(),
        }
        .into());
    }
    let preprocess = match card {
        Some(card) => card.preprocess,
        None => Preprocess::for_input(graph.input_size(), &data.train)?,
    };
    let options = args.engine.options(Precision::F32)?;
    let batch = args.batch.min(data.test.len().max(1));
    let engine = Engine::compile(&graph, &weights, batch, &options)?;
    let Evaluation { images, top1, top5, loss, confusion } = evaluate(&engine, &data.test, &preprocess)?;
    if args.json {
        let model = graph.name();
        let figures = json!({ "model": model, "images": images, "top1": top1, "top5": top5, "loss": loss });
        return output::emit(&figures.to_string());
    }
    let mut text = format!(
        "{} on {} of {}\n\n  top-1 accuracy  {STRONG}{:.2}%{STRONG:#}\n  top-5 accuracy  {:.2}%\n  \
         loss            {}\n",
        graph.name(),
        output::counted(images, "test image"),
        data.name,
        100.0 * top1,
        100.0 * top5,
        output::loss(loss),
    );
    if let Some((truth, predicted, count)) = confusion.worst() {
        let name = |class: usize| &data.classes()[class];
        text.push_str(&format!(
            "\nmost common mistake: {} taken for {} ({count} of {})\n",
            name(truth),
            name(predicted),
            output::counted(confusion.images(truth) as usize, "image"),
        ));
    }
    output::emit(&text)
}
