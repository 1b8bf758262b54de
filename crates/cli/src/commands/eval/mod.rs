//! `convnet eval`: how well a trained network classifies the test images.

mod told;

use std::io;
use std::path::{Path, PathBuf};

use convnet::data::{ClassMatch, Dataset, Preprocess, TestSet, Views};
use convnet::exec::{Engine, Precision};
use convnet::model::Model;
use convnet::train::{
    Measurements, Measures, Prediction, Seen, TrainError, draw_reliability, evaluate_several, evaluate_with,
};
use convnet_formats::atomic;

use self::told::Told;
use super::predictions::Columns;
use super::several;
use super::trained::{TrainedArgs, ViewsArg};
use crate::args::{EngineArgs, picture, positive};
use crate::error::Failure;
use crate::output;
use crate::waiting::Waiting;

const EXAMPLES: &str = "\
Examples:
  convnet eval runs/lenet                               on the test images of the run's data set
  convnet eval runs/lenet --data fashion-mnist --json   on those of another
  convnet eval runs/photos --data new-photos            on all images of a folder CLASS/…
  convnet eval lenet --weights lenet.safetensors
  convnet eval runs/lenet --predictions all.csv --reliability reliability.svg

--json tells also precision, recall and F1 of each class, the whole confusion matrix, the calibration (ECE and MCE of
15 equal bins as Guo et al. 2017 have them, Brier's score, the negative log likelihood), and the surest mistakes.";

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

    /// List all classes and not the worst alone
    #[arg(long, conflicts_with = "json")]
    per_class: bool,

    /// Write what each image was taken for: its name or number, its class, the five likeliest classes
    #[arg(long, value_name = "FILE.csv", help_heading = "Files")]
    predictions: Option<PathBuf>,

    /// … and the probability of every class
    #[arg(long, requires = "predictions", help_heading = "Files")]
    probabilities: bool,

    /// Draw how often the network is right where it gives its answer some probability
    #[arg(long, value_name = "FILE.svg|.png", value_parser = picture, help_heading = "Files")]
    reliability: Option<PathBuf>,

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
        if args.predictions.is_some() || args.reliability.is_some() {
            return Err(Failure::usage(
                "`--predictions` and `--reliability` are of images of one class each; these have several classes",
            ));
        }
        let found = evaluate_several(&engine, &test, &preprocess, views)?;
        let model = graph.name();
        if !found.loss.is_finite() {
            return Err(Failure::work(format!(
                "`{model}` gives logits that are no finite numbers: its weights are damaged"
            )));
        }
        let heading = format!("{model} on {} of {}", output::counted(found.images, "test image"), data.name);
        return output::emit(&match args.json {
            true => several::json(model, &classes, &found).to_string(),
            false => several::text(&heading, &classes, &found),
        });
    }
    if views != Views::One {
        output::note(&format!("{} views of each image, the mean of their logits", views.count()));
    }
    let work = Work { engine, test: &test, preprocess: &preprocess, views };
    let measured = match &args.predictions {
        None => work.measure(&mut |_| Ok(()))?,
        Some(path) => {
            let columns = Columns { names: &classes, top: TOP, labelled: true, all: args.probabilities };
            work.written(path, &columns)?
        }
    };
    if !measured.evaluation.loss.is_finite() {
        return Err(Failure::work(format!(
            "`{}` gives logits that are no finite numbers on images of {}: its weights are damaged, or the images are \
             not what it was trained on",
            graph.name(),
            data.name
        )));
    }
    if let Some(path) = &args.reliability {
        draw_reliability(path, &format!("{} on {}", graph.name(), data.name), &measured.calibration)?;
    }
    let mistaken = measured.worst.iter().map(|mistake| work.name(mistake.index)).collect();
    let told = Told { model: graph.name(), data: &data.name, names: &classes, measured: &measured, mistaken };
    output::emit(&if args.json { told.json().to_string() } else { told.text(args.per_class) })
}

/// So many of the likeliest classes have columns in the file of predictions.
const TOP: usize = 5;

/// A network and the images that it classifies.
struct Work<'a> {
    engine: Engine,
    test: &'a Dataset,
    preprocess: &'a Preprocess,
    views: Views,
}

impl Work<'_> {
    /// Classifies all images, and shows each to `see`.
    fn measure(&self, see: &mut dyn FnMut(&Seen<'_>) -> io::Result<()>) -> Result<Measurements, Interrupted> {
        let mut measures = Measures::new(self.test.classes.len());
        let waiting = Waiting::of(self.test.len(), "image");
        let mut failed = None;
        evaluate_with(&self.engine, self.test, self.preprocess, self.views, &mut |seen| {
            measures.add(&seen);
            waiting.done(seen.index + 1);
            failed = see(&seen).err();
            failed.is_none()
        })?;
        failed.map_or(Ok(measures.finish()), |error| Err(Interrupted::Write(error)))
    }

    /// The same, and writes a line for each image.
    fn written(&self, path: &Path, columns: &Columns<'_>) -> Result<Measurements, Failure> {
        let mut outcome = None;
        let written = atomic::write_with(path, |file| {
            file.write_all(columns.header().as_bytes())?;
            let measured = self.measure(&mut |seen| {
                let Prediction { index, label, probabilities, .. } = Prediction::of(seen);
                file.write_all(columns.row(&self.name(index), Some(label), &probabilities).as_bytes())
            });
            match measured {
                Err(Interrupted::Write(error)) => Err(error),
                Ok(measured) if measured.evaluation.loss.is_finite() => {
                    outcome = Some(Ok(measured));
                    Ok(())
                }
                // No file is left of figures that are none.
                other => {
                    outcome = Some(other.map_err(Failure::from));
                    Err(io::Error::other("the images could not be classified"))
                }
            }
        });
        match (outcome, written) {
            (Some(Ok(measured)), Ok(())) => Ok(measured),
            (Some(Ok(measured)), Err(_)) if !measured.evaluation.loss.is_finite() => Ok(measured),
            (Some(Err(failure)), _) => Err(failure),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Failure::work("no image was classified")),
        }
    }

    /// What an image is called: its file below the set's folder, else its number, counted from 0.
    fn name(&self, index: usize) -> String {
        self.test.name_of(index).unwrap_or_else(|| index.to_string())
    }
}

/// Why not all images were classified.
enum Interrupted {
    Work(TrainError),
    Write(io::Error),
}

impl From<TrainError> for Interrupted {
    fn from(error: TrainError) -> Self {
        Self::Work(error)
    }
}

impl From<Interrupted> for Failure {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Work(error) => error.into(),
            Interrupted::Write(error) => error.into(),
        }
    }
}
