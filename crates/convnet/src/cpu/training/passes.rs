//! Both passes of a step: forward, the loss, backward; with somebody who looks on.

use convnet_kernels::{self as kernels, View};

use super::super::onlooker::{Laps, Onlooker};
use super::super::program::fill;
use super::super::run::{Backward, Forward};
use super::{Batch, Training, moments};
use crate::options::ReluGradient;
use crate::plan::{StepReport, StepTimes};
use crate::ranks::{Gradients, Joint};

impl Training {
    /// Both passes; adds the time of each stage to `times`.
    pub(super) fn pass(&mut self, batch: Batch<'_>, times: Option<&mut StepTimes>) -> StepReport {
        match times {
            None => self.observed(batch, &mut (), None),
            Some(times) => {
                let mut laps = Laps::new(times, self.saved.len(), self.pool.clock());
                self.observed(batch, &mut laps, None)
            }
        }
    }

    /// Both passes over a part of a batch, the others of which other ranks have.
    pub(super) fn joint_pass(&mut self, batch: Batch<'_>, joint: &mut Joint) -> StepReport {
        self.observed(batch, &mut (), Some(joint))
    }

    /// Both passes.
    fn observed(
        &mut self,
        batch: Batch<'_>,
        onlooker: &mut dyn Onlooker,
        mut joint: Option<&mut Joint>,
    ) -> StepReport {
        let (key, n) = (self.key(), batch.n);
        self.forward_with(batch.images, (n, key), onlooker, joint.as_deref_mut());
        let report = self.compare(batch);
        // Other ranks wait for this one's gradients, whatever its loss.
        if report.loss.is_finite() || joint.is_some() {
            self.backward_with((n, key, ReluGradient::Plain), onlooker, joint);
            for twin in self.twins.iter().filter(|twin| !twin.parameter.frozen) {
                twin.add(&self.table[twin.first], self.gradients.as_mut_slice());
            }
        }
        // Nothing is learned from any other loss: the weights stay, to be looked into.
        report
    }

    /// The forward pass of `n` images; the key is what dropout depends on.
    pub(in crate::cpu) fn run_forward(
        &mut self,
        images: &[f32],
        pass: (usize, u64),
        onlooker: &mut dyn Onlooker,
    ) {
        self.forward_with(images, pass, onlooker, None);
    }

    fn forward_with(
        &mut self,
        images: &[f32],
        (n, key): (usize, u64),
        onlooker: &mut dyn Onlooker,
        joint: Option<&mut Joint>,
    ) {
        let program = &self.program;
        let mut run = Forward {
            pool: &self.pool,
            isa: program.isa,
            plan: &program.plan,
            arena: &mut self.arena,
            parameters: self.parameters.as_slice(),
            halves: &[],
            images,
            winograd_at: self.winograd_at,
            transformed: self.transformed.as_mut_slice(),
            statistics: Some(&mut self.statistics),
            n,
            key,
            joint,
        };
        onlooker.begins();
        for (stage, saved) in self.saved.iter_mut().enumerate() {
            program.forward(&mut run, stage, Some(saved));
            onlooker.wrote(&run, stage);
        }
    }

    /// The loss, and its gradient with respect to the outputs.
    fn compare(&mut self, batch: Batch<'_>) -> StepReport {
        let (plan, n) = (&self.program.plan, batch.n);
        let mut report = StepReport { loss: 0.0, correct: 0 };
        for (i, (loss, write)) in self.losses.iter().zip(&plan.losses).enumerate() {
            fill((&self.pool, self.program.isa, &mut self.arena), (plan, n), &write.fill);
            let views =
                [plan.region(loss.value, loss.shape, n), plan.gradient_region(loss.value, loss.shape, n)];
            let views = views.map(View::from);
            let comparison = batch.comparison.of_output(i);
            let (value, correct) =
                kernels::compare(&mut self.arena, views, comparison, loss.weight, write.accumulate);
            report.loss += f64::from(loss.weight) * value;
            if i == 0 {
                report.correct = correct;
            }
        }
        report
    }

    /// Takes a gradient of the first output, N·C·H·W.
    pub(in crate::cpu) fn take_gradient(&mut self, of_output: &[f32], n: usize) {
        let Some(loss) = self.losses.first() else { return };
        let view: View = self.program.plan.gradient_region(loss.value, loss.shape, n).into();
        let pixels = (view.pixels / n).max(1);
        kernels::from_nchw(&self.pool, self.program.isa, &mut self.arena, of_output, pixels, view);
    }

    /// The backward pass from the gradients of the outputs.
    pub(in crate::cpu) fn run_backward(
        &mut self,
        pass: (usize, u64, ReluGradient),
        onlooker: &mut dyn Onlooker,
    ) {
        self.backward_with(pass, onlooker, None);
    }

    fn backward_with(
        &mut self,
        (n, key, relu): (usize, u64, ReluGradient),
        onlooker: &mut dyn Onlooker,
        joint: Option<&mut Joint>,
    ) {
        let program = &self.program;
        let mut run = Backward {
            pool: &self.pool,
            isa: program.isa,
            plan: &program.plan,
            arena: &mut self.arena,
            parameters: self.parameters.as_mut_slice(),
            gradients: self.gradients.as_mut_slice(),
            updates: &self.updates,
            moments: moments(&mut self.moments),
            scratch: self.matrix.as_mut_slice(),
            winograd_at: self.winograd_at,
            transformed: self.transformed.as_mut_slice(),
            statistics: &self.statistics,
            relu,
            n,
            key,
            joint,
        };
        onlooker.begins();
        for (number, back) in program.plan.backward.iter().enumerate() {
            program.gather(&mut run, back);
            onlooker.received(&run, back.stage);
            program.backward(&mut run, back, &self.saved[back.stage]);
            onlooker.returned(back.stage);
            if let Some(joint) = &mut run.joint {
                let (values, lease) = (&mut *run.gradients, self.lease);
                let mut gradients = Gradients { values, lease, pool: run.pool, isa: run.isa };
                joint.ready(&mut gradients, self.buckets.after(number));
            }
        }
    }
}
