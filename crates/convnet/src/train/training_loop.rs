//! The loop of a run: steps, evaluations, files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use convnet_formats::atomic;
use convnet_formats::checksum::Checksum;

use super::callback::Callbacks;
use super::charts::{self, ConfusionChart, Curves};
use super::checkpoint::Checkpoint;
use super::course::Course;
use super::evaluate::{Seen, evaluate_with};
use super::filter_history::FilterHistory;
use super::joint::{self, Order, Sharing};
use super::judged::{Judge, Judged};
use super::kept;
use super::lock::Lock;
use super::metrics::{best, since_best, write_lines};
use super::progress::Progress;
use super::{
    Confusion, EpochRecord, LogFailure, Measured, Outcome, RunConfig, RunDir, RunLength, RunStart,
    StepProgress, TrainError, TrainReport, version,
};
use crate::data::{DataSets, Dataset, Fingerprint, Views};
use crate::exec::Engine;
use crate::io::{self, ModelCard, WeightsFile};
use crate::state::{StateDict, TensorSource};

/// A run under way.
pub(super) struct TrainingLoop<'a> {
    pub(super) course: Course<'a>,
    pub(super) data: DataSets,
    /// What tells its images from others, for the other ranks.
    pub(super) prints: Fingerprint,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) callbacks: Callbacks<'a>,
    pub(super) run: RunDir,
    /// Keeps other processes out of the directory.
    pub(super) _lock: Lock,
    pub(super) card: ModelCard,
    pub(super) progress: Progress,
    pub(super) records: Vec<EpochRecord>,
    /// The first filters over the epochs, where they are pictures.
    pub(super) filters: Option<FilterHistory>,
    /// Where to ask what could not be logged.
    pub(super) logs: Vec<LogFailure>,
    /// Whether the run was started before.
    pub(super) resumed: bool,
    /// What was found when it was taken up again.
    pub(super) notes: Vec<String>,
    /// The learning rate of the last step, if any was done since the run started or went on.
    pub(super) lr: Option<f64>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stopped,
}

