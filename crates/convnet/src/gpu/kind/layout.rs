//! Layers that only move elements: the images, concatenation, borders.

use convnet_gpu::Border;

use crate::gpu::emit::{At, Emit};
use crate::ops::ConstantPad2d;
use crate::plan::BackwardStage;

/// A border of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct Pad {
    border: Border,
    value: f32,
}

/// The images, channels last, unless every convolution that reads them packs them itself.
pub(super) fn input(run: &mut Emit<'_>, at: At<'_>) {
    let (height, width) = run.plan.shape(at.stage).spatial();
    let (images, out) = (run.images(), run.output(at));
    let vectors = images.rows(images.len / run.n);
    run.list.unflatten(height * width, [vectors, out], false);
}

/// Copies of the inputs that are not written in place.
pub(super) fn concat(run: &mut Emit<'_>, at: At<'_>) {
    let out = run.output(at);
    for &(i, channel) in run.plan.copies(at.stage.out) {
        let target = out.slice(channel, at.stage.shapes[i].channels());
        run.list.copy(run.input(at, i), target);
    }
}

pub(super) fn concat_backward(run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
    let dy = run.output_gradient(at);
    for &(i, channel) in run.plan.copies(at.stage.out) {
        if let Some(write) = &back.inputs[i] {
            let source = dy.slice(channel, at.stage.shapes[i].channels());
            run.list.transfer(source, run.input_gradient(at, i), write.accumulate);
        }
    }
}

/// Pixels of the map that a stage reads.
pub(super) fn map(at: At<'_>) -> usize {
    let (height, width) = at.stage.shapes[0].spatial();
    height * width
}

impl Pad {
    pub(super) fn new(op: &ConstantPad2d) -> Self {
        let ConstantPad2d { left, right, top, bottom, value } = *op;
        Self { border: Border { top, bottom, left, right }, value }
    }

    pub(super) fn forward(self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        run.list.pad(views, at.stage.shapes[0].spatial(), self.border, self.value);
    }

    pub(super) fn backward(self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        run.list.pad_backward(views, at.stage.shapes[0].spatial(), self.border, accumulate);
    }
}
