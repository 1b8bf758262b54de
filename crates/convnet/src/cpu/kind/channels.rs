//! Layers over the channels of a pixel: Softmax, its logarithm, LocalResponseNorm.

use convnet_kernels::{self as kernels, LocalResponse};

use crate::cpu::run::{At, Backward, Forward};
use crate::plan::GradientWrite;

pub(super) fn softmax(run: &mut Forward<'_>, at: At<'_>) {
    let views = [run.input(at, 0), run.output(at)];
    kernels::softmax(run.pool, run.isa, run.arena, views);
}

pub(super) fn softmax_backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    let views = [run.output(at), run.output_gradient(at), run.input_gradient(at, 0)];
    kernels::softmax_backward(run.arena, views, write.accumulate);
}

pub(super) fn log_softmax(run: &mut Forward<'_>, at: At<'_>) {
    let views = [run.input(at, 0), run.output(at)];
    kernels::log_softmax(run.pool, run.arena, views);
}

pub(super) fn log_softmax_backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    let views = [run.output(at), run.output_gradient(at), run.input_gradient(at, 0)];
    kernels::log_softmax_backward(run.arena, views, write.accumulate);
}

pub(super) fn local_response(norm: LocalResponse, run: &mut Forward<'_>, at: At<'_>) {
    let views = [run.input(at, 0), run.output(at)];
    kernels::local_response(run.pool, run.isa, run.arena, norm, views);
}

pub(super) fn local_response_backward(
    norm: LocalResponse,
    run: &mut Backward<'_>,
    at: At<'_>,
    write: &GradientWrite,
) {
    let views = [run.input(at, 0), run.output_gradient(at), run.input_gradient(at, 0)];
    kernels::local_response_backward(run.pool, run.isa, run.arena, norm, views, write.accumulate);
}