impl TrainingLoop<'_> {
    /// Trains until the last step, or until the flag is raised.
    pub(super) fn run(mut self) -> Result<TrainReport, TrainError> {
        self.share_start()?;
        let report = self.train()?;
        self.order(Order::End)?;
        Ok(report)
    }

    /// Tells the other ranks where the run stands.
    fn share_start(&mut self) -> Result<(), TrainError> {
        let Some(joint) = &self.course.steps.joint else { return Ok(()) };
        let net = joint::text_of(joint, self.course.net)?;
        // A run that goes on may have been started elsewhere.
        let (convnet, isa) = (version::OWN.to_owned(), self.course.options.machine()?);
        let config = RunConfig { convnet, isa, ..self.run.config().clone() };
        let data = std::mem::take(&mut self.prints);
        let start = joint::Start { config, net, data, standing: self.standing() };
        self.course.steps.joint.as_mut().map_or(Ok(()), |joint| start.give(joint))?;
        self.course.steps.meet()
    }

    /// Tells the other ranks what to do, where there are any.
    fn order(&mut self, order: Order) -> Result<(), TrainError> {
        self.course.steps.joint.as_mut().map_or(Ok(()), |joint| order.give(joint))
    }

    fn train(&mut self) -> Result<TrainReport, TrainError> {
        let length = RunLength::of(&self.course.recipe, self.data.train.len());
        let images = |set: &Option<Dataset>| set.as_ref().map_or(0, Dataset::len);
        let start = RunStart {
            epochs: self.course.recipe.epochs,
            steps_per_epoch: length.steps_per_epoch as usize,
            train_images: self.data.train.len(),
            validation_images: images(&self.data.validation),
            test_images: images(&self.data.test),
            records: self.records.clone(),
            epochs_done: self.progress.epoch,
            steps_done: self.progress.step,
            notes: std::mem::take(&mut self.notes),
        };
        self.callbacks.steer(&self.course.steps.training, |callback, run| callback.start(&start, run));
        if let Some(filters) = &mut self.filters {
            filters.forget(&self.run)?;
        }
        if self.progress.epoch == 0 && self.progress.step == 0 {
            let weights = self.course.steps.weights();
            self.keep_filters(0, &weights)?;
        }
        if self.resumed {
            // A crash may have come before they were drawn.
            self.draw_curves()?;
            if !self.records.is_empty() {
                self.run.write_metrics_csv(&self.records)?;
            }
        }
        // An epoch whose steps are all done may still lack its evaluation.
        while self.course.steps.training.steps() < length.total || self.progress.step > 0 {
            if self.progress.step == 0 && self.is_enough() {
                break;
            }
            if self.callbacks.stop || self.train_epoch(length)? == Flow::Stopped {
                return self.interrupted();
            }
            let started = Instant::now();
            let evaluation = match self.data.validation.clone() {
                None => None,
                Some(images) => {
                    match self.evaluate(&self.course.steps.weights(), &images, Measured::Validation)? {
                        None => return self.interrupted(),
                        evaluation => evaluation,
                    }
                }
            };
            self.progress.seconds += started.elapsed().as_secs_f64();
            self.finish_epoch(evaluation.as_ref(), length)?;
        }
        self.finish()
    }

    /// Whether the run ends early: it has not got better for long enough.
    fn is_enough(&self) -> bool {
        self.course
            .recipe
            .regularize
            .early_stopping
            .is_some_and(|patience| since_best(&self.records) >= patience)
    }

    fn interrupted(&mut self) -> Result<TrainReport, TrainError> {
        self.checkpoint()?;
        Ok(TrainReport { epochs: std::mem::take(&mut self.records), interrupted: true, outcome: None })
    }

    /// Measures the chosen weights, once.
    fn finish(&mut self) -> Result<TrainReport, TrainError> {
        let Some(epoch) = best(&self.records).map(|best| best.epoch) else {
            let epochs = std::mem::take(&mut self.records);
            return Ok(TrainReport { epochs, interrupted: false, outcome: None });
        };
        let outcome = match self.run.outcome()? {
            Some(outcome) if outcome.epochs == self.records.len() => outcome,
            _ => {
                let (measured_on, images) = match (&self.data.test, &self.data.validation) {
                    (Some(test), _) => (Measured::Test, test),
                    (None, Some(validation)) => (Measured::Validation, validation),
                    (None, None) => (Measured::Training, &self.data.train),
                };
                let images = images.clone();
                let weights = WeightsFile::open(self.run.file(RunDir::BEST))?;
                let Some(judged) = self.evaluate(&weights, &images, measured_on)? else {
                    let epochs = std::mem::take(&mut self.records);
                    return Ok(TrainReport { epochs, interrupted: true, outcome: None });
                };
                let epochs = (epoch, self.records.len());
                let outcome = Outcome::new(epochs, measured_on, &judged, self.is_enough());
                judged.confusion.map_or(Ok(()), |matrix| self.write_confusion(&outcome, &matrix))?;
                self.run.write_outcome(&outcome)?;
                outcome
            }
        };
        let epochs = std::mem::take(&mut self.records);
        Ok(TrainReport { epochs, interrupted: false, outcome: Some(outcome) })
    }

    /// The rest of the epoch under way.
    fn train_epoch(&mut self, length: RunLength) -> Result<Flow, TrainError> {
        let (epoch, step) = (self.progress.epoch, self.progress.step);
        self.order(Order::Epoch { epoch, start: step })?;
        self.course.begin(epoch)?;
        let mut saved = Instant::now();
        let mut lap = Instant::now();
        let left = length.total - self.course.steps.training.steps();
        let mut batches = self.course.batches(epoch, step)?;
        for _ in 0..left {
            let step = self.course.steps.training.steps();
            let lr = self.callbacks.rate.of(self.scheduled(step, length));
            if !(lr.is_finite() && lr >= 0.0) {
                return Err(TrainError::setting("rate", lr, "callbacks to set a finite number from 0"));
            }
            self.order(Order::Step { rate: lr as f32 })?;
            let Some(learned) = self.course.update(&mut batches, lr as f32)? else { break };
            self.lr = Some(lr);
            let progress = &mut self.progress;
            progress.step += 1;
            progress.loss += learned.loss;
            progress.correct += learned.correct;
            progress.images += learned.images;
            progress.wait_seconds += learned.waited;
            let seconds = lap.elapsed().as_secs_f64();
            progress.train_seconds += seconds;
            progress.seconds += seconds;
            let done = StepProgress {
                epoch: progress.epoch + 1,
                step: progress.step,
                total_steps: step + 1,
                batch_loss: learned.loss / learned.images as f64,
                loss: progress.loss / progress.images as f64,
                top1: progress.correct as f64 / progress.images as f64,
                lr,
                images: progress.images,
                seconds: progress.train_seconds,
            };
            self.callbacks.steer(&self.course.steps.training, |callback, run| callback.step(&done, run));
            lap = Instant::now();
            if learned.stop || self.callbacks.stop || self.stop.load(Ordering::Relaxed) {
                return Ok(Flow::Stopped);
            }
            let by_steps = self
                .course
                .recipe
                .checkpoints
                .every_steps
                .is_some_and(|every| (step + 1).is_multiple_of(every));
            if by_steps || saved.elapsed() >= self.course.recipe.checkpoints.interval() {
                self.checkpoint()?;
                saved = Instant::now();
                lap = saved;
            }
        }
        Ok(Flow::On)
    }

    /// The learning rate that the schedule has for a step.
    fn scheduled(&self, step: u64, length: RunLength) -> f64 {
        let losses: Vec<f64> = self.records.iter().filter_map(|record| record.val_loss).collect();
        self.course.recipe.schedule.rate_after(&losses, self.course.recipe.lr, step, length)
    }

    /// Classifies images; `None` if the flag was raised meanwhile.
    fn evaluate(
        &mut self,
        weights: &dyn TensorSource,
        images: &Dataset,
        on: Measured,
    ) -> Result<Option<Judged>, TrainError> {
        let (net, batch, options) = (self.course.net, self.course.recipe.batch, &self.course.options);
        let most = joint::share(self.course.steps.joint.as_ref()).most(batch);
        let engine = Engine::compile(net, weights, most, options)?;
        let (stop, callbacks) = (&self.stop, &mut self.callbacks);
        let mut judge = Judge::new(images.classes.len(), images.multi_labels().is_some());
        let mut see = |seen: Seen<'_>| {
            judge.add(seen);
            callbacks.tell(|callback| callback.answered(seen, on));
            let done = seen.index + 1;
            // Once a batch.
            if !done.is_multiple_of(batch) && done != images.len() {
                return true;
            }
            callbacks.tell(|callback| callback.evaluated(done, images.len()));
            !stop.load(Ordering::Relaxed)
        };
        let preprocess = &self.card.preprocess;
        let whole = match &mut self.course.steps.joint {
            None => evaluate_with(&engine, images, preprocess, Views::One, &mut see)?,
            Some(joint) => {
                Order::Evaluate { on }.give(joint)?;
                joint::give_weights(joint, net, weights)?;
                Sharing { engine: &engine, images, preprocess, batch }.lead(joint, &mut see)?
            }
        };
        Ok(whole.then(|| judge.finish()))
    }

    /// Writes what an epoch came to.
    fn finish_epoch(&mut self, judged: Option<&Judged>, length: RunLength) -> Result<(), TrainError> {
        let steps = self.course.steps.training.steps();
        if judged.is_some_and(|judged| !judged.loss.is_finite()) {
            let cause = "that of the validation images".to_owned();
            return Err(TrainError::Diverged { step: steps, cause, lr: self.course.recipe.lr });
        }
        let scheduled = self.scheduled(steps.saturating_sub(1), length);
        let progress = &self.progress;
        let images = progress.images.max(1) as f64;
        let figure = |of: fn(&Judged) -> f64| judged.map(of);
        let record = EpochRecord {
            epoch: progress.epoch + 1,
            steps,
            train_loss: progress.loss / images,
            train_top1: progress.correct as f64 / images,
            val_loss: figure(|judged| judged.loss),
            val_top1: figure(|judged| judged.top1),
            val_top5: figure(|judged| judged.top5),
            val_map: judged.and_then(Judged::mean_average_precision),
            lr: self.lr.unwrap_or(scheduled),
            images_per_second: images / progress.train_seconds.max(1e-9),
            train_seconds: progress.train_seconds,
            wait_seconds: progress.wait_seconds,
            seconds: progress.seconds,
        };
        let is_best = best(&self.records).is_none_or(|best| record.is_better(best));
        let weights = self.course.steps.weights();
        io::save(&weights, Some(&self.card), self.run.file(RunDir::LAST))?;
        if is_best {
            io::save(&weights, Some(&self.card), self.run.file(RunDir::BEST))?;
            self.progress.best = record.score();
        }
        self.keep_filters(record.epoch, &weights)?;
        self.records.push(record.clone());
        self.run.write_metrics(&self.records)?;
        self.progress.next_epoch();
        self.checkpoint()?;
        let drawn = self.draw_curves();
        self.callbacks
            .steer(&self.course.steps.training, |callback, run| callback.epoch(&record, is_best, run));
        drawn?;
        // A log that cannot be written ends the run as any other file of its.
        match self.logs.iter().find_map(LogFailure::take) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Keeps the first filters as they are after an epoch.
    fn keep_filters(&mut self, epoch: usize, weights: &StateDict) -> Result<(), TrainError> {
        let Some(filters) = &mut self.filters else { return Ok(()) };
        filters.add(&self.run, (epoch, self.course.recipe.epochs), weights)
    }

    fn draw_curves(&self) -> Result<(), TrainError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let curves = Curves { title: self.title(), records: &self.records };
        charts::write(&curves.draw(), self.run.path(), RunDir::CURVES)
    }

    /// The mistakes of the chosen weights, as a chart and as figures.
    fn write_confusion(&self, outcome: &Outcome, matrix: &Confusion) -> Result<(), TrainError> {
        let names = &self.card.classes;
        atomic::write(&self.run.file(RunDir::CONFUSION_CSV), matrix.to_csv(names).as_bytes())?;
        let (epoch, images) = (outcome.epoch, outcome.measured_on.name());
        let chart = ConfusionChart { title: self.title(), epoch, images, names, matrix };
        charts::write(&chart.draw(), self.run.path(), RunDir::CONFUSION)
    }

    fn title(&self) -> String {
        format!("{} on {}", self.course.net.name(), self.data.name)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        let path = self.write_checkpoint()?;
        self.callbacks.tell(|callback| callback.checkpoint(&path));
        Ok(())
    }

    /// All that is needed to go on from here.
    fn standing(&self) -> Checkpoint {
        let (steps, optimizer) = self.course.steps.training.optimizer_state();
        let (weights, average) = (self.course.steps.training.state_dict(), self.course.steps.average());
        let metrics = Some(Checksum::of(write_lines(&self.records).as_bytes()).to_string());
        Checkpoint { weights, optimizer, average, steps, progress: self.progress.clone(), metrics }
    }

    /// Writes it.
    pub(super) fn write_checkpoint(&self) -> Result<PathBuf, TrainError> {
        let path = self.run.file(RunDir::CHECKPOINT);
        let standing = self.standing();
        let steps = standing.steps;
        standing.write(&path)?;
        kept::keep(&self.run, steps, self.course.recipe.checkpoints.keep)?;
        Ok(path)
    }
}
