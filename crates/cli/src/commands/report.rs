//! `convnet report`: a run on one page.

use std::path::PathBuf;

use convnet::data::{ClassMatch, DataSets, Dataset};
use convnet::exec::Options;
use convnet::inspect::{Summary, scaled};
use convnet::train::{RunDir, RunSummary};
use convnet_explain::{Report, Told};
use convnet_formats::atomic;

use super::data::Opened;
use super::runs::state;
use super::trained::TrainedArgs;
use crate::args::{SeedArg, ThreadsArg};
use crate::error::Failure;
use crate::output::{self, counted, duration, grouped};
use crate::waiting::Waiting;

const EXAMPLES: &str = "\
Examples:
  convnet report runs/lenet -o lenet.html
  convnet report runs/photos -o photos.html --data new-photos    on other images

The page needs nothing from elsewhere: curves, classes, a confusion matrix whose cells show their images, the surest mistakes \
with heat maps, labels that are probably wrong, images that two splits have in common, the images in a plane, the first filters over the \
epochs, time and memory by layer. The figures are \
measured again on the images that the run did not learn from.";

/// The arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Page to write
    #[arg(short, long, value_name = "FILE.html", value_parser = page)]
    output: PathBuf,

    /// Data set: a name, see `convnet data list`, or a directory [default: the run's]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,

    #[command(flatten)]
    seed: SeedArg,

    #[command(flatten)]
    threads: ThreadsArg,
}

fn page(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html")) {
        true => Ok(path),
        false => Err("expected a file that ends in .html".to_owned()),
    }
}

/// The longest picture of curves that is read.
const MOST_CURVES: u64 = 8 << 20;

/// Writes the page.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Some(run) = args.trained.run() else {
        return Err(Failure::usage(
            "a report is of a run, the directory that `convnet train` writes; `convnet explain` looks into other networks",
        ));
    };
    let (model, weights) = args.trained.load()?;
    let Opened { set: data, splits, told: trust } =
        super::data::open_measured(args.data.as_deref(), model.data.as_deref(), Some(&run))?;
    let names = run.config().classes.clone();
    let matched = ClassMatch::by_name(&names, &data.images.classes, &data.name)?;
    matched.told().iter().for_each(|told| output::note(told));
    let images = data.images.among(&names, &matched)?;
    if images.multi_labels().is_some() {
        return Err(Failure::work(
            "these images have several classes each; a report is of images of one class",
        ));
    }
    if images.is_empty() {
        return Err(Failure::work(format!("`{}` has no image to measure the run on", data.name)));
    }
    // By the run's classes too, whatever the folders are called now.
    let among = |set: Dataset| set.among(&names, &matched);
    let splits = match splits {
        Some(DataSets { name, train, validation, test, sizes, notes }) => Some(DataSets {
            name,
            train: among(train)?,
            validation: validation.map(among).transpose()?,
            test: test.map(among).transpose()?,
            sizes,
            notes,
        }),
        None => None,
    };
    let summary = RunSummary::of(run.path())?;
    let filters = run.filters()?;
    let waiting = Waiting::of(images.len(), "image");
    let report = Report {
        graph: &model.graph,
        weights: &weights,
        filters: &filters,
        splits: splits.as_ref(),
        preprocess: &model.preprocess,
        images: &images,
        told: told(&run, &summary, &model.graph, (&data.name, images.len()), &trust)?,
        seed: args.seed.seed,
        options: Options { threads: args.threads.count(), ..Options::default() },
    };
    let text = report.html(&mut |done| waiting.done(done))?;
    drop(waiting);
    atomic::write(&args.output, text.as_bytes())?;
    output::emit(&format!("{}\n", args.output.display()))
}

/// What is told of the run beside what its network makes of the images.
fn told(
    run: &RunDir,
    summary: &RunSummary,
    graph: &convnet::Graph,
    (data, images): (&str, usize),
    trust: &[String],
) -> Result<Told, Failure> {
    let config = run.config();
    let title =
        run.path().file_name().map_or_else(|| config.model.clone(), |name| name.to_string_lossy().into());
    let figures = Summary::new(graph, 1);
    let epochs = summary.records.len();
    let seconds: f64 = summary.records.iter().map(|record| record.seconds).sum();
    let mut facts = vec![
        ["network".to_owned(), config.model.clone()],
        ["input".to_owned(), graph.input_shape().to_string()],
        ["parameters".to_owned(), grouped(figures.inference_params as usize)],
        ["multiply-accumulates of an image".to_owned(), scaled(figures.macs)],
        ["data".to_owned(), config.recipe.data.clone()],
        ["classes".to_owned(), grouped(config.classes.len())],
        ["images measured here".to_owned(), format!("{} of {data}", grouped(images))],
        ["state".to_owned(), state(summary)],
        ["epochs".to_owned(), grouped(epochs)],
        ["training took".to_owned(), duration(seconds)],
        ["computed by".to_owned(), format!("convnet {}, {}", config.convnet, config.isa)],
        ["seed".to_owned(), config.recipe.seed.to_string()],
    ];
    let mut notes: Vec<String> = trust.iter().map(|told| output::sentence(told)).collect();
    match &summary.outcome {
        Some(outcome) => {
            facts.push([
                format!("top-1 when it ended, on {} images", outcome.measured_on.name()),
                format!("{:.2}%, by the weights of epoch {}", 100.0 * outcome.top1, outcome.epoch),
            ]);
            if outcome.measured_on.name() != "test" {
                notes.push(format!(
                    "There are no test images: the figures are of {} images, by which the epoch was chosen or from which the \
                     network learned.",
                    outcome.measured_on.name()
                ));
            }
        }
        None => notes.push(format!(
            "The run is {}: the figures are of the weights that are there now, and nothing was measured at its end.",
            state(summary)
        )),
    }
    if let Some(from) = &config.init_from {
        facts.push(["started from".to_owned(), from.clone()]);
    }
    let curves = run.file(RunDir::CURVES).with_extension("svg");
    let steps = summary.records.last().map_or(0, |record| record.steps as usize);
    let about = format!(
        "{} on {}: {}, {}, {}.",
        graph.name(),
        config.recipe.data,
        counted(epochs, "epoch"),
        counted(steps, "step"),
        duration(seconds)
    );
    Ok(Told {
        title,
        about,
        facts,
        notes,
        recipe: convnet_formats::read_text(&run.file(RunDir::CONFIG), MOST_CURVES)?,
        // A run that has no epoch yet has no curves.
        curves: match curves.exists() {
            true => convnet_formats::read_text(&curves, MOST_CURVES)?,
            false => String::new(),
        },
    })
}
