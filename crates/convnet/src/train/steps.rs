//! One update after the other: batches in, what was learned from them out.

use std::time::Instant;

use super::lesson::Lesson;
use super::supply::{Supplied, Supply};
use super::unusual::unusual;
use super::{Recipe, Regularize, TrainError, joint};
use crate::data::{Augment, Dataset, Loader, Pass, Preprocess};
use crate::exec::{CompileError, Device, Ema, StepReport, TrainingStep};
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::optim::{Frozen, ParameterGroups};
use crate::ranks::Joint;
use crate::state::StateDict;

/// A network that learns: its training step, and what is done with gradients and weights around it.
pub(super) struct Steps {
    pub(super) training: TrainingStep,
    groups: ParameterGroups,
    regularize: Regularize,
    lesson: Lesson,
    /// The peak of the learning rate.
    lr: f64,
    ema: Option<Ema>,
    /// The other ranks, where several train together.
    pub(super) joint: Option<Joint>,
}

/// What an update came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Learned {
    /// Sum of the losses of the images.
    pub(super) loss: f64,
    /// Images classified rightly.
    pub(super) correct: usize,
    /// Images.
    pub(super) images: usize,
    /// Seconds that it waited for images.
    pub(super) waited: f64,
    /// Whether another rank was told to stop.
    pub(super) stop: bool,
}

/// Batches, and how long each was waited for.
struct Timed<'a, I> {
    batches: &'a mut I,
    seconds: f64,
}

impl<I: Iterator> Iterator for Timed<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let start = Instant::now();
        let batch = self.batches.next();
        self.seconds += start.elapsed().as_secs_f64();
        batch
    }
}

impl Learned {
    fn add(&mut self, report: &StepReport, images: usize) {
        self.loss += report.loss * images as f64;
        self.correct += report.correct;
        self.images += images;
    }
}

/// Refuses a loss that is not finite, and tells where it comes from.
fn finite(
    training: &TrainingStep,
    net: &Graph,
    report: &StepReport,
    supplied: &Supplied,
    lr: f64,
) -> Result<(), TrainError> {
    if report.loss.is_finite() {
        return Ok(());
    }
    let cause = unusual(net, &training.state_dict(), &supplied.seen(training)?)?;
    Err(TrainError::Diverged { step: training.steps() + 1, cause, lr })
}

/// What is done with the sum of the gradients of so many batches before they are applied.
fn finish(
    training: &mut TrainingStep,
    groups: &ParameterGroups,
    regularize: &Regularize,
    taken: usize,
) -> Result<(), TrainError> {
    if taken > 1 {
        training.scale_gradients(groups, 1.0 / taken as f32)?;
    }
    if let Some(limit) = regularize.clip_value {
        training.clip_value(groups, limit)?;
    }
    if let Some(limit) = regularize.clip_norm {
        training.clip_norm(groups, limit)?;
    }
    Ok(())
}

impl Steps {
    pub(super) fn new(
        training: TrainingStep,
        net: &Graph,
        recipe: &Recipe,
        lesson: Lesson,
        joint: Option<Joint>,
    ) -> Result<Self, TrainError> {
        let parameters: Vec<ParamSpec> = training.parameters().cloned().collect();
        let groups = recipe.parameters.of(net, &parameters)?;
        let ema = recipe.regularize.ema.map(|decay| training.ema(decay));
        Ok(Self { training, groups, regularize: recipe.regularize, lesson, lr: recipe.lr, ema, joint })
    }

    /// Waits until the other ranks have come here, if there are any.
    pub(super) fn meet(&mut self) -> Result<(), TrainError> {
        Ok(self.joint.as_mut().map_or(Ok(()), Joint::meet)?)
    }

    /// Freezes something else from now on; a moving average goes on.
    pub(super) fn refreeze(&mut self, frozen: &Frozen) -> Result<(), CompileError> {
        if self.training.frozen() == frozen {
            return Ok(());
        }
        let average = self.average();
        self.joint.as_mut().into_iter().for_each(Joint::withdraw);
        // Its memory goes to what learns now.
        self.ema = None;
        self.training.refreeze(frozen)?;
        self.renew_average(average)
    }

    /// Goes on with a moving average.
    pub(super) fn load_average(&mut self, average: &StateDict) -> Result<(), CompileError> {
        if let Some(ema) = &mut self.ema {
            self.training.load_ema(ema, average)?;
        }
        Ok(())
    }

