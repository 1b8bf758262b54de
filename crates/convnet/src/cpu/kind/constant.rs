//! Numbers that are the same for every image.

use convnet_kernels::{self as kernels, View};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::loader::Loader;
use crate::cpu::run::{At, Backward, Forward};
use crate::plan::{CompileError, GradientWrite, Stage};

pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage) -> Bound {
    let shape = binder.node(stage.node).shape;
    let weight = binder.allocate(shape.elements());
    Bound::plain(binder, stage, Kind::Constant, Parameters { weight, bias: None, half: None })
}

pub(super) fn load(loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
    let specs = loader.graph.node_parameters(at.stage.node);
    crate::weights::read(loader.source, &specs[0], &mut loader.parameters[at.parameters.weight.clone()])
}

pub(super) fn forward(run: &mut Forward<'_>, at: At<'_>) {
    let (out, values) = (run.output(at), run.weight(at));
    let (height, width) = run.plan.shape(at.stage).spatial();
    let map = height * width;
    for image in 0..run.n {
        let one = View { offset: out.offset + image * map * out.stride, pixels: map, ..out };
        kernels::from_nchw(run.pool, run.isa, run.arena, values, map, one);
    }
}

/// Nothing of the gradient comes through.
pub(super) fn backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    if !write.accumulate {
        let target = run.input_gradient(at, 0);
        kernels::fill(run.pool, run.isa, run.arena, target, 0.0);
    }
}
