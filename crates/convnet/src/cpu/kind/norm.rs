//! BatchNorm2d with the batch's statistics, and scales and shifts by channel.

use convnet_kernels::{self as kernels, BatchNormBackward};

use super::{Bound, Kind};
use crate::cpu::binder::Binder;
use crate::cpu::loader::Loader;
use crate::cpu::run::{At, Backward, Forward, Saved};
use crate::ops::BatchNorm2d;
use crate::plan::{BackwardStage, CompileError, GradientWrite, Mode, Needs, Stage};
use crate::weights::scale_and_shift;

/// A batch normalization while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct BatchNorm {
    eps: f32,
    /// The share of the batch's statistics in the new running ones.
    pub(in crate::cpu) momentum: f32,
}

/// A scale and a shift by channel: an Affine, or a batch normalization with running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct Affine;

impl BatchNorm {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, norm: &BatchNorm2d) -> Bound {
        match binder.mode() {
            Mode::Infer | Mode::Trace => return Affine::bind(binder, stage),
            Mode::Train if binder.draft.keeps_statistics(stage.node) => return Affine::bind(binder, stage),
            Mode::Train => {}
        }
        let parameters = binder.allocate_pair(stage.shapes[0].channels(), false);
        // A ReLU's mask follows from the input, the scale and the shift.
        let needs = Needs { reads_output: false, ..binder.draft.needs(stage) };
        Bound { kind: Kind::BatchNorm(Self { eps: norm.eps, momentum: norm.momentum }), parameters, needs }
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>, saved: Option<&mut Saved>) {
        let (Some(saved), Some(statistics)) = (saved, &run.statistics) else { return };
        let [mean, variance] = statistics.of(run.plan.slot(at.stage.inputs[0]));
        let (weight, bias) = (run.weight(at), run.bias(at).unwrap_or_default());
        let norm = kernels::BatchNorm { weight, bias, eps: self.eps, mean, variance };
        let vectors = [&mut saved.inverse[..], &mut saved.scale[..], &mut saved.shift[..]];
        let views = [run.input(at, 0), run.output(at)];
        kernels::batch_norm(run.pool, run.isa, run.arena, norm, views, vectors, at.stage.relu);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage, saved: &Saved) {
        let [mean, _] = run.statistics.of(run.plan.slot(at.stage.inputs[0]));
        let write = back.inputs.first().and_then(Option::as_ref);
        let (weight, bias) = (at.parameters.weight.clone(), at.parameters.bias.clone().unwrap_or_default());
        let input = run.input(at, 0);
        let whole = run.joint.as_ref().filter(|joint| joint.syncs_batch_norm());
        let (pixels, whole) = (input.pixels / run.n, whole.map_or(run.n, |joint| joint.part().whole));
        let call = BatchNormBackward {
            input,
            output_gradient: run.output_gradient(at),
            input_gradient: write.map(|write| (run.input_gradient(at, 0), write.accumulate)),
            weight: &run.parameters[weight.clone()],
            mean,
            inverse: &saved.inverse,
            scale: &saved.scale,
            shift: &saved.shift,
            relu: at.stage.relu,
            count: (pixels * whole) as f64,
        };
        let (head, tail) = run.gradients.split_at_mut(bias.start);
        let gradients = [&mut head[weight], &mut tail[..bias.len()]];
        let joint = run.joint.as_deref_mut().filter(|joint| joint.syncs_batch_norm());
        let mut join = joint.map(|joint| |sums: &mut [f64]| joint.join_sums(sums));
        let join = join.as_mut().map(|join| join as &mut kernels::Join<'_>);
        kernels::batch_norm_backward(run.pool, run.isa, run.arena, &call, gradients, join);
    }
}

impl Affine {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage) -> Bound {
        let parameters =
            binder.allocate_pair(stage.shapes[0].channels(), binder.draft.keeps_statistics(stage.node));
        // A ReLU is masked by the output; all else is the scale.
        let needs = Needs { reads_inputs: false, ..binder.draft.needs(stage) };
        Bound { kind: Kind::Affine(Self), parameters, needs }
    }

    pub(super) fn load(loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        let (scale, shift) = scale_and_shift(loader.graph, loader.source, at.stage.node)?;
        loader.parameters[at.parameters.weight.clone()].copy_from_slice(&scale);
        if let Some(range) = at.parameters.bias.clone() {
            loader.parameters[range].copy_from_slice(&shift);
        }
        Ok(())
    }

    pub(super) fn forward(run: &mut Forward<'_>, at: At<'_>) {
        let vectors = [run.weight(at), run.bias(at).unwrap_or_default()];
        let views = [run.input(at, 0), run.output(at)];
        kernels::affine(run.pool, run.isa, run.arena, views, vectors, at.stage.relu);
    }

    pub(super) fn backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let scale = &run.parameters[at.parameters.weight.clone()];
        kernels::affine_backward(run.pool, run.isa, run.arena, views, scale, write.accumulate);
    }
}
