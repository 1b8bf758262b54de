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

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::graph::Graph;
    use crate::train::tests::{bytes, net, recipe, stopping, trainer};
    use crate::train::{Recipe, StepRecord, Trainer};

    fn logging(net: &Graph) -> Trainer<'_> {
        let log = Log { tensorboard: true, steps: true, every: 2 };
        trainer(net).recipe(Recipe { log, ..recipe() })
    }

    /// The steps of the log with their losses and rates.
    fn steps(run: &Path) -> Vec<(u64, f64, f64)> {
        let text = fs::read_to_string(run.join(RunDir::STEPS)).unwrap();
        let line = |line| {
            let StepRecord { step, loss, lr, .. } = serde_json::from_str(line).unwrap();
            (step, loss, lr)
        };
        text.lines().map(line).collect()
    }

    fn events(run: &Path) -> Vec<PathBuf> {
        let folder = run.join(RunDir::TENSORBOARD);
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn a_run_that_goes_on_logs_each_step_once_and_learns_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, whole, parts] = ["plain", "whole", "parts"].map(|name| folder.path().join(name));
        let net = net();
        trainer(&net).run(&plain).unwrap();
        logging(&net).run(&whole).unwrap();
        assert!(stopping(logging(&net), 8, false).run(&parts).unwrap().interrupted);
        assert!(stopping(logging(&net), 3, true).resume(&parts).unwrap().interrupted);
        logging(&net).resume(&parts).unwrap();
        let all: Vec<u64> = steps(&whole).iter().map(|step| step.0).collect();
        assert_eq!(all, [1].into_iter().chain((2..=18).step_by(2)).collect::<Vec<_>>());
        assert_eq!(steps(&parts), steps(&whole));
        assert!(bytes(&plain, RunDir::LAST) == bytes(&whole, RunDir::LAST));
        assert!(bytes(&plain, RunDir::LAST) == bytes(&parts, RunDir::LAST));
        assert_eq!((events(&whole).len(), events(&parts).len()), (1, 3));
        assert!(!plain.join(RunDir::STEPS).exists() && !plain.join(RunDir::TENSORBOARD).exists());
    }

    #[test]
    fn a_run_may_go_on_with_other_logs_and_not_without_those_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let net = net();
        stopping(trainer(&net), 2, false).run(&run).unwrap();
        fs::write(run.join(RunDir::TENSORBOARD), "a file").unwrap();
        let error = logging(&net).resume(&run).unwrap_err().to_string();
        assert!(error.contains("tensorboard"), "{error}");
        assert!(!trainer(&net).resume(&run).unwrap().interrupted);
    }

    #[test]
    fn one_of_no_steps_is_refused() {
        let error = Log { every: 0, ..Log::default() }.check().unwrap_err().to_string();
        assert!(error.contains("log.every"), "{error}");
    }
}
