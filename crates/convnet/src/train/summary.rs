//! What can be told of a run from its directory, whatever became of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::lock::Lock;
use super::{EpochRecord, Outcome, RunConfig, RunDir, TrainError};

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It was done to its end.
    Finished,
    /// A process trains in it now.
    Running,
    /// It can go on.
    Interrupted,
    /// Its files are not as they were written.
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// A run as its files tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Its directory.
    pub path: PathBuf,
    /// What became of it.
    pub state: RunState,
    /// Its settings; `None` if they cannot be read.
    pub config: Option<RunConfig>,
    /// The epochs done.
    pub records: Vec<EpochRecord>,
    /// What it came to, if it is done.
    pub outcome: Option<Outcome>,
    /// Trainable parameters of its network, if that can be read.
    pub parameters: Option<usize>,
    /// When it was started.
    pub started: Option<SystemTime>,
}

impl RunSummary {
    /// Reads what is there. Files that are damaged are told by the state.
    ///
    /// # Errors
    /// If the directory is no run.
    pub fn of(path: &Path) -> Result<Self, TrainError> {
        let started = fs::metadata(path.join(RunDir::CONFIG)).and_then(|file| file.modified()).ok();
        let mut summary = Self {
            path: path.to_owned(),
            state: RunState::Interrupted,
            config: None,
            records: Vec::new(),
            outcome: None,
            parameters: None,
            started,
        };
        let run = match RunDir::open(path) {
            Ok(run) => run,
            Err(error @ (TrainError::NotARun { .. } | TrainError::NotStarted { .. })) => return Err(error),
            Err(error) => {
                summary.state = RunState::Damaged { reason: error.to_string() };
                return Ok(summary);
            }
        };
        summary.config = Some(run.config().clone());
        let running = matches!(Lock::take(path), Err(TrainError::Busy { .. }));
        let read = summary.read(&run);
        summary.state = match read {
            Err(error) => RunState::Damaged { reason: error.to_string() },
            Ok(()) if running => RunState::Running,
            Ok(()) if summary.outcome.is_some() => RunState::Finished,
            Ok(()) => RunState::Interrupted,
        };
        Ok(summary)
    }

    fn read(&mut self, run: &RunDir) -> Result<(), TrainError> {
        self.records = run.metrics()?;
        self.parameters = run.graph()?.map(|graph| {
            let parameters = graph.parameters();
            let trainable = parameters.iter().filter(|parameter| parameter.kind.trainable());
            trainable.map(|parameter| parameter.shape.iter().product::<usize>()).sum()
        });
        let outcome = run.outcome()?;
        // That of fewer epochs is of before the run went on longer.
        self.outcome = outcome.filter(|outcome| outcome.epochs == self.records.len());
        if !self.records.is_empty() {
            run.weights()?;
        }
        Ok(())
    }

    /// The epoch whose weights are kept, if one is done.
    pub fn best(&self) -> Option<&EpochRecord> {
        super::metrics::best(&self.records)
    }

    /// Seconds of training and measuring, of the epochs that are done.
    pub fn seconds(&self) -> f64 {
        self.records.iter().map(|record| record.seconds).sum()
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::NewRun;
    use crate::train::metrics::tests::record;
    use crate::train::run_dir::tests::{config, data, net};

    #[test]
    fn the_state_follows_from_the_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(RunSummary::of(folder.path()), Err(TrainError::NotARun { .. })));
        let path = folder.path().join("run");
        let (run, lock) = NewRun::claim(&path).unwrap().start(config(), &net(), &data()).unwrap();
        let summary = RunSummary::of(&path).unwrap();
        assert_eq!((summary.state, summary.parameters.is_some()), (RunState::Running, true));
        drop(lock);
        let state = || RunSummary::of(&path).unwrap().state;
        assert_eq!(state(), RunState::Interrupted);
        run.write_metrics(&[record(1, 0.5)]).unwrap();
        assert!(matches!(state(), RunState::Damaged { reason } if reason.contains("best.safetensors")));
        fs::write(run.file(RunDir::BEST), "").unwrap();
        assert_eq!(state(), RunState::Interrupted);
        let summary = RunSummary::of(&path).unwrap();
        assert_eq!((summary.best().map(|best| best.epoch), summary.seconds()), (Some(1), 1.5));
        fs::write(run.file(RunDir::METRICS), "half a li").unwrap();
        assert!(matches!(state(), RunState::Damaged { reason } if reason.contains("metrics.jsonl")));
        fs::write(run.file(RunDir::CONFIG), "").unwrap();
        let summary = RunSummary::of(&path).unwrap();
        assert!(matches!(summary.state, RunState::Damaged { reason } if reason.contains("config.toml")));
        assert_eq!(summary.config, None);
    }
}
