//! Layers that treat every element by itself: activations, sums, dropout, copies.

use convnet_kernels::{self as kernels, Activation};

use crate::cpu::run::{At, Backward, Forward};
use crate::ops::{SELU, Unary};
use crate::plan::{BackwardStage, GradientWrite};

/// Dropout while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct Dropout {
    /// The probability of zeroing.
    pub(in crate::cpu) p: f32,
    /// Whether all that an image has is zeroed.
    pub(in crate::cpu) whole: bool,
}

/// The kernel of a function.
pub(in crate::cpu) fn unary(op: &Unary) -> Activation {
    match *op {
        Unary::Silu => Activation::Silu,
        Unary::Gelu { tanh: false } => Activation::Gelu,
        Unary::Gelu { tanh: true } => Activation::GeluTanh,
        Unary::Hardswish => Activation::Hardswish,
        Unary::Hardsigmoid { alpha, beta } => Activation::Hardsigmoid { alpha, beta },
        Unary::Elu { alpha } => Activation::Elu { scale: 1.0, alpha, rate: 1.0 },
        Unary::Selu => Activation::Elu { scale: SELU[0] as f32, alpha: SELU[1] as f32, rate: 1.0 },
        Unary::Celu { alpha } => Activation::Elu { scale: 1.0, alpha, rate: 1.0 / alpha },
        Unary::Softplus { beta, threshold } => Activation::Softplus { beta, threshold },
        Unary::Softsign => Activation::Softsign,
        Unary::Mish => Activation::Mish,
        Unary::Abs => Activation::Abs,
        Unary::Exp => Activation::Exp,
        Unary::Log => Activation::Log,
        Unary::Sqrt => Activation::Sqrt,
        Unary::Reciprocal => Activation::Reciprocal,
        Unary::Erf => Activation::Erf,
        Unary::Scale { factor } => Activation::Scale { factor },
        Unary::Power { exponent } => Activation::Power { exponent },
    }
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
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Hardswish => "hardswish",
        Activation::Hardsigmoid { .. } => "hardsigmoid",
        Activation::Elu { .. } => "elu",
        Activation::Softplus { .. } => "softplus",
        Activation::Softsign => "softsign",
        Activation::Mish => "mish",
        Activation::Abs => "abs",
        Activation::Exp => "exp",
        Activation::Log => "log",
        Activation::Sqrt => "sqrt",
        Activation::Reciprocal => "reciprocal",
        Activation::Power { .. } => "power",
        Activation::Erf => "erf",
        Activation::Scale { .. } => "scale",
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

impl Dropout {
    pub(super) fn forward(self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        let mask = run.mask(at, (self.p, self.whole));
        kernels::dropout(run.pool, run.isa, run.arena, mask, views, false);
    }

    pub(super) fn backward(self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let mask = run.mask(at, (self.p, self.whole));
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
