//! `convnet train`: train a network, or go on with a run that was interrupted.

mod args;
mod folds;
mod lr_find;
mod ranks;
mod report;
mod runs;
mod sweep;
mod tui;

use std::env::VarError;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convnet::data::{DataSets, Preprocess};
use convnet::exec::{Options, Precision};
use convnet::graph::Graph;
use convnet::io::{Head, grow};
use convnet::model::{self, Model, OpenOptions, is_onnx};
use convnet::ranks::Ranks;
use convnet::state::StateDict;
use convnet::train::{
    NewRun, Parameters, Recipe, RunConfig, RunDir, Teacher, TrainError, TrainReport, Trainer, divide,
    remarks, training_input_size,
};
use convnet_serve::{Background, Live};

use self::args::{Setting, Settings};
use self::report::Reporter;
use self::tui::Dashboard;
use super::joined::Joined;
use super::serve;
use super::trained::{self, PreprocessArg};
use crate::args::{DeviceArgs, ImageSize, SizeArgs, ThreadsArg, picture, positive};
use crate::error::Failure;
use crate::{models, output};

const EXAMPLES: &str = "\
Examples:
  convnet train lenet                                   on the bundled Fashion-MNIST subset
  convnet train lenet --data fashion-mnist --epochs 10  on all of Fashion-MNIST
  convnet train resnet18 --data photos --input 3x96x96  on a folder with train/CLASS/*.jpg
  convnet train resnet18 --list train.csv --val-list val.csv --data photos
                                                        on images below photos that lists name with their labels
  convnet train vgg11 --recipe sgd-step --epochs 30     by another recipe
  convnet train model.onnx --data photos                go on from an ONNX file, with a head for the data's classes
  convnet train lenet --sweep lr=0.001,0.003,0.01       a run for each of these rates, and a table of what they came to
  convnet train resnet18 --folds 5                      cross-validation: five runs, mean and deviation
  convnet train lenet --lr-find -o rates.png            which learning rate suits
  convnet train lenet --serve 8080                      watch it in a browser
  convnet train --resume runs/lenet                     go on where Ctrl-C stopped it
  convnet train --resume runs/lenet --epochs 20         go on longer than it was to be

Without --input, images have the data's channels and the smallest side of 32, 64, 96, 128, 160, 192 and 224
at which the network's last convolution still sees 2x2 pixels, so that large networks train in bearable
time. Validation images choose the best epoch, whose weights are kept: those of a val folder, else a tenth of the
training images. The test images are measured once, at the end, with the chosen weights.

Without --recipe the network's layers and the number and size of the images decide: small sets are seen more often in
smaller batches, photos are cropped and mirrored at random. Recipes: a name of `convnet recipes`, or a TOML file with
any of the keys data, epochs, batch, lr, seed, limit_steps, [optimizer], [parameters], [schedule], [augment], [split],
[freeze], [network], [loss], [regularize], [progressive], [checkpoints], [lists], skip_corrupt, [cache], [log]. Options
win over the recipe.";

/// The arguments of `train`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Name of a network, see `convnet list`, a .py file, or a run or an .onnx file: training starts from its weights
    #[arg(value_name = "MODEL", required_unless_present = "resume")]
    model: Option<String>,

    #[command(flatten)]
    settings: Settings,

    /// Weights to start from instead of drawn ones: .safetensors, .pth, .onnx, or a run
    #[arg(long, value_name = "WEIGHTS", help_heading = "Training")]
    init_from: Option<PathBuf>,

    /// Of several state dicts in WEIGHTS the one under this key (`model_ema`), or the tensors whose names start with it
    #[arg(long, value_name = "KEY", requires = "init_from", help_heading = "Training")]
    key: Option<String>,

    /// Draw what the weights lack or have in another shape, and ignore what the network lacks
    #[arg(long, requires = "init_from", help_heading = "Training")]
    partial: bool,

    #[command(flatten)]
    preprocess: PreprocessArg,

    /// Directory to write [default: runs/MODEL, or the first of runs/MODEL-2, … that is free]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,

    /// Go on with a run, with its settings: with the latest checkpoint, or back from an earlier one that it kept
    /// (DIR/checkpoints/step-N.safetensors); with --epochs longer than it was to be
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "out", help_heading = "Run")]
    resume: Option<PathBuf>,

    /// Train with each of several values of a key of the recipe, one run after the other in DIR/KEY=VALUE,…; several of
    /// them: with each combination. A file is a table of lists
    #[arg(
        long,
        value_name = "KEY=A,B,…|FILE.toml",
        conflicts_with_all = ["resume", "tui"],
        help_heading = "Several runs"
    )]
    sweep: Vec<String>,

    /// Cross-validation: cut the training images in K parts, and train K times on all but one, which is validated on
    #[arg(
        long,
        value_name = "K",
        value_parser = positive,
        conflicts_with_all = ["resume", "tui", "sweep", "validation"],
        help_heading = "Several runs"
    )]
    folds: Option<usize>,

    /// Find a learning rate: some steps at rates that grow from 1e-7 to 10 (100, or --limit-steps), the loss of each as a
    /// chart and as figures; no run is written
    #[arg(
        long,
        conflicts_with_all = ["resume", "tui", "sweep", "folds", "out"],
        help_heading = "Several runs"
    )]
    lr_find: bool,

    /// File of the chart; beside it the other form and the figures as .csv [default: MODEL-lr.png]
    #[arg(short = 'o', value_name = "FILE.png|.svg", value_parser = picture, requires = "lr_find", help_heading = "Several runs")]
    chart: Option<PathBuf>,

    /// Show the run on the whole screen: curves, rates, time left; q stops and saves, p pauses
    #[arg(long, conflicts_with = "quiet", help_heading = "Run")]
    tui: bool,

    /// Show the run on a page while it trains, at HOST:PORT or a port of this machine alone; for other machines a token is
    /// drawn, or taken from CONVNET_TOKEN
    #[arg(
        long,
        value_name = "ADDRESS",
        value_parser = serve::address,
        conflicts_with_all = ["sweep", "folds", "lr_find"],
        help_heading = "Run"
    )]
    serve: Option<SocketAddr>,

    /// Tell nothing while it trains but what is to be known: notes, errors, and in the end the result
    #[arg(long, short, help_heading = "Run")]
    quiet: bool,

    #[command(flatten)]
    size: SizeArgs,

    #[command(flatten)]
    threads: ThreadsArg,

    #[command(flatten)]
    device: DeviceArgs,
}

/// Where a run is written.
enum Place {
    /// A new directory, which no other process gets.
    New(NewRun),
    /// That of a run that was interrupted, and the checkpoint to go back to, if it is not the latest.
    Old(PathBuf, Option<PathBuf>),
}

/// A run that is about to start: its settings, and what they bring.
struct Plan {
    place: Place,
    recipe: Recipe,
    start: Start,
}

/// What a run starts with.
struct Start {
    graph: Graph,
    data: DataSets,
    given: Given,
    /// Whether the weights to start from left the last layer alone to be drawn.
    new_head: bool,
}

/// What a run starts with that it might do without.
#[derive(Default)]
struct Given {
    /// How images become input, if the weights to start from or the user tell.
    preprocess: Option<Preprocess>,
    /// Weights to start from, and where they come from.
    weights: Option<(String, StateDict)>,
    /// What those gave.
    report: Option<String>,
    /// The network that it learns from.
    teacher: Option<Teacher<'static>>,
}

impl Given {
    fn to(self, mut trainer: Trainer<'_>) -> Trainer<'_> {
        if let Some((origin, weights)) = self.weights {
            trainer = trainer.weights(origin, weights);
        }
        if let Some(report) = self.report {
            trainer = trainer.start_report(report);
        }
        if let Some(preprocess) = self.preprocess {
            trainer = trainer.preprocess(preprocess);
        }
        match self.teacher {
            Some(teacher) => trainer.teacher(teacher),
            None => trainer,
        }
    }
}

/// Trains: alone, or as one of the processes that mpirun started.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match Joined::join()? {
        Some(joined) => ranks::run(args, joined),
        None => alone(args),
    }
}

fn alone(args: &Args) -> Result<(), Failure> {
    if args.settings.scales() {
        output::note("one process: --scale-to-ranks leaves batch and learning rate as they are");
    }
    let options = Options { threads: args.threads.count(), ..Options::default() };
    let options = args.device.apply(options, Precision::Tf32)?;
    let stop = Arc::<AtomicBool>::default();
    if !args.sweep.is_empty() {
        return sweep::run(args, &options, &stop);
    }
    if let Some(count) = args.folds {
        return folds::run(args, count, &options, &stop);
    }
    if args.lr_find {
        return lr_find::run(args, &options, &stop);
    }
    let plan = match &args.resume {
        Some(place) => args.resumed(place, &options, None)?,
        None => args.fresh(&[], args.out.as_deref())?,
    };
    listen(&stop)?;
    let Carried { result, directory, classes } = carry_out(args, plan, &options, &stop, None)?;
    finish(result, &directory, classes)
}

/// A run that was carried out, as far as it went.
struct Carried {
    result: Result<TrainReport, TrainError>,
    directory: PathBuf,
    classes: usize,
}

/// Trains by a plan, alone or as the first of several ranks, and shows it.
fn carry_out(
    args: &Args,
    plan: Plan,
    options: &Options,
    stop: &Arc<AtomicBool>,
    ranks: Option<Arc<dyn Ranks>>,
) -> Result<Carried, Failure> {
    let Plan { place, recipe, start } = plan;
    let Start { graph, data, given, .. } = start;
    let directory = match &place {
        Place::New(new) => new.path().to_owned(),
        Place::Old(directory, _) => directory.clone(),
    };
    let whole = data;
    let data = divide(whole.clone(), &recipe)?;
    let heading = report::heading(&graph, &data, &recipe, options, &directory)?;
    data.repeats().map_err(Failure::work)?.iter().for_each(|told| output::note(told));
    remarks::short(&recipe, data.train.len()).iter().for_each(|remark| output::note(remark));
    if recipe.parameters != Parameters::default() {
        let groups = recipe.parameters.of(&graph, &graph.parameters())?;
        output::note(&report::groups(&groups));
    }
    let histogram = data.measured().map_or(&data.train, |(_, images)| images).histogram();
    let trainer = Trainer::new(&graph, whole).recipe(recipe).options(*options).stop(Arc::clone(stop));
    let live = args.served(&heading, &graph, &data)?;
    let mut trainer = args.shown(trainer, heading, graph.classes(), Arc::clone(stop))?;
    if let Some((live, _)) = &live {
        trainer = trainer.callback(live.clone());
    }
    trainer = given.to(trainer);
    if let Some(ranks) = ranks {
        trainer = trainer.ranks(ranks);
    }
    let result = match place {
        Place::New(new) => trainer.run_in(new),
        Place::Old(directory, None) => trainer.resume(directory),
        Place::Old(directory, Some(checkpoint)) => trainer.resume_from(directory, checkpoint),
    };
    if let Some((live, server)) = live {
        live.ended(report::end(&result));
        drop(server);
    }
    let outcome = result.as_ref().ok().and_then(|report| report.outcome.as_ref());
    if let Some(outcome) = outcome.filter(|outcome| outcome.map.is_none()) {
        let share = histogram.into_iter().max().unwrap_or(0) as f64 / outcome.images.max(1) as f64;
        remarks::guessing(outcome.top1, share, outcome.images).iter().for_each(|remark| output::note(remark));
    }
    Ok(Carried { result, directory, classes: graph.classes() })
}

fn finish(result: Result<TrainReport, TrainError>, directory: &Path, classes: usize) -> Result<(), Failure> {
    let place = directory.display();
    match result {
        Ok(report) if report.interrupted => {
            let epoch = report.epochs.len() + 1;
            let way_out = format!("go on with `convnet train --resume {place}`");
            Err(Failure::work(format!("interrupted in epoch {epoch}; {way_out}")))
        }
        Ok(report) => output::emit(&report::ending(&report, directory, classes)),
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
            tui::give_back();
            std::process::exit(1);
        }
        if tui::is_taken() {
            return;
        }
        output::note("\nfinishing the step and saving; once more to leave at once");
    })?;
    Ok(())
}

impl Args {
    /// The trainer with what shows its progress: nothing, the whole screen, or a bar and a line an epoch.
    fn shown<'a>(
        &self,
        trainer: Trainer<'a>,
        heading: String,
        classes: usize,
        stop: Arc<AtomicBool>,
    ) -> Result<Trainer<'a>, Failure> {
        if self.quiet {
            return Ok(trainer);
        }
        if self.tui && std::io::stderr().is_terminal() && std::io::stdin().is_terminal() {
            let dashboard = Dashboard::open(&heading, classes, stop)
                .map_err(|error| Failure::work(format!("the terminal cannot be drawn on: {error}")))?;
            return Ok(trainer.callback(dashboard));
        }
        if self.tui {
            output::note("standard error is no terminal, or there are no keys to press: told line by line");
        }
        Ok(trainer.callback(Reporter::new(heading, classes)))
    }

    /// The page of the run and its server, if it was asked for.
    fn served(
        &self,
        heading: &str,
        graph: &Graph,
        data: &DataSets,
    ) -> Result<Option<(Live, Background)>, Failure> {
        let Some(listen) = self.serve else { return Ok(None) };
        let token = match std::env::var("CONVNET_TOKEN") {
            Ok(token) => Some(token),
            Err(VarError::NotPresent) => None,
            Err(error) => return Err(Failure::usage(format!("CONVNET_TOKEN: {error}"))),
        };
        let server = serve::bind(&serve::settings(listen, token)?)?;
        let heading = anstream::adapter::strip_str(heading).to_string();
        let live = Live::new(&heading, graph, data.validation.clone());
        output::note(&format!("watch it at {}", server.url()));
        let server = server.spawn(live.site()).map_err(Failure::work)?;
        Ok(Some((live, server)))
    }

    /// The network as it is given, whose layers decide the recipe whatever the number of classes that the data will ask
    /// for, and the weights to start from.
    fn layers(&self) -> Result<(Graph, Option<PathBuf>), Failure> {
        let name = self.name();
        let (layers, own) = models::network(name, &self.file_size(name).options())?;
        Ok((layers, self.init_from.clone().or(own.is_some().then(|| name.into()))))
    }

    fn name(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    /// The recipe of a new run, and whether its learning rate is a tenth of the usual one. Before the data are open it says
    /// which these are; what suits their number and size is in it once they are.
    fn recipe(
        &self,
        (layers, starts): (&Graph, bool),
        own: &[Setting],
        data: Option<&DataSets>,
    ) -> Result<(Recipe, bool), Failure> {
        let by_layers = Recipe::for_graph(layers);
        let suiting = match data {
            Some(data) => by_layers.for_data(data),
            None => by_layers,
        };
        let recipe = self.settings.over(&suiting, own)?;
        let tuned = starts && !self.settings.has_rate() && own.iter().all(|setting| setting.key != "lr");
        let recipe = if tuned { recipe.fine_tuning() } else { recipe };
        recipe.check().map_err(Failure::usage)?;
        Ok((recipe, tuned))
    }

    /// Refuses a recipe that a network or the data cannot follow.
    fn check(recipe: &Recipe, graph: &Graph, data: &DataSets) -> Result<(), Failure> {
        recipe.check_for(graph.input_size()).map_err(Failure::usage)?;
        recipe.parameters.of(graph, &graph.parameters()).map_err(Failure::usage)?;
        recipe.check_layers(graph).map_err(Failure::usage)?;
        recipe.check_sizes(graph).map_err(Failure::usage)?;
        recipe.loss.criterion(&data.train).map_err(Failure::usage)?;
        recipe.loss.check_outputs(graph).map_err(Failure::usage)
    }

    /// A new run, with settings of its own where it is one of several.
    fn fresh(&self, own: &[Setting], out: Option<&Path>) -> Result<Plan, Failure> {
        if let Some(out) = out {
            RunDir::check_new(out)?;
        }
        let (recipe, start) = self.begin(own)?;
        let new = match out {
            Some(out) => NewRun::claim(out)?,
            None => NewRun::fresh(&Path::new("runs").join(models::stem(self.name())))?,
        };
        Ok(Plan { place: Place::New(new), recipe, start })
    }

    /// What a new run is made of.
    fn begin(&self, own: &[Setting]) -> Result<(Recipe, Start), Failure> {
        let name = self.name();
        let (layers, init_from) = self.layers()?;
        let model = (&layers, init_from.is_some());
        let data = super::data::open_recipe(&self.recipe(model, own, None)?.0)?;
        let (mut recipe, tuned) = self.recipe(model, own, Some(&data))?;
        report::suiting(&recipe, &Recipe::for_graph(&layers), &data)
            .iter()
            .for_each(|told| output::note(told));
        if tuned {
            output::note(&format!(
                "starting from weights: a tenth of the usual learning rate, {}",
                recipe.lr
            ));
        }
        let graph = self.network(name, &data, init_from.as_deref())?;
        Self::check(&recipe, &graph, &data)?;
        let asked = self.preprocess.preprocess.as_ref();
        let preprocess = asked.map(|asked| asked.for_input(graph.input_size())).transpose()?;
        let teacher = teacher(&recipe)?;
        let given = Given { preprocess, teacher, ..Given::default() };
        let start = Start { graph, data, given, new_head: false };
        let start = match init_from {
            Some(path) => self.started(start, (name, &recipe), &path)?,
            None => start,
        };
        if start.new_head && self.settings.leaves_freezing() {
            recipe = recipe.head_first();
            if recipe.freeze.is_any() {
                output::note(
                    "the last layer is new: it learns alone in the first epoch; `--head-first 0` does without",
                );
            }
        }
        Ok((recipe, start))
    }

    /// What a run that starts from weights has of them: its classes in their order, their preprocessing, their head if it
    /// is for these classes.
    fn started(&self, start: Start, (name, recipe): (&str, &Recipe), path: &Path) -> Result<Start, Failure> {
        let Start { graph, mut data, given: Given { mut preprocess, teacher, .. }, .. } = start;
        let file = model::weights_file(path, Some(&graph))?;
        let mut head = Head::Resized;
        match file.card().map(|card| &card.classes).filter(|classes| !classes.is_empty()) {
            Some(classes) => match data.in_order_of(classes) {
                Ok((ordered, told)) => {
                    told.iter().for_each(|told| output::note(told));
                    data = ordered;
                }
                Err(error) => {
                    output::note(&format!("{error}; the last layer is drawn anew"));
                    head = Head::Drawn;
                }
            },
            None => output::note(
                "the weights do not tell the names of their classes: the last layer is kept if it has as many as the data",
            ),
        }
        if preprocess.is_none() {
            preprocess = models::preprocess_of(name, &file, graph.input_size())?;
            match &preprocess {
                Some(known) => output::note(&format!("images become input as for the weights: {known}")),
                None => output::note(
                    "the weights do not tell how images became input: the data's own mean and deviation are taken; \
                     `--preprocess` sets others",
                ),
            }
        }
        let origin = path.display().to_string();
        let grown = match file.network() {
            Some(shallow) => {
                let drawn = recipe.network.initialize(&graph, recipe.seed)?;
                grow((shallow, &file), (&graph, drawn), head != Head::Drawn).map_err(Failure::work)?
            }
            None => None,
        };
        let (weights, report, new_head) = match grown {
            Some(grown) => {
                output::note(&grown.to_string());
                (grown.weights.clone(), grown.to_string(), false)
            }
            None => {
                if recipe.network.draws_otherwise() {
                    return Err(Failure::usage(format!(
                        "the weights to start from, `{origin}`, are taken as they are: leave out `--init` and \
                         `--zero-init-residual`, which say how weights are drawn"
                    )));
                }
                let loaded = trained::load(&graph, file, &self.loading(head))?;
                let drawn = &loaded.report.drawn;
                let heads = graph.head().map(|id| graph.node_parameters(id)).unwrap_or_default();
                let new_head = !drawn.is_empty() && heads.iter().any(|spec| drawn.contains(&spec.name));
                (loaded.state_dict()?, loaded.report.to_string(), new_head && loaded.report.is_exact())
            }
        };
        let report = Some(format!("{origin}\n{report}\n"));
        let given = Given { preprocess, weights: Some((origin, weights)), report, teacher };
        Ok(Start { graph, data, given, new_head })
    }

    /// How weights to start from are matched.
    fn loading(&self, head: Head) -> OpenOptions {
        let (draw, ignore) = (self.partial, self.partial);
        OpenOptions {
            key: self.key.clone(),
            draw,
            ignore,
            head,
            other_settings: true,
            ..OpenOptions::default()
        }
    }

    /// A run that was interrupted, with what was given now over its settings: the trainer refuses any
    /// difference. `asked` is the whole recipe of one of several runs.
    fn resumed(&self, place: &Path, options: &Options, asked: Option<Recipe>) -> Result<Plan, Failure> {
        let (directory, from) = match kept_in(place) {
            Some(directory) => (directory, Some(place.to_owned())),
            None => (place, None),
        };
        let run = RunDir::open(directory)?;
        let config = run.config();
        note_machine(config, options)?;
        let recipe = match asked {
            Some(recipe) => recipe,
            None => self.settings.over(&config.recipe, &[])?,
        };
        let [channels, height, width] = config.input;
        let size = SizeArgs {
            input: self.size.input.or(Some(ImageSize { channels, height, width })),
            classes: self.size.classes.or(Some(config.classes.len())),
            ..self.size.clone()
        };
        let graph = match (&self.model, run.graph()?) {
            (None, Some(graph)) => model::adapted(graph, &self.size.options())?,
            (name, _) => size.build(name.as_deref().unwrap_or(&config.model))?,
        };
        let (data, _) = super::data::open_recipe(&recipe)?.in_order_of(&config.classes)?;
        let origin =
            self.init_from.as_ref().map(|path| path.display().to_string()).or(config.init_from.clone());
        let mut weights = None;
        if let Some(origin) = origin {
            // What training started from is in the checkpoint; a run of a version that wrote none at its start has it
            // in the file alone.
            let first = match run.file(RunDir::CHECKPOINT).exists() {
                true => StateDict::new(),
                false => {
                    let file = model::weights_file(Path::new(&origin), Some(&graph))?;
                    trained::load(&graph, file, &self.loading(Head::Resized))?.state_dict()?
                }
            };
            weights = Some((origin, first));
        }
        let teacher = teacher(&recipe)?;
        let given = Given { weights, teacher, ..Given::default() };
        let start = Start { graph, data, given, new_head: false };
        Ok(Plan { place: Place::Old(directory.to_owned(), from), recipe, start })
    }

    /// The size to read a model for, to see its layers: its own number of classes.
    fn file_size(&self, name: &str) -> SizeArgs {
        let input = self.size.input.filter(|_| models::is_network_file(name));
        SizeArgs { input, classes: None, ..self.size.clone() }
    }

    /// The network for the data's classes, and of the size that was given, that the weights to start from are for, or that
    /// suits it.
    fn network(&self, name: &str, data: &DataSets, init_from: Option<&Path>) -> Result<Graph, Failure> {
        let classes = self.size.classes.or(Some(data.classes().len()));
        let sized = |input| SizeArgs { input: Some(input), classes, ..self.size.clone() }.build(name);
        if let Some(input) = self.size.input {
            return sized(input);
        }
        // Weights that tell the size of their images go on with it.
        if let Some(path) = init_from.filter(|path| !is_onnx(path))
            && let Some([channels, height, width]) =
                model::weights_file(path, None)?.card().map(|card| card.input)
        {
            return sized(ImageSize { channels, height, width });
        }
        if models::has_own_size(name) {
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

/// Opens the network that a recipe learns from.
fn teacher(recipe: &Recipe) -> Result<Option<Teacher<'static>>, Failure> {
    let Some(settings) = &recipe.loss.teacher else { return Ok(None) };
    let mut model = models::open(&settings.model, &OpenOptions::default())?;
    model.notes.iter().for_each(|note| output::note(&note.to_string()));
    let Some(weights) = model.weights.take() else {
        return Err(Failure::usage(format!(
            "the teacher `{}` has no weights: give the directory of a run, or a file of weights that tells of its network",
            settings.model
        )));
    };
    trained::note_assumption(&model);
    let classes = model.classes().map(<[String]>::to_vec);
    let Model { graph, preprocess, .. } = model;
    Ok(Some(Teacher { graph, weights: Box::new(weights), preprocess, classes }))
}

/// The run of a checkpoint that it kept, `RUN/checkpoints/step-471.safetensors`.
fn kept_in(path: &Path) -> Option<&Path> {
    let folder = path.parent().filter(|folder| path.is_file() && folder.ends_with(RunDir::CHECKPOINTS))?;
    folder.parent()
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
