//! Training a network from the first step to the last, or from where it was interrupted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::callback::Callbacks;
use super::checkpoint::Checkpoint;
use super::progress::Progress;
use super::training_loop::TrainingLoop;
use super::{Callback, EpochRecord, Optimizer, Recipe, RecipePatch, RunConfig, RunDir, Schedule, TrainError};
use crate::data::{Augment, DataSets, Preprocess};
use crate::exec::{self, TrainingStep};
use crate::graph::Graph;
use crate::io::ModelCard;
use crate::state::{self, StateDict};

/// A network, the data it shall learn and how.
///
/// ```no_run
/// use convnet::train::Trainer;
/// use convnet::{data, zoo};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let net = zoo::lenet().build()?;
/// let report = Trainer::new(&net, data::open("fashion-mnist")?).epochs(10).run("runs/lenet")?;
/// # Ok(())
/// # }
/// ```
pub struct Trainer<'a> {
    net: &'a Graph,
    data: DataSets,
    recipe: Recipe,
    options: exec::Options,
    stop: Arc<AtomicBool>,
    callbacks: Callbacks<'a>,
    start: Option<(String, StateDict)>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// A record for each epoch done, those before a resumption included.
    pub epochs: Vec<EpochRecord>,
    /// Whether it was stopped before its last step.
    pub interrupted: bool,
}

impl TrainReport {
    /// The epoch with the best top-1 accuracy on the test images: the one whose weights `best.safetensors`
    /// holds.
    pub fn best(&self) -> Option<&EpochRecord> {
        super::charts::best(&self.epochs)
    }
}

impl<'a> Trainer<'a> {
    /// Training by the recipe that suits the network ([`Recipe::for_graph`]).
    pub fn new(net: &'a Graph, data: DataSets) -> Self {
        let recipe = Recipe { data: data.name.clone(), ..Recipe::for_graph(net) };
        Self {
            net,
            data,
            recipe,
            options: exec::Options::default(),
            stop: Arc::default(),
            callbacks: Callbacks::default(),
            start: None,
        }
    }

    /// Another recipe; its `data` is only a name here.
    pub fn recipe(mut self, recipe: Recipe) -> Self {
        self.recipe = recipe;
        self
    }

