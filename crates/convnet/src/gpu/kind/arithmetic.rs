//! Functions of one value whose gradient reads it, functions and products of two values, extremes along axes.

use convnet_gpu::{Arithmetic, Function, List, Maps, SideBackward, View};

use crate::gpu::emit::{At, Emit};
use crate::graph::Shape;
use crate::ops::{self, SELU, Unary};
use crate::plan::BackwardStage;

pub(super) fn function(unary: &Unary) -> Function {
    match *unary {
        Unary::Silu => Function::Silu,
        Unary::Gelu { tanh } => Function::Gelu { tanh },
        Unary::Hardswish => Function::Hardswish,
        Unary::Hardsigmoid { alpha, beta } => Function::Hardsigmoid { alpha, beta },
        Unary::Elu { alpha } => Function::Elu { scale: 1.0, below: alpha, rate: 1.0 },
        Unary::Selu => {
            let [lambda, alpha] = SELU;
            Function::Elu { scale: lambda as f32, below: (lambda * alpha) as f32, rate: 1.0 }
        }
        Unary::Celu { alpha } => Function::Elu { scale: 1.0, below: alpha, rate: 1.0 / alpha },
        Unary::Softplus { beta, threshold } => Function::Softplus { beta, threshold },
        Unary::Softsign => Function::Softsign,
        Unary::Mish => Function::Mish,
        Unary::Abs => Function::Abs,
        Unary::Exp => Function::Exp,
        Unary::Log => Function::Log,
        Unary::Sqrt => Function::Sqrt,
        Unary::Reciprocal => Function::Reciprocal,
        Unary::Erf => Function::Erf,
        Unary::Scale { factor } => Function::Scale { factor },
        Unary::Power { exponent } => Function::Power { exponent },
    }
}

pub(super) fn function_name(function: Function) -> &'static str {
    match function {
        Function::Silu => "silu",
        Function::Gelu { tanh: false } => "gelu",
        Function::Gelu { tanh: true } => "gelu_tanh",
        Function::Hardswish => "hardswish",
        Function::Hardsigmoid { .. } => "hardsigmoid",
        Function::Elu { .. } => "elu",
        Function::Softplus { .. } => "softplus",
        Function::Softsign => "softsign",
        Function::Mish => "mish",
        Function::Abs => "abs",
        Function::Exp => "exp",
        Function::Log => "log",
        Function::Sqrt => "sqrt",
        Function::Reciprocal => "reciprocal",
        Function::Erf => "erf",
        Function::Scale { .. } => "scale",
        Function::Power { .. } => "power",
    }
}

pub(super) fn of_two(function: ops::Arithmetic) -> Arithmetic {
    match function {
        ops::Arithmetic::Add => Arithmetic::Add,
        ops::Arithmetic::Sub => Arithmetic::Sub,
        ops::Arithmetic::Mul => Arithmetic::Mul,
        ops::Arithmetic::Div => Arithmetic::Div,
        ops::Arithmetic::Maximum => Arithmetic::Maximum,
        ops::Arithmetic::Minimum => Arithmetic::Minimum,
        ops::Arithmetic::Pow => Arithmetic::Pow,
        ops::Arithmetic::Less => Arithmetic::Less,
        ops::Arithmetic::LessOrEqual => Arithmetic::LessOrEqual,
        ops::Arithmetic::Equal => Arithmetic::Equal,
        ops::Arithmetic::Mask => Arithmetic::Mask,
    }
}

pub(super) fn arithmetic_name(function: Arithmetic) -> &'static str {
    match function {
        Arithmetic::Add => "add_repeated",
        Arithmetic::Sub => "sub",
        Arithmetic::Mul => "mul",
        Arithmetic::Div => "div",
        Arithmetic::Maximum => "maximum",
        Arithmetic::Minimum => "minimum",
        Arithmetic::Pow => "pow",
        Arithmetic::Less => "less",
        Arithmetic::LessOrEqual => "less_or_equal",
        Arithmetic::Equal => "equal",
        Arithmetic::Mask => "mask",
    }
}

/// A view of values of a shape.
fn maps(view: View, shape: Shape) -> Maps {
    let (height, width) = shape.spatial();
    Maps { view, height, width }
}

fn inputs(run: &Emit<'_>, at: At<'_>) -> [Maps; 2] {
    [0, 1].map(|i| maps(run.input(at, i), at.stage.shapes[i]))
}

pub(super) fn arithmetic(function: Arithmetic, run: &mut Emit<'_>, at: At<'_>) {
    let out = maps(run.output(at), run.plan.shape(at.stage));
    run.list.arithmetic(function, inputs(run, at), out);
}

pub(super) fn arithmetic_backward(
    function: Arithmetic,
    run: &mut Emit<'_>,
    at: At<'_>,
    back: &BackwardStage,
) {
    for_each_side(run, at, back, |list, call| list.arithmetic_backward(function, call));
}

pub(super) fn matmul(run: &mut Emit<'_>, at: At<'_>) {
    let ([a, b], out) = (inputs(run, at), maps(run.output(at), run.plan.shape(at.stage)));
    run.list.pixel_products(run.precision, [a, b, out]);
}

pub(super) fn matmul_backward(run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
    let precision = run.precision;
    for_each_side(run, at, back, |list, call| list.pixel_products_backward(precision, call));
}

/// Adds the gradient of each input whose gradient is wanted.
fn for_each_side(
    run: &mut Emit<'_>,
    at: At<'_>,
    back: &BackwardStage,
    add: impl Fn(&mut List, &SideBackward),
) {
    let output_gradient = maps(run.output_gradient(at), run.plan.shape(at.stage));
    for (side, write) in back.inputs.iter().enumerate() {
        if let Some(write) = write {
            let (inputs, gradient) = (inputs(run, at), run.input_gradient(at, side));
            let call = SideBackward { inputs, output_gradient, side, gradient, accumulate: write.accumulate };
            add(run.list, &call);
        }
    }
}

pub(super) fn extremum(sign: f32, run: &mut Emit<'_>, at: At<'_>) {
    let input = maps(run.input(at, 0), at.stage.shapes[0]);
    let out = maps(run.output(at), run.plan.shape(at.stage));
    run.list.extremum(sign, [input, out]);
}

pub(super) fn extremum_backward(run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
    let (input, shape) = (maps(run.input(at, 0), at.stage.shapes[0]), run.plan.shape(at.stage));
    let (output, gradient) = (maps(run.output(at), shape), maps(run.output_gradient(at), shape));
    let target = run.input_gradient(at, 0);
    run.list.extremum_backward([input, output, gradient], target, accumulate);
}
