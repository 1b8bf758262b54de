//! Callbacks: what a run tells while it goes on, and how it is steered.

use std::path::Path;

use super::{EpochRecord, Measured, Seen};
use crate::exec::TrainingStep;
use crate::state::StateDict;

/// A run that is about to start or to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStart {
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Steps of a whole epoch.
    pub steps_per_epoch: usize,
    /// Training images.
    pub train_images: usize,
    /// Images that choose the best epoch; 0 without any.
    pub validation_images: usize,
    /// Images that are measured on at the end; 0 without any.
    pub test_images: usize,
    /// The epochs that were done before; none for a new run.
    pub records: Vec<EpochRecord>,
    /// How many these are.
    pub epochs_done: usize,
    /// Steps of the epoch under way that were done before.
    pub steps_done: usize,
    /// What was found in the files of a run that goes on, a line each.
    pub notes: Vec<String>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepProgress {
    /// The epoch under way, counted from 1.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Steps done since the start of the run.
    pub total_steps: u64,
    /// Mean loss of the step's images.
    pub batch_loss: f64,
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

/// Where the learning rate of the next steps comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rate {
    /// The recipe's schedule.
    #[default]
    Schedule,
    /// The recipe's schedule times a factor.
    Times(f64),
    /// A rate of its own.
    Fixed(f64),
}

impl Rate {
    /// The rate of a step for which the schedule has `scheduled`.
    pub(super) fn of(self, scheduled: f64) -> f64 {
        match self {
            Self::Schedule => scheduled,
            Self::Times(factor) => factor * scheduled,
            Self::Fixed(rate) => rate,
        }
    }
}

/// What a callback may see and change of the run. Each callback sees what those before it changed.
pub struct Control<'a> {
    /// Whether the run ends here, as if it had been interrupted: it can be resumed. Stays as it is set.
    pub stop: bool,
    /// The learning rate from the next step on. Stays as it is set.
    pub rate: Rate,
    training: &'a TrainingStep,
}

impl Control<'_> {
    /// The parameters and buffers as they are now: a copy, made when it is asked for.
    pub fn weights(&self) -> StateDict {
        self.training.state_dict()
    }
}

/// Called while a run goes on; every method does nothing unless given.
///
/// A run whose callbacks change nothing has the same bits as one without. One whose callbacks steer it is repeated and
/// resumed to the same bits as far as they do the same again: a checkpoint keeps neither their state nor the
/// [`Rate`] that they set, so that a callback sets it again when the run starts to go on.
///
/// ```
/// use convnet::train::{Callback, Control, EpochRecord};
///
/// /// Ends a run once nearly all validation images are classified rightly.
/// struct GoodEnough;
///
/// impl Callback for GoodEnough {
///     fn epoch(&mut self, record: &EpochRecord, _best: bool, run: &mut Control<'_>) {
///         run.stop |= record.val_top1 > Some(0.99);
///     }
/// }
/// ```
pub trait Callback {
    /// The first step is about to be done, of a new run or of one that goes on.
    fn start(&mut self, _start: &RunStart, _run: &mut Control<'_>) {}
    /// A step was done.
    fn step(&mut self, _step: &StepProgress, _run: &mut Control<'_>) {}
    /// An image was classified: of the validation images after an epoch, or of those that are measured at the end.
    fn answered(&mut self, _seen: Seen<'_>, _on: Measured) {}
    /// Some images were classified, of all: of the validation images after an epoch, of the test images at the end.
    fn evaluated(&mut self, _images: usize, _of: usize) {}
    /// An epoch was done and its files written; `best` if none before was as good on the validation images.
    fn epoch(&mut self, _record: &EpochRecord, _best: bool, _run: &mut Control<'_>) {}
    /// A checkpoint was written.
    fn checkpoint(&mut self, _path: &Path) {}
}

/// The callbacks of a run, in the order in which they are called, and what they set.
#[derive(Default)]
pub(super) struct Callbacks<'a> {
    list: Vec<Box<dyn Callback + 'a>>,
    /// Whether one of them has ended the run.
    pub(super) stop: bool,
    /// Where the rate of the next step comes from.
    pub(super) rate: Rate,
}

impl<'a> Callbacks<'a> {
    pub(super) fn add(&mut self, callback: impl Callback + 'a) {
        self.list.push(Box::new(callback));
    }

    /// Calls each with what it may see and change.
    pub(super) fn steer(
        &mut self,
        training: &TrainingStep,
        call: impl Fn(&mut dyn Callback, &mut Control<'_>),
    ) {
        let mut control = Control { stop: self.stop, rate: self.rate, training };
        for callback in &mut self.list {
            call(callback.as_mut(), &mut control);
        }
        (self.stop, self.rate) = (control.stop, control.rate);
    }

    /// Calls each.
    pub(super) fn tell(&mut self, call: impl Fn(&mut dyn Callback)) {
        self.list.iter_mut().for_each(|callback| call(callback.as_mut()));
    }
}
