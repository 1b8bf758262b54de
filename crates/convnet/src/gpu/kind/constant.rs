//! Numbers that are the same for every image.

use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::plan::{Mode, Stage};

pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage) -> Bound {
    // Training leaves it alone.
    let train = binder.mode() == Mode::Train;
    let weight = binder.allocate_for(binder.node(stage.node).shape.elements(), train);
    Bound::plain(binder, stage, Kind::Constant, Parameters { weight, bias: None })
}

pub(super) fn forward(run: &mut Emit<'_>, at: At<'_>) {
    let (height, width) = run.plan.shape(at.stage).spatial();
    let (values, out) = (run.weight(at), run.output(at));
    run.list.repeat(values, height * width, out);
}

/// Nothing of the gradient comes through.
pub(super) fn backward(run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
    if !accumulate {
        let target = run.input_gradient(at, 0);
        run.list.fill(target, 0.0);
    }
}
