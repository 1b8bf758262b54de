//! Layers that treat every element by itself: activations, sums, dropout, copies.

use convnet_kernels::{self as kernels, Activation};

use crate::cpu::run::{At, Backward, Forward, mask};
use crate::ops::mul;
use crate::plan::{BackwardStage, GradientWrite};

/// Dropout while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct Dropout {
    /// The probability of zeroing.
    pub(in crate::cpu) p: f32,
    /// Whether all that an image has is zeroed.
    pub(in crate::cpu) whole: bool,
}

pub(super) fn activate(kind: Activation, run: &mut Forward<'_>, at: At<'_>) {
    let (input, output) = (run.input(at, 0), run.output(at));
    kernels::activation(run.pool, run.isa, run.arena, kind, input, output);
}

pub(super) fn activate_backward(kind: Activation, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    let value = if kind.derives_from_input() { run.input(at, 0) } else { run.output(at) };
    let views = [value, run.output_gradient(at), run.input_gradient(at, 0)];
    kernels::activation_backward(run.pool, run.isa, run.arena, kind, views, write.accumulate);
}

pub(in crate::cpu) fn activation_name(kind: Activation) -> &'static str {
    match kind {
        Activation::Relu => "relu",
        Activation::LeakyRelu { .. } => "leaky_relu",
        Activation::Hardtanh { .. } => "hardtanh",
        Activation::Sigmoid => "sigmoid",
        Activation::Tanh => "tanh",
        Activation::Silu => "silu",
    }
}

pub(super) fn add(run: &mut Forward<'_>, at: At<'_>) {
    let (inputs, output) = ([run.input(at, 0), run.input(at, 1)], run.output(at));
    kernels::add(run.pool, run.isa, run.arena, inputs, output, at.stage.relu);
}

pub(super) fn add_backward(run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
    for (i, write) in back.inputs.iter().enumerate() {
        if let Some(write) = write {
            run.pass(run.output_gradient(at), run.input_gradient(at, i), write.accumulate);
        }
    }
}

/// The map, and what it is multiplied with.
pub(super) fn mul(run: &mut Forward<'_>, at: At<'_>) {
    let (map, factor) = mul::sides(&at.stage.shapes);
    let (inputs, output) = ([run.input(at, map), run.input(at, factor)], run.output(at));
    kernels::multiply(run.pool, run.isa, run.arena, inputs, output, false);
}

pub(super) fn mul_backward(run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
    let (map, factor) = mul::sides(&at.stage.shapes);
    let dy = run.output_gradient(at);
    if let Some(write) = &back.inputs[map] {
        let (inputs, dx) = ([dy, run.input(at, factor)], run.input_gradient(at, map));
        kernels::multiply(run.pool, run.isa, run.arena, inputs, dx, write.accumulate);
    }
    if let Some(write) = &back.inputs[factor] {
        let (inputs, dx) = ([run.input(at, map), dy], run.input_gradient(at, factor));
        kernels::multiply_backward(run.pool, run.isa, run.arena, inputs, dx, write.accumulate);
    }
}

impl Dropout {
    pub(super) fn forward(self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        let mask = mask(run.key, at.stage.out, (self.p, self.whole), run.plan.shape(at.stage));
        kernels::dropout(run.pool, run.isa, run.arena, mask, views, false);
    }

    pub(super) fn backward(self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let mask = mask(run.key, at.stage.out, (self.p, self.whole), run.plan.shape(at.stage));
        kernels::dropout(run.pool, run.isa, run.arena, mask, views, write.accumulate);
    }
}

pub(super) fn copy(run: &mut Forward<'_>, at: At<'_>) {
    let (input, output) = (run.input(at, 0), run.output(at));
    kernels::copy(run.pool, run.isa, run.arena, input, output);
}

pub(super) fn copy_backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    run.pass(run.output_gradient(at), run.input_gradient(at, 0), write.accumulate);
}
