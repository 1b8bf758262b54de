//! What a run logs beside the figures of its epochs.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::TrainError;
#[cfg(feature = "train")]
use super::{LogFailure, RunDir, StepLog, TensorBoard, callback::Callbacks};

/// The logs of a run. They tell of it and change nothing in it, so that a run may go on with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Event files for TensorBoard, in `tensorboard/`.
    pub tensorboard: bool,
    /// A line of JSON for single steps, in `steps.jsonl`.
    pub steps: bool,
    /// Which steps both tell of: one of so many.
    pub every: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { tensorboard: false, steps: false, every: 10 }
    }
}

/// What [`Log::every`] can be.
const EVERY: RangeInclusive<u64> = 1..=1 << 40;

impl Log {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// If it logs one of no steps.
    pub fn check(&self) -> Result<(), TrainError> {
        match EVERY.contains(&self.every) {
            true => Ok(()),
            false => Err(TrainError::setting("log.every", self.every, "a number of steps from 1")),
        }
    }
}

#[cfg(feature = "train")]
impl RunDir {
    /// Event files for TensorBoard.
    pub const TENSORBOARD: &'static str = "tensorboard";
    /// A line for single steps.
    pub const STEPS: &'static str = "steps.jsonl";
}

/// Adds the callbacks that write a run's logs; gives where to ask what could not be written.
#[cfg(feature = "train")]
pub(super) fn add(log: Log, run: &RunDir, callbacks: &mut Callbacks<'_>) -> Vec<LogFailure> {
    let mut failures = Vec::new();
    if log.tensorboard {
        let board = TensorBoard::new(run.file(RunDir::TENSORBOARD))
            .every(log.every)
            .text(run.file(RunDir::CONFIG))
            .picture(RunDir::CURVES, run.file(RunDir::CURVES).with_extension("png"));
        failures.push(board.failure());
        callbacks.add(board);
    }
    if log.steps {
        let steps = StepLog::new(run.file(RunDir::STEPS), log.every);
        failures.push(steps.failure());
        callbacks.add(steps);
    }
    failures
}
