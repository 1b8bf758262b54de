//! Who looks on while a step runs: who times it for a profile, or somebody who wants to see values and gradients.

use std::time::Duration;

use convnet_kernels::Clock;

use super::run::{Backward, Forward};
use crate::plan::StepTimes;

/// Somebody who looks on while a step runs, stage by stage.
pub(super) trait Onlooker {
    /// A pass begins.
    fn begins(&mut self) {}

    /// A stage has written its output.
    fn wrote(&mut self, _run: &Forward<'_>, _stage: usize) {}

    /// The gradient of a stage's output is whole, and nothing has been done with it yet.
    fn received(&mut self, _run: &Backward<'_>, _stage: usize) {}

    /// A stage has passed its gradient on.
    fn returned(&mut self, _stage: usize) {}
}

/// Nobody.
impl Onlooker for () {}

/// Adds the time of each stage to a profile.
pub(super) struct Laps<'a> {
    times: &'a mut StepTimes,
    clock: Clock,
    since: Duration,
}

impl<'a> Laps<'a> {
    pub(super) fn new(times: &'a mut StepTimes, stages: usize, clock: Clock) -> Self {
        times.forward.resize(stages, Duration::ZERO);
        times.backward.resize(stages, Duration::ZERO);
        let since = clock.now();
        Self { times, clock, since }
    }

    fn lap(&mut self) -> Duration {
        let now = self.clock.now();
        now.saturating_sub(std::mem::replace(&mut self.since, now))
    }
}

impl Onlooker for Laps<'_> {
    fn begins(&mut self) {
        self.since = self.clock.now();
    }

    fn wrote(&mut self, _run: &Forward<'_>, stage: usize) {
        let lap = self.lap();
        self.times.forward[stage] += lap;
    }

    fn returned(&mut self, stage: usize) {
        let lap = self.lap();
        self.times.backward[stage] += lap;
    }
}
