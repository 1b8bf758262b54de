//! Functions and products of two values, and extremes along axes.

use convnet_kernels::{self as kernels, Arena, Isa, Maps, Pool, SideBackward, View};

use crate::cpu::run::{At, Backward, Forward};
use crate::graph::Shape;
use crate::ops::Arithmetic;
use crate::plan::{BackwardStage, GradientWrite};

pub(in crate::cpu) fn function(op: &Arithmetic) -> kernels::Arithmetic {
    match op {
        Arithmetic::Add => kernels::Arithmetic::Add,
        Arithmetic::Sub => kernels::Arithmetic::Sub,
        Arithmetic::Mul => kernels::Arithmetic::Mul,
        Arithmetic::Div => kernels::Arithmetic::Div,
        Arithmetic::Maximum => kernels::Arithmetic::Maximum,
        Arithmetic::Minimum => kernels::Arithmetic::Minimum,
        Arithmetic::Pow => kernels::Arithmetic::Pow,
        Arithmetic::Less => kernels::Arithmetic::Less,
        Arithmetic::LessOrEqual => kernels::Arithmetic::LessOrEqual,
        Arithmetic::Equal => kernels::Arithmetic::Equal,
        Arithmetic::Mask => kernels::Arithmetic::Mask,
    }
}

pub(in crate::cpu) fn name(function: kernels::Arithmetic) -> &'static str {
    match function {
        kernels::Arithmetic::Add => "add_repeated",
        kernels::Arithmetic::Sub => "sub",
        kernels::Arithmetic::Mul => "mul",
        kernels::Arithmetic::Div => "div",
        kernels::Arithmetic::Maximum => "maximum",
        kernels::Arithmetic::Minimum => "minimum",
        kernels::Arithmetic::Pow => "pow",
        kernels::Arithmetic::Less => "less",
        kernels::Arithmetic::LessOrEqual => "less_or_equal",
        kernels::Arithmetic::Equal => "equal",
        kernels::Arithmetic::Mask => "mask",
    }
}

/// A view of values of a shape.
fn maps(view: View, shape: Shape) -> Maps {
    let (height, width) = shape.spatial();
    Maps { view, height, width }
}

/// The inputs of a function of two values, and its output.
fn three(run: &Forward<'_>, at: At<'_>) -> ([Maps; 2], Maps) {
    let inputs = [0, 1].map(|i| maps(run.input(at, i), at.stage.shapes[i]));
    (inputs, maps(run.output(at), run.plan.shape(at.stage)))
}

/// Calls a backward kernel for each of the two inputs whose gradient is wanted.
fn for_each_side(
    run: &mut Backward<'_>,
    at: At<'_>,
    back: &BackwardStage,
    kernel: impl Fn(&Pool, Isa, &mut Arena, &SideBackward),
) {
    let inputs = [0, 1].map(|i| maps(run.input(at, i), at.stage.shapes[i]));
    let output_gradient = maps(run.output_gradient(at), run.plan.shape(at.stage));
    for (side, write) in back.inputs.iter().enumerate() {
        if let Some(write) = write {
            let (gradient, accumulate) = (run.input_gradient(at, side), write.accumulate);
            let call = SideBackward { inputs, output_gradient, side, gradient, accumulate };
            kernel(run.pool, run.isa, run.arena, &call);
        }
    }
}

pub(super) fn arithmetic(function: kernels::Arithmetic, run: &mut Forward<'_>, at: At<'_>) {
    let (inputs, out) = three(run, at);
    kernels::arithmetic(run.pool, run.isa, run.arena, function, inputs, out);
}

pub(super) fn arithmetic_backward(
    function: kernels::Arithmetic,
    run: &mut Backward<'_>,
    at: At<'_>,
    back: &BackwardStage,
) {
    for_each_side(run, at, back, |pool, isa, arena, call| {
        kernels::arithmetic_backward(pool, isa, arena, function, call);
    });
}

pub(super) fn matmul(run: &mut Forward<'_>, at: At<'_>) {
    let ([a, b], out) = three(run, at);
    kernels::pixel_products(run.pool, run.isa, run.arena, [a, b, out]);
}

pub(super) fn matmul_backward(run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
    for_each_side(run, at, back, kernels::pixel_products_backward);
}

pub(super) fn extremum(sign: f32, run: &mut Forward<'_>, at: At<'_>) {
    let input = maps(run.input(at, 0), at.stage.shapes[0]);
    let out = maps(run.output(at), run.plan.shape(at.stage));
    kernels::extremum(run.pool, run.arena, sign, [input, out]);
}

pub(super) fn extremum_backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    let input = maps(run.input(at, 0), at.stage.shapes[0]);
    let shape = run.plan.shape(at.stage);
    let (output, gradient) = (maps(run.output(at), shape), maps(run.output_gradient(at), shape));
    let target = run.input_gradient(at, 0);
    kernels::extremum_backward(run.pool, run.arena, [input, output, gradient], target, write.accumulate);
}
