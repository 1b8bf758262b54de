//! Training a network from the first step to the last, or from where it was interrupted.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use convnet_formats::{atomic, stale};

use super::callback::Callbacks;
use super::checkpoint::Checkpoint;
use super::course::Course;
use super::filter_history::FilterHistory;
use super::joint::{self, Start};
use super::kept;
use super::lesson::Lesson;
use super::lock::Lock;
use super::logs;
use super::progress::Progress;
use super::standing::Standing;
use super::steps::Steps;
use super::training_loop::TrainingLoop;
use super::{
    Callback, EpochRecord, NewRun, Optimizer, Outcome, Recipe, RunConfig, RunDir, Schedule, Teacher,
    TrainError, divide, sizes, version,
};
use crate::data::{Augment, DataSets, Fingerprint, Preprocess};
use crate::exec::{self, TrainingStep};
use crate::graph::Graph;
use crate::io::ModelCard;
use crate::ranks::{Joint, Ranks};
use crate::state::StateDict;

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
    start_report: Option<String>,
    preprocess: Option<Preprocess>,
    teacher: Option<Teacher<'a>>,
    ranks: Option<Arc<dyn Ranks>>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// A record for each epoch done, those before a resumption included.
    pub epochs: Vec<EpochRecord>,
    /// Whether it was stopped before its last step.
    pub interrupted: bool,
    /// What the chosen weights are worth; `None` if it was interrupted.
    pub outcome: Option<Outcome>,
}

/// What steps outside of a run need.
pub(super) struct Rehearsal<'a> {
    pub(super) net: &'a Graph,
    pub(super) data: DataSets,
    pub(super) recipe: Recipe,
    pub(super) card: ModelCard,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) steps: Steps,
}

impl TrainReport {
    /// The epoch with the best top-1 accuracy on the validation images, of equal ones that with the lowest loss; the last
    /// one where there are none. `best.safetensors` holds its weights.
    pub fn best(&self) -> Option<&EpochRecord> {
        super::metrics::best(&self.epochs)
    }
}

impl<'a> Trainer<'a> {
    /// Training by the recipe that suits the network ([`Recipe::for_graph`]) and the data ([`Recipe::for_data`]).
    pub fn new(net: &'a Graph, data: DataSets) -> Self {
        let recipe = Recipe { data: data.name.clone(), ..Recipe::for_graph(net).for_data(&data) };
        Self {
            net,
            data,
            recipe,
            options: exec::Options::default(),
            stop: Arc::default(),
            callbacks: Callbacks::default(),
            start: None,
            start_report: None,
            preprocess: None,
            teacher: None,
            ranks: None,
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
        if !optimizer.same_kind(&self.recipe.optimizer) {
            self.recipe.lr = optimizer.usual_lr();
        }
        self.recipe.optimizer = optimizer;
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

    /// What the weights to start from gave, which the run's `init.txt` keeps.
    pub fn start_report(mut self, report: impl Into<String>) -> Self {
        self.start_report = Some(report.into());
        self
    }

    /// How images become input, instead of the data's own mean and deviation: that which the weights to start from were
    /// trained with.
    pub fn preprocess(mut self, preprocess: Preprocess) -> Self {
        self.preprocess = Some(preprocess);
        self
    }

    /// The network that the recipe's [`Loss::teacher`](super::Loss::teacher) speaks of.
    pub fn teacher(mut self, teacher: Teacher<'a>) -> Self {
        self.teacher = Some(teacher);
        self
    }

    /// Trains together with other ranks, each of which has its part of every batch of the recipe. The first one runs or
    /// resumes as always and writes alone; the others [follow](Trainer::follow), with the same network, settings and data.
    ///
    /// A rank whose training fails returns its error at once, and the others wait for it: the program then ends them, as
    /// [`Mpi::abort`](crate::ranks::Mpi::abort) does.
    pub fn ranks(mut self, ranks: Arc<dyn Ranks>) -> Self {
        self.ranks = Some(ranks).filter(|ranks| ranks.size() > 1);
        self
    }

    /// Does what the first rank tells, until the run ends or is interrupted. Nothing is written.
    ///
    /// # Errors
    /// As [`Trainer::run`]; if the first rank trains otherwise, or does not answer.
    pub fn follow(mut self) -> Result<(), TrainError> {
        self.data = divide(self.data, &self.recipe)?;
        self.check(false)?;
        let Some(mut joint) = self.joint() else { return Ok(()) };
        let prints = Fingerprint::of(&self.data)?;
        let start = Start::receive(&mut joint)?;
        self.preprocess = start.config.preprocess.clone();
        let card = self.card()?;
        self.note_teacher()?;
        let lesson = self.lesson(&card)?;
        start.check(&joint, &self.config(&card)?, self.net, &prints)?;
        let mut steps = self.stepping(start.standing, lesson, Some(joint), |error| error)?;
        steps.meet()?;
        let data = self.data.clone();
        joint::follow(self.course(card.preprocess, steps), &data)
    }

    /// The other ranks, if there are any.
    fn joint(&self) -> Option<Joint> {
        let ranks = Arc::clone(self.ranks.as_ref()?);
        Some(Joint::new(ranks, self.recipe.network.sync_batch_norm, Arc::clone(&self.stop)))
    }

    fn course(self, preprocess: Preprocess, steps: Steps) -> Course<'a> {
        let images = self.data.train;
        Course {
            net: self.net,
            sized: None,
            images,
            recipe: self.recipe,
            options: self.options,
            preprocess,
            steps,
        }
    }

    /// Trains in a new directory.
    ///
    /// # Errors
    /// If the recipe, the network and the data do not fit one another, if the directory holds something, if
    /// a file cannot be written, or if the loss is no number any more.
    pub fn run(self, directory: impl AsRef<Path>) -> Result<TrainReport, TrainError> {
        self.check(true)?;
        self.run_in(NewRun::claim(directory.as_ref())?)
    }

    /// The same in a directory that was claimed before.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn run_in(mut self, place: NewRun) -> Result<TrainReport, TrainError> {
        self.check(true)?;
        self.data = divide(self.data, &self.recipe)?;
        let card = self.card()?;
        self.note_teacher()?;
        let lesson = self.lesson(&card)?;
        self.check_steps()?;
        let training = self.training(&self.first_weights()?, 0)?;
        let prints = Fingerprint::of(&self.data)?;
        let (run, lock) = place.start(self.config(&card)?, self.net, &prints)?;
        let given = self.start.is_some();
        let report = self.start_report.clone();
        let steps = Steps::new(training, self.net, &self.recipe, lesson, self.joint())?;
        let training = self.training_loop((run, lock), prints, card, steps, None);
        if let Some(report) = report {
            atomic::write(&training.run.file(RunDir::INIT), report.as_bytes())?;
        }
        if given {
            // The run must go on even if the weights that it started from are gone.
            training.write_checkpoint()?;
        }
        training.run()
    }

