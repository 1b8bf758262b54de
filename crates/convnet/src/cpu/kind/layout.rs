//! Layers that only move elements: the images, concatenation, Flatten, borders.

use convnet_kernels::{self as kernels, Border};

use crate::cpu::run::{At, Backward, Forward};
use crate::ops::ConstantPad2d;
use crate::plan::{BackwardStage, GradientWrite};

/// A border of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct Pad {
    border: Border,
    value: f32,
}

/// The images into the arena, channels last, unless what reads them takes them as they are given.
pub(super) fn input(run: &mut Forward<'_>, at: At<'_>) {
    if run.plan.passes(at.stage.out) {
        return;
    }
    let (height, width) = run.plan.shape(at.stage).spatial();
    let out = run.output(at);
    kernels::from_nchw(run.pool, run.isa, run.arena, run.images, height * width, out);
}

/// Copies of the inputs that are not written in place.
pub(super) fn concat(run: &mut Forward<'_>, at: At<'_>) {
    let out = run.output(at);
    for &(i, channel) in run.plan.copies(at.stage.out) {
        let target = out.slice(channel, at.stage.shapes[i].channels());
        let input = run.input(at, i);
        kernels::copy(run.pool, run.isa, run.arena, input, target);
    }
}

/// A channel of each input in turn.
pub(super) fn interleave(run: &mut Forward<'_>, at: At<'_>) {
    let inputs: Vec<_> = (0..at.stage.inputs.len()).map(|i| run.input(at, i)).collect();
    let out = run.output(at);
    kernels::interleave(run.pool, run.isa, run.arena, &inputs, out);
}

pub(super) fn concat_backward(run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
    let dy = run.output_gradient(at);
    for &(i, channel) in run.plan.copies(at.stage.out) {
        if let Some(write) = &back.inputs[i] {
            let source = dy.slice(channel, at.stage.shapes[i].channels());
            run.pass(source, run.input_gradient(at, i), write.accumulate);
        }
    }
}

/// Pixels of the map that a stage reads.
fn map(at: At<'_>) -> usize {
    let (height, width) = at.stage.shapes[0].spatial();
    height * width
}

pub(super) fn flatten(run: &mut Forward<'_>, at: At<'_>) {
    let views = [run.input(at, 0), run.output(at)];
    kernels::flatten(run.arena, map(at), views);
}

pub(super) fn flatten_backward(run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
    let views = [run.output_gradient(at), run.input_gradient(at, 0)];
    kernels::flatten_backward(run.arena, map(at), views, write.accumulate);
}

impl Pad {
    pub(super) fn new(op: &ConstantPad2d) -> Self {
        let ConstantPad2d { left, right, top, bottom, value } = *op;
        Self { border: Border { top, bottom, left, right }, value }
    }

    pub(super) fn forward(self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        kernels::pad(run.pool, run.arena, views, at.stage.shapes[0].spatial(), self.border, self.value);
    }

    pub(super) fn backward(self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let size = at.stage.shapes[0].spatial();
        kernels::pad_backward(run.pool, run.arena, views, size, self.border, write.accumulate);
    }
}
