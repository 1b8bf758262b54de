//! BatchNorm2d with the batch's statistics, and scales and shifts by channel.

use convnet_gpu as gpu;
use convnet_gpu::{BatchNormBackward, Gradient};

use super::join::Join;
use super::{Bound, Kind};
use crate::gpu::binder::{Binder, LINE};
use crate::gpu::emit::{At, Emit};
use crate::gpu::loader::Loader;
use crate::ops::BatchNorm2d;
use crate::plan::{BackwardStage, CompileError, Mode, Needs, Stage};
use crate::weights::scale_and_shift;

/// A batch normalization while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct BatchNorm {
    eps: f32,
    /// The share of the batch's statistics in the new running ones.
    momentum: f32,
    /// Where mean, variance, 1/√(var + eps), scale and shift lie in what is saved.
    saved: usize,
    /// Where the running mean and variance lie.
    running: usize,
    /// The sum that computes its output.
    pub(super) join: Option<Join>,
}

/// A scale and a shift by channel: an Affine, or a batch normalization with running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct Affine;

/// Floats of a vector by channel, at a line.
fn pitch(channels: usize) -> usize {
    channels.next_multiple_of(LINE)
}

impl BatchNorm {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, norm: &BatchNorm2d) -> Bound {
        match binder.mode() {
            Mode::Infer | Mode::Trace => return Affine::bind(binder, stage),
            Mode::Train if binder.draft.keeps_statistics(stage.node) => return Affine::bind(binder, stage),
            Mode::Train => {}
        }
        let channels = stage.shapes[0].channels();
        let parameters = binder.allocate_pair(channels, false);
        let (saved, running) =
            (binder.save(5 * pitch(channels)), binder.track(stage.node, 2 * pitch(channels)));
        // A ReLU's mask follows from the input, the scale and the shift.
        let needs = Needs { reads_output: false, ..binder.draft.needs(stage) };
        let kind = Self { eps: norm.eps, momentum: norm.momentum, saved, running, join: None };
        Bound { kind: Kind::BatchNorm(kind), parameters, needs }
    }

    /// Where the running mean and variance of so many channels start, in floats.
    pub(in crate::gpu) fn running(&self, channels: usize) -> [usize; 2] {
        [self.running, self.running + pitch(channels)]
    }

    pub(super) fn vectors(&self, run: &Emit<'_>, at: At<'_>) -> gpu::BatchNorm {
        let channels = at.stage.shapes[0].channels();
        let saved = |i: usize| run.saved(self.saved + i * pitch(channels), channels);
        let running = self.running(channels).map(|start| run.running(start, channels));
        let weight = run.weight(at);
        gpu::BatchNorm {
            weight,
            bias: run.bias(at).unwrap_or(weight),
            eps: self.eps,
            mean: saved(0),
            variance: saved(1),
            inverse: saved(2),
            scale: saved(3),
            shift: saved(4),
            running: run.track.then_some((running, self.momentum)),
        }
    }

    pub(super) fn forward(&self, run: &mut Emit<'_>, at: At<'_>) {
        let (norm, input, out) = (self.vectors(run, at), run.input(at, 0), run.output(at));
        run.list.batch_norm(input, &norm);
        if self.join.is_some() {
            return;
        }
        let (scale, shift, relu) = (norm.scale, norm.shift, at.stage.relu);
        run.list.affine(&gpu::Affine { input, scale, shift, addend: None, relu, out });
    }

    pub(super) fn backward(&self, run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
        let weight_gradient = run.gradient_of(&at.parameters.weight);
        let (gradient, pass) = match self.join {
            Some(join) => join.gradient(run, at.index),
            None if at.stage.relu => (Gradient::Inside(run.output_gradient(at)), None),
            None => (Gradient::Plain(run.output_gradient(at)), None),
        };
        let write = back.inputs.first().and_then(Option::as_ref);
        let call = BatchNormBackward {
            input: run.input(at, 0),
            gradient,
            norm: self.vectors(run, at),
            weight_gradient,
            bias_gradient: at
                .parameters
                .bias
                .as_ref()
                .map_or(weight_gradient, |range| run.gradient_of(range)),
            input_gradient: write.map(|write| (run.input_gradient(at, 0), write.accumulate)),
        };
        run.list.batch_norm_backward(&call);
        if let (Some((from, to)), Some(join)) = (pass, self.join) {
            run.list.transfer(from, to, join.adds(run));
        }
    }
}

impl Affine {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage) -> Bound {
        // Training leaves it alone.
        let parameters = binder.allocate_pair(stage.shapes[0].channels(), binder.mode() == Mode::Train);
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

    pub(super) fn forward(run: &mut Emit<'_>, at: At<'_>) {
        let (input, out, scale) = (run.input(at, 0), run.output(at), run.weight(at));
        let (shift, relu) = (run.bias(at).unwrap_or(scale), at.stage.relu);
        run.list.affine(&gpu::Affine { input, scale, shift, addend: None, relu, out });
    }
}