    /// How often each image is seen.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.recipe.epochs = epochs;
        self
    }

    /// Images of a step.
    pub fn batch(mut self, batch: usize) -> Self {
        self.recipe.batch = batch;
        self
    }

    /// The peak of the learning rate.
    pub fn lr(mut self, lr: f64) -> Self {
        self.recipe.lr = lr;
        self
    }

    /// The update rule; another kind than before brings its usual learning rate.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.recipe = self.recipe.with(&RecipePatch { optimizer: Some(optimizer), ..RecipePatch::default() });
        self
    }

    /// The learning rate over the run.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.recipe.schedule = schedule;
        self
    }

    /// Random changes of the training images.
    pub fn augment(mut self, augment: Augment) -> Self {
        self.recipe.augment = augment;
        self
    }

    /// The seed of everything drawn at random: the same seed gives the same weights, bit for bit, on the
    /// same instruction set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.recipe.seed = seed;
        self
    }

    /// Threads and instruction set.
    pub fn options(mut self, options: exec::Options) -> Self {
        self.options = options;
        self
    }

    /// Another callback, called after those that were given before it.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.add(callback);
        self
    }

    /// A flag that another thread may raise: the step under way is finished, a checkpoint written, and the
    /// run returns.
    pub fn stop(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = flag;
        self
    }

    /// Weights to start from instead of drawn ones, and where they come from, which `config.toml` keeps.
    pub fn weights(mut self, origin: impl Into<String>, weights: StateDict) -> Self {
        self.start = Some((origin.into(), weights));
        self
    }

    /// Trains in a new directory.
    ///
    /// # Errors
    /// If the recipe, the network and the data do not fit one another, if the directory holds something, if
    /// a file cannot be written, or if the loss is no number any more.
    pub fn run(self, directory: impl AsRef<Path>) -> Result<TrainReport, TrainError> {
        let directory = directory.as_ref();
        self.check()?;
        RunDir::check_new(directory)?;
        let card = self.card()?;
        TrainingStep::check(self.net, self.recipe.batch, self.recipe.optimizer, &self.options)?;
        let training = self.training(&self.first_weights())?;
        let run = RunDir::create(directory, self.config()?)?;
        self.training_loop(run, card, training, Progress::default(), Vec::new()).run()
    }

    /// Goes on with a run that was interrupted, to the same result as if it had not been.
    ///
    /// # Errors
    /// As [`Trainer::run`]; also if the run was made by other settings, each of which is named, or if its
    /// checkpoint does not fit the network.
    pub fn resume(self, directory: impl AsRef<Path>) -> Result<TrainReport, TrainError> {
        let directory = directory.as_ref();
        let run = RunDir::open(directory)?;
        let differences = run.config().differences(&self.config()?);
        if !differences.is_empty() {
            return Err(TrainError::OtherSettings { path: directory.to_owned(), differences });
        }
        self.check()?;
        let card = self.card()?;
        let path = run.file(RunDir::CHECKPOINT);
        if !path.exists() {
            // Stopped before its first checkpoint.
            let training = self.training(&self.first_weights())?;
            return self.training_loop(run, card, training, Progress::default(), Vec::new()).run();
        }
        let checkpoint = Checkpoint::read(&path)?;
        let damaged =
            |e: exec::CompileError| TrainError::Damaged { path: path.clone(), reason: e.to_string() };
        let mut training = self.training(&checkpoint.weights).map_err(|e| match e {
            TrainError::Compile(e) => damaged(e),
            other => other,
        })?;
        training.load_optimizer_state(checkpoint.steps, &checkpoint.optimizer).map_err(damaged)?;
        let mut records = run.metrics()?;
        // A crash between the two files may have left a line that the checkpoint does not know.
        records.truncate(checkpoint.progress.epoch);
        self.training_loop(run, card, training, checkpoint.progress, records).run()
    }

    fn training_loop(
        self,
        run: RunDir,
        card: ModelCard,
        training: TrainingStep,
        progress: Progress,
        records: Vec<EpochRecord>,
    ) -> TrainingLoop<'a> {
        TrainingLoop {
            net: self.net,
            data: self.data,
            recipe: self.recipe,
            options: self.options,
            stop: self.stop,
            callbacks: self.callbacks,
            run,
            card,
            training,
            progress,
            records,
            lr: None,
        }
    }

    fn check(&self) -> Result<(), TrainError> {
        self.recipe.check()?;
        let (outputs, classes) = (self.net.classes(), self.data.classes().len());
        if outputs != classes {
            return Err(TrainError::Classes {
                net: self.net.name().to_owned(),
                outputs,
                data: self.data.name.clone(),
                classes,
            });
        }
        Ok(())
    }

    fn card(&self) -> Result<ModelCard, TrainError> {
        let input = self.net.input_size();
        Ok(ModelCard {
            model: self.net.name().to_owned(),
            input,
            classes: self.data.classes().to_vec(),
            preprocess: Preprocess::for_input(input, &self.data.train)?,
        })
    }

    fn config(&self) -> Result<RunConfig, TrainError> {
        Ok(RunConfig {
            convnet: env!("CARGO_PKG_VERSION").to_owned(),
            isa: self.options.machine()?,
            model: self.net.name().to_owned(),
            input: self.net.input_size(),
            classes: self.data.classes().to_vec(),
            init_from: self.start.as_ref().map(|(origin, _)| origin.clone()),
            recipe: self.recipe.clone(),
        })
    }

    fn first_weights(&self) -> StateDict {
        match &self.start {
            Some((_, weights)) => weights.clone(),
            None => state::initialize(self.net, self.recipe.seed),
        }
    }

    fn training(&self, weights: &StateDict) -> Result<TrainingStep, TrainError> {
        let optimizer = self.recipe.optimizer;
        let (batch, seed) = (self.recipe.batch, self.recipe.seed);
        let training = TrainingStep::compile(self.net, weights, batch, optimizer, seed, &self.options)?;
        let images = self.data.train.len();
        let steps = images.div_ceil(batch) as u64;
        training.check_images(images.min(batch))?;
        // The last batch of an epoch may be a smaller one.
        if images > batch
            && !images.is_multiple_of(batch)
            && self.recipe.limit_steps.is_none_or(|limit| limit >= steps)
        {
            training.check_images(images % batch)?;
        }
        Ok(training)
    }
}
