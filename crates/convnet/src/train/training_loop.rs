//! The loop of a run: steps, evaluations, files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use convnet_formats::atomic;
use convnet_formats::checksum::Checksum;

use super::callback::Callbacks;
use super::charts::{self, ConfusionChart, Curves};
use super::checkpoint::Checkpoint;
use super::evaluate::{Evaluation, Tally, evaluate_with};
use super::lock::Lock;
use super::metrics::{best, write_lines};
use super::progress::Progress;
use super::{
    Confusion, EpochRecord, Recipe, RunDir, RunLength, RunStart, StepProgress, TrainError, TrainReport,
};
use crate::data::{DataSets, Loader, Views};
use crate::exec::{self, Engine, TrainingStep};
use crate::graph::Graph;
use crate::io::{self, ModelCard};

/// A long epoch is saved this often, so that a crash costs no more.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);

/// A run under way.
pub(super) struct TrainingLoop<'a> {
    pub(super) net: &'a Graph,
    pub(super) data: DataSets,
    pub(super) recipe: Recipe,
    pub(super) options: exec::Options,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) callbacks: Callbacks<'a>,
    pub(super) run: RunDir,
    /// Keeps other processes out of the directory.
    pub(super) _lock: Lock,
    pub(super) card: ModelCard,
    pub(super) training: TrainingStep,
    pub(super) progress: Progress,
    pub(super) records: Vec<EpochRecord>,
    /// Which classes the best weights took for which.
    pub(super) confusion: Option<Confusion>,
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
        let start = RunStart {
            epochs: self.recipe.epochs,
            steps_per_epoch: length.steps_per_epoch as usize,
            train_images: self.data.train.len(),
            test_images: self.data.test.len(),
            records: self.records.clone(),
            epochs_done: self.progress.epoch,
            steps_done: self.progress.step,
            notes: std::mem::take(&mut self.notes),
        };
        self.callbacks.steer(&self.training, |callback, run| callback.start(&start, run));
        if self.resumed {
            // A crash may have come before they were drawn.
            self.draw_curves()?;
            self.write_confusion()?;
        }
        // An epoch whose steps are all done may still lack its evaluation.
        while self.training.steps() < length.total || self.progress.step > 0 {
            if self.callbacks.stop || self.train_epoch(length)? == Flow::Stopped {
                self.checkpoint()?;
                return Ok(TrainReport { epochs: self.records, interrupted: true });
            }
            let started = Instant::now();
            let Some(evaluation) = self.evaluate()? else {
                self.checkpoint()?;
                return Ok(TrainReport { epochs: self.records, interrupted: true });
            };
            self.progress.seconds += started.elapsed().as_secs_f64();
            self.finish_epoch(evaluation, length)?;
        }
        Ok(TrainReport { epochs: self.records, interrupted: false })
    }

    /// The rest of the epoch under way.
    fn train_epoch(&mut self, length: RunLength) -> Result<Flow, TrainError> {
        let mut saved = Instant::now();
        let mut lap = Instant::now();
        let groups = self.training.uniform_groups();
        let left = length.total - self.training.steps();
        let loader = Loader::training(
            &self.data.train,
            &self.card.preprocess,
            self.recipe.augment,
            self.recipe.seed,
            self.progress.epoch,
            self.recipe.batch,
            self.progress.step,
        );
        for batch in loader.take(left as usize) {
            let batch = batch?;
            let step = self.training.steps();
            let lr = self.callbacks.rate.of(self.recipe.schedule.rate(self.recipe.lr, step, length));
            if !(lr.is_finite() && lr >= 0.0) {
                return Err(TrainError::setting("rate", lr, "callbacks to set a finite number from 0"));
            }
            self.lr = Some(lr);
            let report = self.training.step(&batch.images, &batch.labels, &groups, lr as f32)?;
            if !report.loss.is_finite() {
                return Err(TrainError::Diverged { step: step + 1, lr: self.recipe.lr });
            }
            let images = batch.labels.len();
            let progress = &mut self.progress;
            progress.step += 1;
            progress.loss += report.loss * images as f64;
            progress.correct += report.correct;
            progress.images += images;
            let seconds = lap.elapsed().as_secs_f64();
            progress.train_seconds += seconds;
            progress.seconds += seconds;
            let done = StepProgress {
                epoch: progress.epoch + 1,
                step: progress.step,
                total_steps: step + 1,
                batch_loss: report.loss,
                loss: progress.loss / progress.images as f64,
                top1: progress.correct as f64 / progress.images as f64,
                lr,
                images: progress.images,
                seconds: progress.train_seconds,
            };
            self.callbacks.steer(&self.training, |callback, run| callback.step(&done, run));
            lap = Instant::now();
            if self.callbacks.stop || self.stop.load(Ordering::Relaxed) {
                return Ok(Flow::Stopped);
            }
            if saved.elapsed() >= CHECKPOINT_EVERY {
                self.checkpoint()?;
                saved = Instant::now();
                lap = saved;
            }
        }
        Ok(Flow::On)
    }

    /// Classifies the test images; `None` if the flag was raised meanwhile.
    fn evaluate(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let engine =
            Engine::compile(self.net, &self.training.state_dict(), self.recipe.batch, &self.options)?;
        let (stop, callbacks, test) = (&self.stop, &mut self.callbacks, &self.data.test);
        let mut tally = Tally::new(test.classes.len());
        let whole = evaluate_with(&engine, test, &self.card.preprocess, Views::One, &mut |seen| {
            tally.add(seen.logits, seen.label);
            let images = tally.images();
            // Once a batch.
            if !images.is_multiple_of(engine.batch()) && images != test.len() {
                return true;
            }
            callbacks.tell(|callback| callback.evaluated(images, test.len()));
            !stop.load(Ordering::Relaxed)
        });
        Ok(whole?.then(|| tally.finish()))
    }

    /// Writes what an epoch came to.
    fn finish_epoch(&mut self, evaluation: Evaluation, length: RunLength) -> Result<(), TrainError> {
        if !evaluation.loss.is_finite() {
            return Err(TrainError::Diverged { step: self.training.steps(), lr: self.recipe.lr });
        }
        let last = self.training.steps().saturating_sub(1);
        let scheduled = self.recipe.schedule.rate(self.recipe.lr, last, length);
        let progress = &self.progress;
        let images = progress.images.max(1) as f64;
        let record = EpochRecord {
            epoch: progress.epoch + 1,
            steps: self.training.steps(),
            train_loss: progress.loss / images,
            train_top1: progress.correct as f64 / images,
            test_loss: evaluation.loss,
            test_top1: evaluation.top1,
            test_top5: evaluation.top5,
            lr: self.lr.unwrap_or(scheduled),
            images_per_second: images / progress.train_seconds.max(1e-9),
            train_seconds: progress.train_seconds,
            seconds: progress.seconds,
        };
        let is_best = best(&self.records).is_none_or(|best| record.is_better(best));
        let weights = self.training.state_dict();
        io::save(&weights, Some(&self.card), self.run.file(RunDir::LAST))?;
        if is_best {
            io::save(&weights, Some(&self.card), self.run.file(RunDir::BEST))?;
            self.progress.best = Some(evaluation.top1);
            self.confusion = Some(evaluation.confusion);
        }
        self.records.push(record.clone());
        self.run.write_metrics(&self.records)?;
        self.progress.next_epoch();
        self.checkpoint()?;
        if is_best {
            self.write_confusion()?;
        }
        let drawn = self.draw_curves();
        self.callbacks.steer(&self.training, |callback, run| callback.epoch(&record, is_best, run));
        drawn
    }

    fn draw_curves(&self) -> Result<(), TrainError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let curves = Curves { title: self.title(), records: &self.records };
        charts::write(&curves.draw(), self.run.path(), RunDir::CURVES)
    }

    /// The mistakes of the best epoch, as a chart and as figures.
    fn write_confusion(&self) -> Result<(), TrainError> {
        let (Some(matrix), Some(best)) = (&self.confusion, best(&self.records)) else {
            return Ok(());
        };
        let names = &self.card.classes;
        atomic::write(&self.run.file(RunDir::CONFUSION_CSV), matrix.to_csv(names).as_bytes())?;
        let chart = ConfusionChart { title: self.title(), epoch: best.epoch, names, matrix };
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
        let (steps, optimizer) = self.training.optimizer_state();
        let weights = self.training.state_dict();
        let metrics = Some(Checksum::of(write_lines(&self.records).as_bytes()).to_string());
        let (progress, confusion) = (self.progress.clone(), self.confusion.clone());
        Checkpoint { weights, optimizer, steps, progress, confusion, metrics }.write(&path)?;
        Ok(path)
    }
}