    /// Steps outside of any run: nothing is written.
    pub(super) fn rehearsal(mut self) -> Result<Rehearsal<'a>, TrainError> {
        self.check(true)?;
        self.data = divide(self.data, &self.recipe)?;
        let card = self.card()?;
        self.note_teacher()?;
        let lesson = self.lesson(&card)?;
        self.check_steps()?;
        let training = self.training(&self.first_weights()?, 0)?;
        let steps = Steps::new(training, self.net, &self.recipe, lesson, None)?;
        Ok(Rehearsal { net: self.net, data: self.data, recipe: self.recipe, card, stop: self.stop, steps })
    }

    /// Takes a run back to a checkpoint that it kept ([`RunDir::kept_checkpoints`]) and goes on from there. What was done
    /// after it is forgotten.
    ///
    /// # Errors
    /// As [`Trainer::resume`].
    pub fn resume_from(
        self,
        directory: impl AsRef<Path>,
        checkpoint: impl AsRef<Path>,
    ) -> Result<TrainReport, TrainError> {
        self.go_on(directory.as_ref(), Some(checkpoint.as_ref()))
    }

    /// Goes on with a run that was interrupted, to the same result as if it had not been. A recipe of more epochs or steps
    /// than the run had makes it longer: the schedule is stretched over all of them from here on.
    ///
    /// # Errors
    /// As [`Trainer::run`]; also if the run was made by other settings, each of which is named, if the data have changed
    /// since, if one of its files is missing, damaged or does not fit the others, or if another process trains in the
    /// directory.
    pub fn resume(self, directory: impl AsRef<Path>) -> Result<TrainReport, TrainError> {
        self.go_on(directory.as_ref(), None)
    }

    /// Goes on from the latest checkpoint, or back from another one. Nothing is taken back before all else is checked.
    fn go_on(mut self, directory: &Path, back_to: Option<&Path>) -> Result<TrainReport, TrainError> {
        self.check_place(true)?;
        let run = RunDir::open(directory)?;
        self.data = divide(self.data, &self.recipe)?;
        // For another size there is none, and the size is the difference to tell.
        let known = run.config().preprocess.clone().filter(|known| known.input() == self.net.input_size());
        self.preprocess = self.preprocess.or(known);
        let card = self.card()?;
        self.note_teacher()?;
        let lesson = self.lesson(&card)?;
        let config = self.config(&card)?;
        let longer = run.config().longer(&config);
        let mut differences = longer.as_ref().unwrap_or(run.config()).differences(&config);
        if run.graph()?.is_some_and(|graph| graph != *self.net) {
            differences.push("the layers of the network are others".to_owned());
        }
        if !differences.is_empty() {
            return Err(TrainError::OtherSettings { path: directory.to_owned(), differences });
        }
        self.check(true)?;
        let prints = Fingerprint::of(&self.data)?;
        run.check_data(&prints)?;
        let lock = Lock::take(directory)?;
        stale::clear(directory).map_err(TrainError::io("clear the run directory", directory))?;
        back_to.map_or(Ok(()), |checkpoint| kept::rewind(&run, checkpoint))?;
        let images = self.data.train.len();
        let (run, mut standing) = match longer {
            None => {
                let standing = Standing::of(&run, &self.recipe, images)?;
                (run, standing)
            }
            Some(config) => {
                let before = run.config().recipe.clone();
                let mut standing = Standing::of(&run, &before, images)?;
                standing.check_longer([&before, &self.recipe], images)?;
                standing.notes.push(told_longer(&before, &self.recipe));
                let run = RunDir::new(directory, config);
                run.write_config()?;
                kept::remove(&run.file(RunDir::RESULT))?;
                (run, standing)
            }
        };
        let mut progress = Progress::default();
        let steps = match standing.checkpoint.take() {
            None => {
                let training = self.training(&self.first_weights()?, 0)?;
                Steps::new(training, self.net, &self.recipe, lesson, self.joint())?
            }
            Some(checkpoint) => {
                let path = run.file(RunDir::CHECKPOINT);
                progress = checkpoint.progress.clone();
                let damaged =
                    |e: exec::CompileError| TrainError::Damaged { path: path.clone(), reason: e.to_string() };
                if checkpoint.average.is_some() != self.recipe.regularize.ema.is_some() {
                    let reason = "it keeps a moving average, or keeps none, other than the recipe".to_owned();
                    return Err(TrainError::Damaged { path, reason });
                }
                self.stepping(checkpoint, lesson, self.joint(), |e| match e {
                    TrainError::Compile(e) => damaged(e),
                    other => other,
                })?
            }
        };
        self.training_loop((run, lock), prints, card, steps, Some((standing, progress))).run()
    }

    /// The steps from where a checkpoint stands; `told` tells otherwise what does not fit.
    fn stepping(
        &self,
        checkpoint: Checkpoint,
        lesson: Lesson,
        joint: Option<Joint>,
        told: impl Fn(TrainError) -> TrainError,
    ) -> Result<Steps, TrainError> {
        let Checkpoint { weights, optimizer, steps: done, progress, average, .. } = checkpoint;
        let mut training = self.training(&weights, progress.phase()).map_err(&told)?;
        training.load_optimizer_state(done, &optimizer).map_err(|error| told(error.into()))?;
        let mut steps = Steps::new(training, self.net, &self.recipe, lesson, joint)?;
        average.map_or(Ok(()), |average| steps.load_average(&average)).map_err(|error| told(error.into()))?;
        Ok(steps)
    }

    fn training_loop(
        mut self,
        (run, lock): (RunDir, Lock),
        prints: Fingerprint,
        card: ModelCard,
        steps: Steps,
        standing: Option<(Standing, Progress)>,
    ) -> TrainingLoop<'a> {
        let resumed = standing.is_some();
        let (Standing { records, mut notes, .. }, progress) = standing.unwrap_or_default();
        let mut callbacks = std::mem::take(&mut self.callbacks);
        let logs = logs::add(self.recipe.log, &run, &mut callbacks);
        let filters = FilterHistory::open(&run, self.net, progress.epoch, &mut notes);
        let (data, stop) = (self.data.clone(), Arc::clone(&self.stop));
        let course = self.course(card.preprocess.clone(), steps);
        TrainingLoop {
            course,
            data,
            prints,
            stop,
            callbacks,
            logs,
            run,
            _lock: lock,
            card,
            progress,
            records,
            filters,
            resumed,
            notes,
            lr: None,
        }
    }

    /// Whether this process is the one that runs, or one that follows.
    fn check_place(&self, leads: bool) -> Result<(), TrainError> {
        self.joint().map_or(Ok(()), |joint| joint::check_place(&joint, leads))
    }

    fn check(&self, leads: bool) -> Result<(), TrainError> {
        self.check_place(leads)?;
        self.recipe.check_for(self.net.input_size())?;
        if let Some(joint) = self.joint() {
            joint::check(&joint, &self.recipe, &self.options)?;
        }
        self.recipe.parameters.of(self.net, &self.net.parameters())?;
        self.recipe.check_layers(self.net)?;
        self.recipe.check_sizes(self.net)?;
        self.data.check_classes()?;
        self.recipe.loss.criterion(&self.data.train)?;
        self.recipe.loss.check_outputs(self.net)?;
        let unvalidated = self.data.validation.is_none() && !self.recipe.split.spares_some();
        if unvalidated && self.recipe.schedule.needs_validation() {
            return Err(TrainError::setting(
                "schedule.kind",
                "plateau without validation images",
                "some, whose loss it looks at: `split.validation` above 0",
            ));
        }
        if unvalidated && self.recipe.regularize.early_stopping.is_some() {
            return Err(TrainError::setting(
                "regularize.early_stopping",
                "set without validation images",
                "some, by which it is judged: `split.validation` above 0",
            ));
        }
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

    /// Writes into the recipe which weights the teacher has, so that the run goes on with no others.
    fn note_teacher(&mut self) -> Result<(), TrainError> {
        let (Some(settings), Some(teacher)) = (&mut self.recipe.loss.teacher, &self.teacher) else {
            return Ok(());
        };
        settings.model = absolute(&settings.model);
        if settings.digest.is_none() {
            settings.digest = Some(teacher.checked_digest(&settings.model)?);
        }
        Ok(())
    }

    /// The loss, and the teacher at work.
    fn lesson(&self, card: &ModelCard) -> Result<Lesson, TrainError> {
        let loss = &self.recipe.loss;
        let student = (&card.preprocess, &card.classes[..]);
        let engine = (self.images(), &self.options);
        let teaching = loss.teaching(self.teacher.as_ref(), card.several, student, engine)?;
        Ok(Lesson::new(loss.criterion(&self.data.train)?, teaching))
    }

    fn card(&self) -> Result<ModelCard, TrainError> {
        let input = self.net.input_size();
        let preprocess = match &self.preprocess {
            Some(preprocess) if preprocess.input() == input => preprocess.clone(),
            Some(preprocess) => {
                return Err(TrainError::setting(
                    "preprocess",
                    format!("for images of {:?}", preprocess.input()),
                    "one for the network's input",
                ));
            }
            None => Preprocess::for_training(input, &self.data.train, &self.recipe.augment)?,
        };
        let classes = self.data.classes().to_vec();
        let (model, outputs) = (self.net.name().to_owned(), self.net.classes());
        let several = self.data.train.multi_labels().is_some();
        Ok(ModelCard { model, input, outputs, classes, several, preprocess })
    }

    fn config(&self, card: &ModelCard) -> Result<RunConfig, TrainError> {
        Ok(RunConfig {
            convnet: version::OWN.to_owned(),
            isa: self.options.machine()?,
            model: self.net.name().to_owned(),
            input: self.net.input_size(),
            classes: self.data.classes().to_vec(),
            preprocess: Some(card.preprocess.clone()),
            init_from: self.start.as_ref().map(|(origin, _)| absolute(origin)),
            recipe: Recipe {
                data: absolute(&self.recipe.data),
                lists: self.recipe.lists.absolute(),
                ..self.recipe.clone()
            },
        })
    }

    fn first_weights(&self) -> Result<StateDict, TrainError> {
        match &self.start {
            Some((_, weights)) => Ok(weights.clone()),
            None => self.recipe.network.initialize(self.net, self.recipe.seed),
        }
    }

    /// The most images of a batch that this process sees.
    fn images(&self) -> usize {
        joint::share(self.joint().as_ref()).most(self.recipe.batch)
    }

    /// Whether the machine can do the steps of every epoch, whatever each freezes.
    fn check_steps(&self) -> Result<(), TrainError> {
        let Recipe { optimizer, freeze, .. } = &self.recipe;
        let net = self.recipe.network.trained(self.net)?;
        for epoch in freeze.changes().into_iter().filter(|&epoch| epoch < self.recipe.epochs) {
            let frozen = freeze.frozen(self.net, epoch)?;
            TrainingStep::check_frozen(&net, &frozen, self.images(), *optimizer, &self.options)?;
        }
        Ok(())
    }

    /// The step of an epoch, from 0.
    fn training(&self, weights: &StateDict, epoch: usize) -> Result<TrainingStep, TrainError> {
        let (images, joint) = (self.data.train.len(), self.joint());
        sizes::training(self.net, (weights, epoch), &self.recipe, (images, joint.as_ref()), &self.options)
    }
}

/// That a run is made longer.
fn told_longer(before: &Recipe, now: &Recipe) -> String {
    let length = |recipe: &Recipe| {
        let limit = recipe.limit_steps.map_or(String::new(), |steps| format!(", at most {steps} steps"));
        format!("{} epochs{limit}", recipe.epochs)
    };
    format!(
        "the run was to have {} and goes on to {}; its schedule is stretched over all of them from here on",
        length(before),
        length(now)
    )
}

/// The full path of a file or folder, so that a run does not depend on where it was started; any other name as it is.
fn absolute(name: &str) -> String {
    let path = fs::canonicalize(name).ok();
    path.as_deref().and_then(Path::to_str).map_or_else(|| name.to_owned(), str::to_owned)
}
