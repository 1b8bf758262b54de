//! Who looks on while a step runs: the clock of a profile, or somebody who wants to see values and gradients.

use std::time::{Duration, Instant};

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
pub(super) struct Clock<'a> {
    times: &'a mut StepTimes,
    since: Instant,
}

impl<'a> Clock<'a> {
    pub(super) fn new(times: &'a mut StepTimes, stages: usize) -> Self {
        times.forward.resize(stages, Duration::ZERO);
        times.backward.resize(stages, Duration::ZERO);
        Self { times, since: Instant::now() }
    }

    fn lap(&mut self) -> Duration {
        let lap = self.since.elapsed();
        self.since = Instant::now();
        lap
    }
}

impl Onlooker for Clock<'_> {
    fn begins(&mut self) {
        self.since = Instant::now();
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
