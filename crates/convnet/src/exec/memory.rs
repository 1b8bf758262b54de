//! When each buffer of a program is needed.

use super::backward::BackStep;
use super::forward::{Kind, Program};
use super::lifetime::Lifetime;
use super::lower::Mode;
use crate::graph::NodeId;

/// When inference needs each buffer, in steps.
pub(super) fn inference(program: &Program, output: NodeId, batch: usize) -> Option<Vec<Lifetime>> {
    let end = program.steps.len();
    let mut lives = vec![(usize::MAX, 0usize); program.storage.buffers.len()];
    let mut touch = |buffer: usize, time: usize| {
        let (first, last) = lives[buffer];
        lives[buffer] = (first.min(time), last.max(time));
    };
    for (time, step) in program.steps.iter().enumerate() {
        touch(program.storage.slot(step.stage.out).buffer, time);
        for &input in &step.stage.inputs {
            touch(program.storage.slot(input).buffer, time);
        }
        if let Kind::Conv { padded, addend, .. } = &step.kind {
            if let Some(slot) = padded {
                touch(slot.buffer, time);
            }
            if let Some(value) = addend {
                touch(program.storage.slot(*value).buffer, time);
            }
        }
        if program.mode == Mode::Trace {
            touch(program.storage.slot(step.stage.out).buffer, end);
        }
    }
    let output = program.lowered.value[output.index()].unwrap_or(output);
    touch(program.storage.slot(output).buffer, end);
    lives
        .iter()
        .zip(&program.storage.buffers)
        .map(|(&(first, last), buffer)| {
            Some(Lifetime { size: buffer.floats().checked_mul(batch)?, first: first.min(last), last })
        })
        .collect()
}

/// When training needs each buffer and its gradient: forward step i at time i, the loss after the last, then
/// backward steps. The second number is where the gradients begin in the list.
pub(super) fn training(
    program: &Program,
    outputs: &[NodeId],
    back: &[BackStep],
    batch: usize,
) -> Option<(Vec<Lifetime>, usize)> {
    let split = program.storage.buffers.len();
    let mut lives = vec![(usize::MAX, 0usize); 2 * split];
    let mut touch = |buffer: usize, time: usize| {
        let (first, last) = lives[buffer];
        lives[buffer] = (first.min(time), last.max(time));
    };
    let slot = |value: NodeId| program.storage.slot(value).buffer;
    let loss = program.steps.len();
    for (time, step) in program.steps.iter().enumerate() {
        touch(slot(step.stage.out), time);
        step.stage.inputs.iter().for_each(|&input| touch(slot(input), time));
        if let Kind::Conv { padded: Some(padded), .. } = &step.kind {
            touch(padded.buffer, time);
        }
    }
    for &value in outputs {
        touch(slot(value), loss);
        touch(split + slot(value), loss);
    }
    for (i, back) in back.iter().enumerate() {
        let (time, step) = (loss + 1 + i, &program.steps[back.step]);
        touch(split + slot(step.stage.out), time);
        for (&input, write) in step.stage.inputs.iter().zip(&back.inputs) {
            if write.is_some() {
                touch(split + slot(input), time);
            }
        }
        let (input, output) = match &step.kind {
            Kind::Conv { padded: Some(padded), .. } => {
                touch(padded.buffer, time);
                (false, false)
            }
            Kind::Conv { .. } | Kind::Linear { .. } | Kind::BatchNorm { .. } | Kind::LocalResponse(_) => {
                (true, false)
            }
            Kind::Activation(_) | Kind::Softmax | Kind::LogSoftmax => (false, true),
            _ => (false, false),
        };
        if input {
            touch(slot(step.stage.inputs[0]), time);
        }
        if output || step.masks_by_output() {
            touch(slot(step.stage.out), time);
        }
    }
    let sizes = program.storage.buffers.iter().chain(&program.storage.buffers);
    let lifetimes = lives.iter().zip(sizes).map(|(&(first, last), buffer)| {
        // A buffer that is never touched (the gradient of the images) takes no room.
        let size = if first == usize::MAX { 0 } else { buffer.floats().checked_mul(batch)? };
        Some(Lifetime { size, first: first.min(last), last })
    });
    Some((lifetimes.collect::<Option<Vec<_>>>()?, split))
}
