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
use super::evaluate::evaluate_with;
use super::filter_history::FilterHistory;
use super::judged::{Judge, Judged};
use super::kept;
use super::lock::Lock;
use super::metrics::{best, since_best, write_lines};
use super::progress::Progress;
use super::steps::Steps;
use super::{
    Confusion, EpochRecord, LogFailure, Measured, Outcome, Recipe, RunDir, RunLength, RunStart, StepProgress,
    TrainError, TrainReport, sizes,
};
use crate::data::{DataSets, Dataset, Loader, Pass, Preprocess, Views};
use crate::exec::{self, Engine};
use crate::graph::Graph;
use crate::io::{self, ModelCard, WeightsFile};
use crate::state::{StateDict, TensorSource};

/// A run under way.
pub(super) struct TrainingLoop<'a> {
    pub(super) net: &'a Graph,
    /// The same for smaller images, while the training images are smaller.
    pub(super) sized: Option<Graph>,
    pub(super) data: DataSets,
    pub(super) recipe: Recipe,
    pub(super) options: exec::Options,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) callbacks: Callbacks<'a>,
    pub(super) run: RunDir,
    /// Keeps other processes out of the directory.
    pub(super) _lock: Lock,
    pub(super) card: ModelCard,
    pub(super) steps: Steps,
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
        let length = RunLength::of(&self.recipe, self.data.train.len());
        let images = |set: &Option<Dataset>| set.as_ref().map_or(0, Dataset::len);
        let start = RunStart {
            epochs: self.recipe.epochs,
            steps_per_epoch: length.steps_per_epoch as usize,
            train_images: self.data.train.len(),
            validation_images: images(&self.data.validation),
            test_images: images(&self.data.test),
            records: self.records.clone(),
            epochs_done: self.progress.epoch,
            steps_done: self.progress.step,
            notes: std::mem::take(&mut self.notes),
        };
        self.callbacks.steer(&self.steps.training, |callback, run| callback.start(&start, run));
        if let Some(filters) = &mut self.filters {
            filters.forget(&self.run)?;
        }
        if self.progress.epoch == 0 && self.progress.step == 0 {
            let weights = self.steps.weights();
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
        while self.steps.training.steps() < length.total || self.progress.step > 0 {
            if self.progress.step == 0 && self.is_enough() {
                break;
            }
            if self.callbacks.stop || self.train_epoch(length)? == Flow::Stopped {
                return self.interrupted();
            }
            let started = Instant::now();
            let evaluation = match self.data.validation.clone() {
                None => None,
                Some(images) => match self.evaluate(&self.steps.weights(), &images, Measured::Validation)? {
                    None => return self.interrupted(),
                    evaluation => evaluation,
                },
            };
            self.progress.seconds += started.elapsed().as_secs_f64();
            self.finish_epoch(evaluation.as_ref(), length)?;
        }
        self.finish()
    }

    /// Whether the run ends early: it has not got better for long enough.
    fn is_enough(&self) -> bool {
        self.recipe.regularize.early_stopping.is_some_and(|patience| since_best(&self.records) >= patience)
    }

    fn interrupted(mut self) -> Result<TrainReport, TrainError> {
        self.checkpoint()?;
        Ok(TrainReport { epochs: self.records, interrupted: true, outcome: None })
    }

    /// Measures the chosen weights, once.
    fn finish(mut self) -> Result<TrainReport, TrainError> {
        let Some(epoch) = best(&self.records).map(|best| best.epoch) else {
            return Ok(TrainReport { epochs: self.records, interrupted: false, outcome: None });
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
                    return Ok(TrainReport { epochs: self.records, interrupted: true, outcome: None });
                };
                let epochs = (epoch, self.records.len());
                let outcome = Outcome::new(epochs, measured_on, &judged, self.is_enough());
                judged.confusion.map_or(Ok(()), |matrix| self.write_confusion(&outcome, &matrix))?;
                self.run.write_outcome(&outcome)?;
                outcome
            }
        };
        Ok(TrainReport { epochs: self.records, interrupted: false, outcome: Some(outcome) })
    }

    /// The rest of the epoch under way.
    fn train_epoch(&mut self, length: RunLength) -> Result<Flow, TrainError> {
        self.steps.refreeze(&self.recipe.freeze.frozen(self.net, self.progress.epoch)?)?;
        self.fit_images()?;
        let preprocess = self.preprocess()?;
        let mut saved = Instant::now();
        let mut lap = Instant::now();
        let left = length.total - self.steps.training.steps();
        let recipe = &self.recipe;
        let pass = Pass {
            shuffle: true,
            sampling: recipe.loss.sampling,
            seed: recipe.seed,
            epoch: self.progress.epoch,
            start: self.progress.step * recipe.regularize.batches(),
            ..Pass::in_order(recipe.batch)
        };
        let mut batches = Loader::augmented(&self.data.train, &preprocess, &recipe.augment, pass);
        for _ in 0..left {
            let step = self.steps.training.steps();
            let lr = self.callbacks.rate.of(self.scheduled(step, length));
            if !(lr.is_finite() && lr >= 0.0) {
                return Err(TrainError::setting("rate", lr, "callbacks to set a finite number from 0"));
            }
            let net = self.sized.as_ref().unwrap_or(self.net);
            let Some(learned) = self.steps.update(net, &mut batches, lr as f32)? else { break };
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
            self.callbacks.steer(&self.steps.training, |callback, run| callback.step(&done, run));
            lap = Instant::now();
            if self.callbacks.stop || self.stop.load(Ordering::Relaxed) {
                return Ok(Flow::Stopped);
            }
            let by_steps =
                self.recipe.checkpoints.every_steps.is_some_and(|every| (step + 1).is_multiple_of(every));
            if by_steps || saved.elapsed() >= self.recipe.checkpoints.interval() {
                self.checkpoint()?;
                saved = Instant::now();
                lap = saved;
            }
        }
        Ok(Flow::On)
    }

    /// Moves weights, optimizer and average to the network for the epoch's images, where it is another.
    fn fit_images(&mut self) -> Result<(), TrainError> {
        let sized = sizes::at_epoch(self.net, &self.recipe, self.progress.epoch)?;
        let input = |sized: &Option<Graph>| sized.as_ref().unwrap_or(self.net).input_size();
        if input(&sized) == input(&self.sized) {
            return Ok(());
        }
        let net = sized.as_ref().unwrap_or(self.net);
        let (weights, images) = (self.steps.training.state_dict(), self.data.train.len());
        let training =
            sizes::training(net, (&weights, self.progress.epoch), &self.recipe, images, &self.options)?;
        self.steps.move_to(training)?;
        self.sized = sized;
        Ok(())
    }

    /// How training images become input.
    fn preprocess(&self) -> Result<Preprocess, TrainError> {
        let Some(net) = &self.sized else { return Ok(self.card.preprocess.clone()) };
        let [_, rows, columns] = net.input_size();
        self.card.preprocess.for_size(net.input_size()).ok_or_else(|| {
            let found = format!("{}: images of {rows}x{columns} pixels", self.recipe.progressive.from);
            TrainError::setting("progressive.from", found, "a size that images can be brought to")
        })
    }

    /// The learning rate that the schedule has for a step.
    fn scheduled(&self, step: u64, length: RunLength) -> f64 {
        let losses: Vec<f64> = self.records.iter().filter_map(|record| record.val_loss).collect();
        self.recipe.schedule.rate_after(&losses, self.recipe.lr, step, length)
    }

    /// Classifies images; `None` if the flag was raised meanwhile.
    fn evaluate(
        &mut self,
        weights: &dyn TensorSource,
        images: &Dataset,
        on: Measured,
    ) -> Result<Option<Judged>, TrainError> {
        let engine = Engine::compile(self.net, weights, self.recipe.batch, &self.options)?;
        let (stop, callbacks) = (&self.stop, &mut self.callbacks);
        let mut judge = Judge::new(images.classes.len(), images.multi_labels().is_some());
        let whole = evaluate_with(&engine, images, &self.card.preprocess, Views::One, &mut |seen| {
            judge.add(seen);
            callbacks.tell(|callback| callback.answered(seen, on));
            let done = seen.index + 1;
            // Once a batch.
            if !done.is_multiple_of(engine.batch()) && done != images.len() {
                return true;
            }
            callbacks.tell(|callback| callback.evaluated(done, images.len()));
            !stop.load(Ordering::Relaxed)
        });
        Ok(whole?.then(|| judge.finish()))
    }

    /// Writes what an epoch came to.
    fn finish_epoch(&mut self, judged: Option<&Judged>, length: RunLength) -> Result<(), TrainError> {
        let steps = self.steps.training.steps();
        if judged.is_some_and(|judged| !judged.loss.is_finite()) {
            let cause = "that of the validation images".to_owned();
            return Err(TrainError::Diverged { step: steps, cause, lr: self.recipe.lr });
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
        let weights = self.steps.weights();
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
        self.callbacks.steer(&self.steps.training, |callback, run| callback.epoch(&record, is_best, run));
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
        filters.add(&self.run, (epoch, self.recipe.epochs), weights)
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
        format!("{} on {}", self.net.name(), self.data.name)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        let path = self.write_checkpoint()?;
        self.callbacks.tell(|callback| callback.checkpoint(&path));
        Ok(())
    }

    /// Writes all that is needed to go on from here.
    pub(super) fn write_checkpoint(&self) -> Result<PathBuf, TrainError> {
        let path = self.run.file(RunDir::CHECKPOINT);
        let (steps, optimizer) = self.steps.training.optimizer_state();
        let (weights, average) = (self.steps.training.state_dict(), self.steps.average());
        let metrics = Some(Checksum::of(write_lines(&self.records).as_bytes()).to_string());
        let progress = self.progress.clone();
        Checkpoint { weights, optimizer, average, steps, progress, metrics }.write(&path)?;
        kept::keep(&self.run, steps, self.recipe.checkpoints.keep)?;
        Ok(path)
    }
}
