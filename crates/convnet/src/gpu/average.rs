//! A moving average of weights and running statistics, in a block of the card's memory of its own.

use std::fmt;

use convnet_gpu::{Format, Vector, View};

use super::binder::LINE;
use super::card::{Captured, Card};
use super::program::{Part, Parts};
use crate::optim::Frozen;
use crate::plan::CompileError;

/// A moving average of weights and running statistics, on the card.
pub(crate) struct Average {
    layout: Layout,
    /// What was frozen when it began, by which parameters lie where they do.
    frozen: Frozen,
    card: Card,
    step: Captured,
}

/// Where the parts of the block lie, in bytes: the weight of a step, what is, and the average. Both hold parameters and then
/// running statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    parameters: usize,
    running: usize,
}

impl Layout {
    /// For so many floats, which lines divide.
    pub(super) fn new(parameters: usize, running: usize) -> Self {
        Self { parameters, running }
    }

    fn floats(self) -> usize {
        self.parameters + self.running
    }

    pub(super) fn weight(self) -> usize {
        0
    }

    pub(super) fn now(self) -> usize {
        4 * LINE
    }

    pub(super) fn average(self) -> usize {
        self.now() + 4 * self.floats()
    }

    pub(super) fn end(self) -> usize {
        self.average() + 4 * self.floats()
    }

    /// average += (what is − average)·weight.
    pub(super) fn step(self) -> Parts {
        let mut parts = Parts::over(self.end());
        let flat = |at| View::dense(at, self.floats() / LINE, LINE, Format::F32);
        parts.list.lerp(flat(self.now()), flat(self.average()), Vector::new(self.weight(), 1));
        parts.mark(Part::Rest);
        parts
    }
}

impl fmt::Debug for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Average").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl Clone for Average {
    /// # Panics
    /// If the GPU fails, or has no room for another.
    fn clone(&self) -> Self {
        let copy = || {
            let copy = Self::new(&self.card, self.layout, &self.frozen)?;
            copy.card.copy(0, (&self.card, 0), self.layout.end())?;
            Ok::<_, CompileError>(copy)
        };
        copy().unwrap_or_else(|error| panic!("the GPU failed: {error}"))
    }
}

impl Average {
    /// Zeros, beside a training's block.
    fn new(training: &Card, layout: Layout, frozen: &Frozen) -> Result<Self, CompileError> {
        let card = training.beside(layout.end())?;
        let step = card.capture(layout.step())?;
        Ok(Self { layout, frozen: frozen.clone(), card, step })
    }

    /// # Panics
    /// If something else is frozen now than when it began.
    pub(super) fn check(&self, frozen: &Frozen) {
        self.frozen.check_average(frozen);
    }

    /// What is in a training's block, at these bytes.
    pub(super) fn of(
        training: &Card,
        (layout, frozen): (Layout, &Frozen),
        places: [usize; 2],
    ) -> Result<Self, CompileError> {
        let average = Self::new(training, layout, frozen)?;
        average.take(training, layout.average(), places)?;
        Ok(average)
    }

    fn take(
        &self,
        training: &Card,
        at: usize,
        [parameters, running]: [usize; 2],
    ) -> Result<(), CompileError> {
        let sizes = [4 * self.layout.parameters, 4 * self.layout.running];
        self.card.copy(at, (training, parameters), sizes[0])?;
        self.card.copy(at + sizes[0], (training, running), sizes[1])
    }

    /// average += (what is − average)·weight.
    pub(super) fn update(
        &self,
        training: &Card,
        places: [usize; 2],
        weight: f32,
    ) -> Result<(), CompileError> {
        self.take(training, self.layout.now(), places)?;
        self.card.write(self.layout.weight(), &[weight])?;
        self.step.replay()
    }

    /// Its parameters and its running statistics.
    pub(super) fn read(&self) -> Result<[Vec<f32>; 2], CompileError> {
        let mut all = self.card.read(self.layout.average(), self.layout.floats())?;
        let running = all.split_off(self.layout.parameters);
        Ok([all, running])
    }
}
