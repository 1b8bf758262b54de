//! What is timed: a network ready to run, in either mode.

use convnet::exec::{Clock, Engine, Isa, Options, PlanStep, Session, StepTimes, TrainingStep};
use convnet::graph::Graph;
use convnet::optim::{Optimizer, ParameterGroups};
use convnet::state::TensorSource;

use super::Mode;
use crate::error::Failure;

/// The learning rate of timed steps: small enough that weights stay near what they were.
pub(super) const RATE: f32 = 1e-6;

/// A network ready to run.
pub(super) enum Subject {
    Infer(Engine, Session),
    Train(Box<TrainingStep>, ParameterGroups),
}

impl Subject {
    pub(super) fn new(
        mode: Mode,
        (graph, weights): (&Graph, &dyn TensorSource),
        batch: usize,
        options: &Options,
    ) -> Result<Self, Failure> {
        match mode {
            Mode::Infer => {
                let engine = Engine::compile(graph, weights, batch, options)?;
                let session = engine.session()?;
                Ok(Self::Infer(engine, session))
            }
            Mode::Train => {
                let optimizer = Optimizer::sgd();
                let training = TrainingStep::compile(graph, weights, batch, optimizer, 0, options)?;
                let groups = training.uniform_groups();
                Ok(Self::Train(Box::new(training), groups))
            }
        }
    }

    /// A forward pass, or a training step.
    pub(super) fn run(&mut self, images: &[f32], labels: &[u32]) -> Result<(), Failure> {
        match self {
            Self::Infer(_, session) => session.logits(images).map(drop)?,
            Self::Train(training, groups) => training.step(images, labels, groups, RATE).map(drop)?,
        }
        Ok(())
    }

    /// The same; adds the time of each part.
    pub(super) fn profile(
        &mut self,
        images: &[f32],
        labels: &[u32],
        times: &mut StepTimes,
    ) -> Result<(), Failure> {
        match self {
            Self::Infer(_, session) => session.profile(images, &mut times.forward)?,
            Self::Train(training, groups) => {
                training.profile(images, labels, (groups, RATE), times).map(drop)?;
            }
        }
        Ok(())
    }

    /// Milliseconds of a GPU's work alone, the least and the median of `count`.
    pub(super) fn device_time(&mut self, batch: usize, count: usize) -> Result<Option<[f64; 2]>, Failure> {
        let time = match self {
            Self::Infer(engine, _) => engine.device_time(batch, count)?,
            Self::Train(training, _) => training.device_time(batch, count)?,
        };
        Ok(time.map(|(least, median)| [least, median].map(|us| f64::from(us) / 1e3)))
    }

    /// What tells the time that runs take; `None` on a GPU.
    pub(super) fn clock(&self) -> Option<Clock> {
        match self {
            Self::Infer(engine, _) => engine.clock(),
            Self::Train(training, _) => training.clock(),
        }
    }

    pub(super) fn threads(&self) -> usize {
        match self {
            Self::Infer(engine, _) => engine.threads(),
            Self::Train(training, _) => training.threads(),
        }
    }

    pub(super) fn isa(&self) -> Isa {
        match self {
            Self::Infer(engine, _) => engine.isa(),
            Self::Train(training, _) => training.isa(),
        }
    }

    pub(super) fn plan(&self) -> Vec<PlanStep> {
        match self {
            Self::Infer(engine, _) => engine.plan(),
            Self::Train(training, _) => training.plan(),
        }
    }

    pub(super) fn plan_text(&self) -> String {
        match self {
            Self::Infer(engine, _) => engine.plan_text(),
            Self::Train(training, _) => training.plan_text(),
        }
    }
}
