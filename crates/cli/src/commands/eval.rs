//! `convnet eval`: how well a trained network classifies the test images.

use convnet::data::{ClassMatch, TestSet, Views};
use convnet::exec::{Engine, Precision};
use convnet::model::Model;
use convnet::train::{Evaluation, evaluate_several, evaluate_views, figures};
use serde_json::json;

use super::several;
use super::trained::{TrainedArgs, ViewsArg};
use crate::args::{EngineArgs, positive};
use crate::error::Failure;
use crate::output::{self, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet eval runs/lenet                               on the test images of the run's data set
  convnet eval runs/lenet --data fashion-mnist --json   on those of another
  convnet eval runs/photos --data new-photos            on all images of a folder CLASS/…
  convnet eval runs/photos --tta ten-crop               the mean of ten views of each image
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

    /// Take class 1, 2, … of the data for output 1, 2, …, whatever their names
    #[arg(long)]
    by_position: bool,

    #[command(flatten)]
    views: ViewsArg,

    /// Images to classify at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive, help_heading = "Computation")]
    batch: usize,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Args {
    /// The names of the outputs, and which of them the data's classes are.
    fn classes(&self, model: &Model, data: &TestSet) -> Result<(Vec<String>, ClassMatch), Failure> {
        if let Some(names) = model.classes().filter(|_| !self.by_position) {
            return Ok((names.to_vec(), ClassMatch::by_name(names, &data.images.classes, &data.name)?));
        }
        let (outputs, classes) = (model.graph.classes(), data.images.classes.len());
        if outputs != classes {
            return Err(Failure::work(format!(
                "`{}` has {outputs} outputs, `{}` has {classes} classes, and the weights do not tell which outputs these are",
                model.graph.name(),
                data.name
            )));
        }
        if !self.by_position {
            output::note(
                "the weights do not tell the names of their classes: not compared, the data's classes are taken in \
                 their order",
            );
        }
        Ok((data.images.classes.clone(), ClassMatch::by_position(classes)))
    }
}

/// Classifies the test images.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (model, weights) = args.trained.load()?;
    let run = args.trained.run();
    let data = super::data::open_test(args.data.as_deref(), model.data.as_deref(), run.as_ref())?;
    let (classes, matched) = args.classes(&model, &data)?;
    matched.told().iter().for_each(|told| output::note(told));
    let test = data.images.among(&classes, &matched)?;
    let Model { graph, preprocess, .. } = model;
    let options = args.engine.options(Precision::F32)?;
    let batch = args.batch.min(test.len().max(1));
    let engine = Engine::compile(&graph, &weights, batch, &options)?;
    let views = args.views.views();
    if test.multi_labels().is_some() {
        let found = evaluate_several(&engine, &test, &preprocess, views)?;
        let model = graph.name();
        let heading = format!("{model} on {} of {}", output::counted(found.images, "test image"), data.name);
        return output::emit(&match args.json {
            true => several::json(model, &classes, &found).to_string(),
            false => several::text(&heading, &classes, &found),
        });
    }
    let evaluation = evaluate_views(&engine, &test, &preprocess, views)?;
    let Evaluation { images, top1, top5, loss, confusion } = evaluation;
    if !loss.is_finite() {
        return Err(Failure::work(format!(
            "`{}` gives logits that are no finite numbers on images of {}: its weights are damaged, or the images are \
             not what it was trained on",
            graph.name(),
            data.name
        )));
    }
    if args.json {
        let model = graph.name();
        let mut figures =
            json!({ "model": model, "images": images, "top1": top1, "top5": top5, "loss": loss });
        if views != Views::One {
            figures["views"] = views.count().into();
        }
        return output::emit(&figures.to_string());
    }
    let mut text = format!(
        "{} on {} of {}\n\n  top-1 accuracy  {STRONG}{}{STRONG:#}\n",
        graph.name(),
        output::counted(images, "test image"),
        data.name,
        figures::percent(top1, 2),
    );
    if views != Views::One {
        text.push_str(&format!("  views           {} of each image, mean of their logits\n", views.count()));
    }
    // Of five classes the right one is always among the five likeliest.
    if classes.len() > 5 {
        text.push_str(&format!("  top-5 accuracy  {}\n", figures::percent(top5, 2)));
    }
    text.push_str(&format!("  loss            {}\n", figures::loss(loss)));
    if let Some((truth, predicted, count)) = confusion.worst() {
        let name = |class: usize| &classes[class];
        text.push_str(&format!(
            "\nmost common mistake: {} taken for {} ({count} of {})\n",
            name(truth),
            name(predicted),
            output::counted(confusion.images(truth) as usize, "image"),
        ));
    }
    output::emit(&text)
}