    /// Goes on with a network that has the same parameters, and the weights of this one.
    pub(super) fn move_to(&mut self, mut training: TrainingStep) -> Result<(), CompileError> {
        let (steps, optimizer) = self.training.optimizer_state();
        training.load_optimizer_state(steps, &optimizer)?;
        let average = self.average();
        self.joint.as_mut().into_iter().for_each(Joint::withdraw);
        self.ema = None;
        self.training = training;
        self.renew_average(average)
    }

    /// A moving average for a training step that was made anew, with the values of the one before.
    fn renew_average(&mut self, average: Option<StateDict>) -> Result<(), CompileError> {
        self.ema = self.regularize.ema.map(|decay| self.training.ema(decay));
        average.map_or(Ok(()), |average| self.load_average(&average))
    }

    /// The moving average, if one is kept.
    pub(super) fn average(&self) -> Option<StateDict> {
        self.ema.as_ref().map(|ema| self.training.ema_state_dict(ema))
    }

    /// The weights that are validated and kept: the average, if one is kept.
    pub(super) fn weights(&self) -> StateDict {
        self.average().unwrap_or_else(|| self.training.state_dict())
    }

    /// The batches of a pass, in the way that suits the device: what is drawn for the images of a set that a GPU keeps, where they
    /// become input by no more than moves of their pixels and nobody else looks at them; images that travel to a GPU while others
    /// are computed on; or images.
    pub(super) fn supply(
        &mut self,
        data: &Dataset,
        (preprocess, augment): (&Preprocess, &Augment),
        pass: Pass,
    ) -> Result<Supply, TrainError> {
        if self.training.device() == Device::Cpu {
            return Ok(Supply::here(Loader::augmented(data, preprocess, augment, pass)));
        }
        if !self.lesson.looks_at_images()
            && let Some((loader, moves)) = Loader::moved(data, preprocess, augment, pass)
            && self.training.keep(&moves, || data.levels().map_err(TrainError::from))?
        {
            return Ok(Supply::here(loader));
        }
        let workers = pass.workers.or(self.training.idle_threads());
        let loader = Loader::augmented(data, preprocess, augment, Pass { workers, ..pass });
        // Without room for two batches more the step takes the images from the host.
        Ok(match self.training.ahead() {
            Ok(Some(ahead)) => Supply::ahead(loader, ahead),
            Ok(None) | Err(_) => Supply::here(loader),
        })
    }

    /// Updates the weights by the next batches, as many as make one update; `None` where no batch is left.
    ///
    /// # Errors
    /// If a batch cannot be read, or the loss is not finite: the weights are then those before the update.
    pub(super) fn update(
        &mut self,
        net: &Graph,
        batches: &mut impl Iterator<Item = Result<Supplied, TrainError>>,
        rate: f32,
    ) -> Result<Option<Learned>, TrainError> {
        let Regularize { clip_norm, clip_value, .. } = self.regularize;
        let count = self.regularize.batches();
        let mut batches = Timed { batches, seconds: 0.0 };
        let Some(first) = batches.next().transpose()? else { return Ok(None) };
        let mut learned = Learned::default();
        let (training, groups, lesson) = (&mut self.training, &self.groups, &mut self.lesson);
        if let Some(joint) = &mut self.joint {
            let all = std::iter::once(Ok(first)).chain(batches.by_ref().take(count - 1));
            let passes = joint::Passes { training, lesson, joint, net, lr: self.lr, last: count == 1 };
            let (report, taken) = passes.run(all)?;
            learned = report;
            finish(training, groups, &self.regularize, taken)?;
            training.apply(groups, rate)?;
        } else if count == 1 && clip_norm.is_none() && clip_value.is_none() {
            let report = training.step(first.images(), lesson.target(&first.batch)?, groups, rate)?;
            finite(training, net, &report, &first, self.lr)?;
            learned.add(&report, first.batch.labels.len());
        } else {
            let report = training.forward_backward(first.images(), lesson.target(&first.batch)?)?;
            finite(training, net, &report, &first, self.lr)?;
            learned.add(&report, first.batch.labels.len());
            drop(first);
            let mut taken = 1;
            for batch in batches.by_ref().take(count - 1) {
                let next = batch?;
                let report = training.accumulate(next.images(), lesson.target(&next.batch)?)?;
                finite(training, net, &report, &next, self.lr)?;
                learned.add(&report, next.batch.labels.len());
                taken += 1;
            }
            finish(training, groups, &self.regularize, taken)?;
            training.apply(groups, rate)?;
        }
        if let (Some(ema), Some(decay)) = (&mut self.ema, self.regularize.ema) {
            let steps = self.training.steps() as f64;
            self.training.update_ema_by(ema, decay.min(((1.0 + steps) / (10.0 + steps)) as f32));
        }
        learned.waited = batches.seconds;
        Ok(Some(learned))
    }
}
