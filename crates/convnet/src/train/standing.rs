//! Where a run stands, by its files: every state that a crash can leave is accepted, and no other.
//!
//! An epoch's files are written in this order: last weights, best weights, first filters, metrics, checkpoint, curves.
//! A crash can come between any two, so that what is before the checkpoint may be an epoch ahead of it; that epoch is
//! done again, to the same bits. Charts are drawn again from what the checkpoint and the metrics hold.

use std::path::Path;

use convnet_formats::checksum::Checksum;
use convnet_formats::safetensors::Reader;

use super::checkpoint::Checkpoint;
use super::metrics::read_lines;
use super::{EpochRecord, Recipe, RunDir, RunLength, TrainError};

/// What a run has done.
#[derive(Default)]
pub(super) struct Standing {
    /// `None` for a run that was stopped before its first checkpoint.
    pub(super) checkpoint: Option<Checkpoint>,
    /// A record for each epoch that the checkpoint has done.
    pub(super) records: Vec<EpochRecord>,
    /// What the user should know of it.
    pub(super) notes: Vec<String>,
}

impl Standing {
    /// Reads what the run goes on from, and checks all of it.
    ///
    /// # Errors
    /// A file that is missing, damaged or does not fit the others.
    pub(super) fn of(run: &RunDir, recipe: &Recipe, images: usize) -> Result<Self, TrainError> {
        let mut notes = Vec::new();
        if !run.is_sealed() {
            notes.push(
                "the run's settings carry no checksum: an older convnet wrote them, and damage to them would not be \
                 noticed"
                    .to_owned(),
            );
        }
        let path = run.file(RunDir::CHECKPOINT);
        if path.symlink_metadata().is_err() {
            return Self::without_checkpoint(run, notes);
        }
        let checkpoint = Checkpoint::read(&path, run.is_sealed())?;
        let length = RunLength::of(recipe, images);
        let progress = &checkpoint.progress;
        let damaged = |reason| TrainError::Damaged { path: path.clone(), reason };
        progress.check(checkpoint.steps, length, images, recipe.step_images()).map_err(damaged)?;
        let records = records(run, &checkpoint)?;
        let best = records.iter().filter_map(EpochRecord::score).reduce(f64::max);
        if best != progress.best {
            let accuracy = |best: Option<f64>| best.map_or("none".into(), |best| best.to_string());
            let (found, expected) = (accuracy(progress.best), accuracy(best));
            return Err(damaged(format!("its best accuracy is {found}, that of metrics.jsonl {expected}")));
        }
        if progress.epoch > 0 {
            [RunDir::LAST, RunDir::BEST].into_iter().try_for_each(|name| weights(run, name))?;
        }
        Ok(Self { checkpoint: Some(checkpoint), records, notes })
    }

    /// Refuses a run that cannot be made longer, or shorter, than it was: from one recipe to another.
    pub(super) fn check_longer(&self, recipes: [&Recipe; 2], images: usize) -> Result<(), TrainError> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        let [before, now] = recipes.map(|recipe| RunLength::of(recipe, images));
        if now.total < checkpoint.steps {
            let found = format!("{} steps, {} are done", now.total, checkpoint.steps);
            return Err(TrainError::setting("epochs", found, "no fewer than are done"));
        }
        // A limit of steps ended its last epoch before all images were seen.
        let cut = checkpoint.progress.step == 0 && checkpoint.steps % before.steps_per_epoch.max(1) != 0;
        if cut && now.total > checkpoint.steps {
            let found =
                format!("for a run that its limit ended in the midst of epoch {}", checkpoint.progress.epoch);
            return Err(TrainError::setting(
                "limit_steps",
                found,
                "a run that ended with an epoch, to make it longer",
            ));
        }
        Ok(())
    }

    /// A run that was stopped in its first epoch has written no more than a line of metrics.
    fn without_checkpoint(run: &RunDir, mut notes: Vec<String>) -> Result<Self, TrainError> {
        let lines = run.metrics_text()?.map_or(0, |text| text.lines().count());
        if lines > 1 {
            let why = format!("metrics.jsonl tells of {lines} epochs");
            return Err(TrainError::Missing { path: run.file(RunDir::CHECKPOINT), why });
        }
        notes.push("the run has no checkpoint yet: it starts again from its first step".to_owned());
        Ok(Self { checkpoint: None, records: Vec::new(), notes })
    }
}

/// The records of the checkpoint's epochs; one more may follow.
fn records(run: &RunDir, checkpoint: &Checkpoint) -> Result<Vec<EpochRecord>, TrainError> {
    let path = run.file(RunDir::METRICS);
    let epochs = checkpoint.progress.epoch;
    let text = run.metrics_text()?;
    if text.is_none() && epochs > 0 {
        let done =
            if epochs == 1 { "1 epoch is done".to_owned() } else { format!("{epochs} epochs are done") };
        return Err(TrainError::Missing { path, why: format!("by the checkpoint {done}") });
    }
    let damaged = |reason| TrainError::Damaged { path: path.clone(), reason };
    let text = text.unwrap_or_default();
    let lines = text.lines().count();
    if !(epochs..=epochs + 1).contains(&lines) {
        return Err(damaged(format!("lines of {lines} epochs, the checkpoint has done {epochs}")));
    }
    let end = text.split_inclusive('\n').take(epochs).map(str::len).sum();
    let done = &text[..end];
    let sum = Checksum::of(done.as_bytes()).to_string();
    match &checkpoint.metrics {
        Some(expected) if *expected != sum => {
            return Err(damaged(format!("its checksum is {sum}, by the checkpoint {expected}")));
        }
        _ => {}
    }
    read_lines(done).map_err(damaged)
}

/// Checks weights that the run has written.
fn weights(run: &RunDir, name: &str) -> Result<(), TrainError> {
    let path = run.file(name);
    if path.symlink_metadata().is_err() {
        let why = "the checkpoint is of a later epoch than the first".to_owned();
        return Err(TrainError::Missing { path, why });
    }
    let damaged =
        |path: &Path, reason: &str| TrainError::Damaged { path: path.to_owned(), reason: reason.into() };
    match Reader::open(&path)?.is_sealed() {
        false if run.is_sealed() => Err(damaged(&path, "it has no checksum, which it was written with")),
        _ => Ok(()),
    }
}
