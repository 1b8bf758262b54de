//! `convnet train`: train a network, or go on with a run that was interrupted.

mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convnet::data::{Augment, DataSets};
use convnet::exec::{Options, Precision};
use convnet::graph::Graph;
use convnet::model::{self, is_onnx};
use convnet::train::{
    Optimizer, RECIPES, Recipe, RecipePatch, RunConfig, RunDir, Schedule, TrainError, TrainReport, Trainer,
    training_input_size,
};
use convnet::zoo;

use self::report::Reporter;
use super::trained;
use crate::args::{DeviceArgs, ImageSize, SizeArgs, ThreadsArg, positive};
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet train lenet                                   on the bundled Fashion-MNIST subset
  convnet train lenet --data fashion-mnist --epochs 10  on all of Fashion-MNIST
  convnet train resnet18 --data photos --input 3x96x96  on a folder with train/CLASS/*.jpg
  convnet train vgg11 --recipe sgd-step --epochs 30     by another recipe
  convnet train model.onnx --data photos                go on from an ONNX file, with a head for the data's classes
  convnet train --resume runs/lenet                     go on where Ctrl-C stopped it

Without --input, images have the data's channels and the smallest side of 32, 64, 96, 128, 160, 192 and 224
at which the network's last convolution still sees 2x2 pixels, so that large networks train in bearable
time. The test images choose the best epoch: their accuracy is a little too good for unseen images.

Recipes: adam-one-cycle, adam-cosine, sgd-cosine, sgd-step, adamw-cosine, or a TOML file with any of the keys
data, epochs, batch, lr, seed, limit_steps, [optimizer], [schedule], [augment]. Options win over the recipe.";

/// The arguments of `train`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Name of a network, see `convnet list`, or an .onnx file: training starts from its weights
    #[arg(value_name = "MODEL", required_unless_present = "resume")]
    model: Option<String>,

    /// Data set: a name, see `convnet data list`, or a directory [default: fashion-mnist-mini, bundled]
    #[arg(long, value_name = "NAME|DIR", help_heading = "Training")]
    data: Option<String>,

    /// How often each training image is seen [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Training")]
    epochs: Option<usize>,

    /// Images of a step [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Training")]
    batch: Option<usize>,

    /// Peak of the learning rate [default: the recipe's]
    #[arg(long, value_name = "X", help_heading = "Training")]
    lr: Option<f64>,

    /// A named recipe or a TOML file [default: the one that suits the network]
    #[arg(long, value_name = "NAME|FILE.toml", help_heading = "Training")]
    recipe: Option<String>,

    /// Update rule, with its usual settings
    #[arg(long, value_name = "NAME", value_parser = Optimizer::NAMES, help_heading = "Training")]
    optimizer: Option<String>,

    /// Learning rate over the run
    #[arg(long, value_name = "NAME", value_parser = Schedule::NAMES, help_heading = "Training")]
    schedule: Option<String>,

    /// Crop training images at random places after padding them by N pixels
    #[arg(long, value_name = "N", help_heading = "Training")]
    crop: Option<usize>,

    /// Mirror half of the training images
    #[arg(long, help_heading = "Training")]
    flip: bool,

    /// End after N steps, whatever the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Training")]
    limit_steps: Option<u64>,

    /// Weights to start from instead of drawn ones: .safetensors, .pth, .onnx
    #[arg(long, value_name = "WEIGHTS", help_heading = "Training")]
    init_from: Option<PathBuf>,

    /// Draw what the weights lack or have in another shape, and ignore what the network lacks
    #[arg(long, requires = "init_from", help_heading = "Training")]
    partial: bool,

    /// Directory to write [default: runs/MODEL, or the first of runs/MODEL-2, … that is free]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,

    /// Go on with an interrupted run, with its settings
    #[arg(long, value_name = "DIR", conflicts_with = "out", help_heading = "Run")]
    resume: Option<PathBuf>,

    #[command(flatten)]
    size: SizeArgs,

    /// Seed of all random numbers: the same seed gives the same weights [default: 0]
    #[arg(long, value_name = "N", help_heading = "Computation")]
    seed: Option<u64>,

    #[command(flatten)]
    threads: ThreadsArg,

    #[command(flatten)]
    device: DeviceArgs,
}

/// A run that is about to start: its settings, and what they bring.
struct Plan {
    directory: PathBuf,
    recipe: Recipe,
    graph: Graph,
    data: DataSets,
    init_from: Option<PathBuf>,
    resume: bool,
}

/// Trains.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let options = Options { threads: args.threads.threads.unwrap_or(0), ..Options::default() };
    let options = args.device.apply(options, Precision::Tf32)?;
    let plan = match &args.resume {
        Some(directory) => args.resumed(directory, &options)?,
        None => args.fresh()?,
    };
    let Plan { directory, recipe, graph, data, init_from, resume } = plan;
    let heading = report::heading(&graph, &data, &recipe, &options, &directory)?;
    let stop = Arc::<AtomicBool>::default();
    listen(&stop)?;
    let mut trainer = Trainer::new(&graph, data)
        .recipe(recipe)
        .options(options)
        .stop(stop)
        .callback(Reporter::new(heading));
    if let Some(path) = init_from {
        // The data decide the number of classes: a head for others is drawn anew.
        let loaded = trained::load(&graph, model::weights_for(&path, &graph)?, args.partial, true)?;
        trainer = trainer.weights(path.display().to_string(), loaded.state_dict()?);
    }
    let result = if resume { trainer.resume(&directory) } else { trainer.run(&directory) };
    finish(result, &directory)
}

fn finish(result: Result<TrainReport, TrainError>, directory: &Path) -> Result<(), Failure> {
    let place = directory.display();
    match result {
        Ok(report) if report.interrupted => {
            let epoch = report.epochs.len() + 1;
            let way_out = format!("go on with `convnet train --resume {place}`");
            Err(Failure::work(format!("interrupted in epoch {epoch}; {way_out}")))
        }
        Ok(report) => output::emit(&report::ending(&report, directory)),
        Err(error @ (TrainError::Io { .. } | TrainError::File(_)))
            if directory.join(RunDir::CHECKPOINT).exists() =>
        {
            let way_out = format!("once that is mended, go on with `convnet train --resume {place}`");
            Err(Failure::work(format!("{error}; {way_out}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Raises the flag at the first Ctrl-C and leaves at once at the second.
fn listen(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let stop = Arc::clone(stop);
    ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        output::note("\nfinishing the step and saving; once more to leave at once");
    })?;
    Ok(())
}

impl Args {
    /// The settings that were given.
    fn patch(&self) -> Result<RecipePatch, Failure> {
        let mut patch = match self.recipe.as_deref() {
            None => RecipePatch::default(),
            Some(name) => match RecipePatch::named(name) {
                Some(named) => named,
                None if Path::new(name).extension().is_some_and(|e| e == "toml") => {
                    RecipePatch::read(Path::new(name))?
                }
                None => {
                    let names = RECIPES.map(|(name, _)| name).join(", ");
                    return Err(Failure::usage(format!(
                        "no recipe is called `{name}`, expected one of {names}, or a file that ends in .toml"
                    )));
                }
            },
        };
        fn replace<T>(setting: &mut Option<T>, by: Option<T>) {
            *setting = by.or(setting.take());
        }
        replace(&mut patch.data, self.data.clone());
        replace(&mut patch.epochs, self.epochs);
        replace(&mut patch.batch, self.batch);
        replace(&mut patch.lr, self.lr);
        replace(&mut patch.seed, self.seed);
        replace(&mut patch.limit_steps, self.limit_steps);
        replace(&mut patch.optimizer, self.optimizer.as_deref().and_then(Optimizer::named));
        replace(&mut patch.schedule, self.schedule.as_deref().and_then(Schedule::named));
        if self.crop.is_some() || self.flip {
            let given = patch.augment.unwrap_or_default();
            let crop = self.crop.unwrap_or(given.crop);
            patch.augment = Some(Augment { crop, flip: self.flip || given.flip });
        }
        Ok(patch)
    }

    /// A new run.
    fn fresh(&self) -> Result<Plan, Failure> {
        let name = self.model.as_deref().unwrap_or_default();
        let from_file = is_onnx(name);
        // The layers decide the recipe, whatever the number of classes that the data will ask for.
        let layers = match from_file {
            true => SizeArgs { classes: None, ..self.size.clone() }.build(name)?,
            false => zoo::find(name)?.model().build()?,
        };
        let recipe = Recipe::for_graph(&layers).with(&self.patch()?);
        recipe.check().map_err(Failure::usage)?;
        let directory = match &self.out {
            Some(out) => out.clone(),
            None => {
                let stem = if from_file { Path::new(name).file_stem() } else { None };
                RunDir::fresh(&Path::new("runs").join(stem.unwrap_or(name.as_ref())))
            }
        };
        RunDir::check_new(&directory)?;
        let data = super::data::open(&recipe.data)?;
        let graph = self.network(name, &data)?;
        let init_from = self.init_from.clone().or(from_file.then(|| name.into()));
        Ok(Plan { directory, recipe, graph, data, init_from, resume: false })
    }

    /// A run that was interrupted, with what was given now over its settings: the trainer refuses any
    /// difference.
    fn resumed(&self, directory: &Path, options: &Options) -> Result<Plan, Failure> {
        let run = RunDir::open(directory)?;
        let config = run.config();
        note_machine(config, options)?;
        let recipe = config.recipe.clone().with(&self.patch()?);
        let name = self.model.as_deref().unwrap_or(&config.model);
        let [channels, height, width] = config.input;
        let size = SizeArgs {
            input: self.size.input.or(Some(ImageSize { channels, height, width })),
            classes: self.size.classes.or(Some(config.classes.len())),
            ..self.size.clone()
        };
        let graph = size.build(name)?;
        let data = super::data::open(&recipe.data)?;
        let init_from = self.init_from.clone().or(config.init_from.as_ref().map(PathBuf::from));
        Ok(Plan { directory: directory.to_owned(), recipe, graph, data, init_from, resume: true })
    }

    /// The network for the data's classes, and of the size that was given or that suits it.
    fn network(&self, name: &str, data: &DataSets) -> Result<Graph, Failure> {
        let classes = self.size.classes.or(Some(data.classes().len()));
        let sized = |input| SizeArgs { input: Some(input), classes, ..self.size.clone() }.build(name);
        if let Some(input) = self.size.input {
            return sized(input);
        }
        if is_onnx(name) {
            return SizeArgs { input: None, classes, ..self.size.clone() }.build(name);
        }
        let channels = data.channels();
        let square = |side| sized(ImageSize { channels, height: side, width: side });
        match training_input_size(|side| square(side).ok()) {
            Some(side) => square(side),
            None => SizeArgs { input: None, classes, ..self.size.clone() }.build(name),
        }
    }
}

/// Tells what makes the bits of a resumed run differ from those of one that was not interrupted.
fn note_machine(config: &RunConfig, options: &Options) -> Result<(), Failure> {
    let isa = options.machine()?;
    if config.isa != isa {
        output::note(&format!(
            "the run was started on {}, this machine has {isa}: the last digits will differ",
            config.isa
        ));
    }
    if config.convnet != env!("CARGO_PKG_VERSION") {
        output::note(&format!("the run was started by convnet {}", config.convnet));
    }
    Ok(())
}
