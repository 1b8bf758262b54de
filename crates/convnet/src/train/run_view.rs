//! A run as it stands, for callbacks that show it.

use super::{EpochRecord, RunStart, StepProgress, Trace};

/// A run as its callbacks tell it: what a dashboard or a page shows.
#[derive(Clone, Debug, Default)]
pub struct RunView {
    /// The network, the data, the recipe and the directory, a line each.
    pub heading: Vec<String>,
    /// What is to be known of the run, the latest last.
    pub notes: Vec<String>,
    /// Lengths; `None` before the first step.
    pub start: Option<RunStart>,
    /// The epochs done.
    pub records: Vec<EpochRecord>,
    /// The epoch whose weights are kept.
    pub best: Option<usize>,
    /// The last step.
    pub step: Option<StepProgress>,
    /// Images classified of all, while an epoch is measured.
    pub evaluated: Option<(usize, usize)>,
    /// The loss of the training images by step.
    pub losses: Trace,
    /// The fraction of them that is right, by step.
    pub accuracies: Trace,
}

impl RunView {
    /// A run that is about to start, of which these lines are told.
    pub fn new(heading: &str) -> Self {
        Self { heading: heading.lines().map(str::to_owned).collect(), ..Self::default() }
    }

    /// It starts, or goes on.
    pub fn start(&mut self, start: &RunStart) {
        self.notes.extend(start.notes.iter().cloned());
        self.records.clone_from(&start.records);
        self.start = Some(start.clone());
    }

    /// A step was done.
    pub fn step(&mut self, step: &StepProgress) {
        self.evaluated = None;
        self.losses.push(step.total_steps as f64, step.batch_loss);
        self.accuracies.push(step.total_steps as f64, step.top1);
        self.step = Some(*step);
    }

    /// An epoch was done; `best` if its weights are kept.
    pub fn epoch(&mut self, record: &EpochRecord, best: bool) {
        self.evaluated = None;
        if best {
            self.best = Some(record.epoch);
        }
        self.records.push(record.clone());
    }

    /// Epochs of the run, and the one under way.
    pub fn epochs(&self) -> (usize, usize) {
        let all = self.start.as_ref().map_or(1, |start| start.epochs);
        (all, (self.records.len() + 1).min(all))
    }

    /// Steps done of the epoch under way, and of how many.
    pub fn steps(&self) -> (usize, usize) {
        let all = self.start.as_ref().map_or(1, |start| start.steps_per_epoch).max(1);
        let done = match &self.step {
            Some(step) if step.epoch == self.records.len() + 1 => step.step,
            _ if self.records.len() == self.epochs().0 => all,
            _ => self
                .start
                .as_ref()
                .filter(|start| start.epochs_done == self.records.len())
                .map_or(0, |s| s.steps_done),
        };
        (done, all)
    }

    /// The fraction of the run's steps that is done.
    pub fn done(&self) -> f64 {
        let ((epochs, _), (done, all)) = (self.epochs(), self.steps());
        if self.records.len() >= epochs {
            return 1.0;
        }
        (self.records.len() as f64 + done as f64 / all as f64) / epochs as f64
    }

    /// Seconds until the last step, by the speed of the epoch under way and the time that measuring took so far.
    pub fn seconds_left(&self) -> Option<f64> {
        let step = self.step.as_ref()?;
        let start = self.start.as_ref()?;
        let left = start.epochs.saturating_sub(self.records.len()) * start.steps_per_epoch;
        let left = left.saturating_sub(self.steps().0) as f64;
        let measuring = self.records.last().map_or(0.0, |record| record.seconds - record.train_seconds);
        let epochs = start.epochs.saturating_sub(self.records.len()) as f64;
        Some(step.seconds / step.step.max(1) as f64 * left + measuring.max(0.0) * epochs)
    }

    /// Training images a second in the epoch under way.
    pub fn speed(&self) -> Option<f64> {
        let step = self.step.as_ref()?;
        Some(step.images as f64 / step.seconds.max(1e-9))
    }
}
