//! What a run tells while it goes on.

use std::path::Path;

use super::EpochRecord;

/// A run that is about to start or to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Steps of a whole epoch.
    pub steps_per_epoch: usize,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Epochs that were done before; 0 for a new run.
    pub epochs_done: usize,
    /// Steps of the epoch under way that were done before.
    pub steps_done: usize,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepProgress {
    /// The epoch under way, counted from 1.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Fraction classified rightly in the epoch so far.
    pub top1: f64,
    /// The step's learning rate.
    pub lr: f64,
    /// Images trained on in the epoch so far.
    pub images: usize,
    /// Seconds that the epoch has trained.
    pub seconds: f64,
}

/// Told what a run does; every method does nothing unless given.
pub trait Observer {
    /// The first step is about to be done.
    fn start(&mut self, _start: &Start) {}
    /// A step was done.
    fn step(&mut self, _step: &StepProgress) {}
    /// Some test images were classified, of all.
    fn evaluated(&mut self, _images: usize, _of: usize) {}
    /// An epoch was done; `best` if none before was as good on the test images.
    fn epoch(&mut self, _record: &EpochRecord, _best: bool) {}
    /// A checkpoint was written.
    fn checkpoint(&mut self, _path: &Path) {}
}

impl Observer for () {}
