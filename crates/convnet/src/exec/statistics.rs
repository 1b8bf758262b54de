//! The batch's mean and variance of what normalizations read, computed where it is written: a dense layer's output is
//! normalized by every layer behind it, and always with the same two numbers.

use convnet_kernels::{self as kernels, Arena, Pool, View};

use super::forward::{Kind, Program, Step};
use super::storage::Slot;

/// Means and biased variances, a vector for each buffer that a normalization reads, a number for each channel.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    mean: Vec<Vec<f32>>,
    variance: Vec<Vec<f32>>,
}

impl Statistics {
    pub(super) fn new(program: &Program) -> Self {
        let mut mean = vec![Vec::new(); program.storage.buffers.len()];
        for step in program.steps.iter().filter(|step| matches!(step.kind, Kind::BatchNorm { .. })) {
            let buffer = program.storage.slot(step.stage.inputs[0]).buffer;
            mean[buffer] = vec![0.0; program.storage.buffers[buffer].channels];
        }
        Self { variance: mean.clone(), mean }
    }

    /// Mean and variance of a slot's channels.
    pub(super) fn of(&self, slot: Slot) -> [&[f32]; 2] {
        let channels = slot.channel..slot.channel + slot.channels;
        [&self.mean[slot.buffer][channels.clone()], &self.variance[slot.buffer][channels]]
    }

    /// The same to write, if a normalization reads the slot's buffer.
    pub(super) fn of_mut(&mut self, slot: Slot) -> Option<[&mut [f32]; 2]> {
        let channels = slot.channel..slot.channel + slot.channels;
        let mean = self.mean[slot.buffer].get_mut(channels.clone())?;
        Some([mean, self.variance[slot.buffer].get_mut(channels)?])
    }
}

impl Program {
    /// Computes the statistics of what a step has just written, where a normalization reads it.
    pub(super) fn measure(
        &self,
        (pool, arena): (&Pool, &mut Arena),
        (step, out): (&Step, View),
        statistics: &mut Statistics,
    ) {
        let slot = self.storage.slot(step.stage.out);
        let mut measure = |channel: usize, channels: usize| {
            let part = Slot { channel: slot.channel + channel, channels, ..slot };
            if let Some(vectors) = statistics.of_mut(part) {
                kernels::moments(pool, self.isa, arena, out.slice(channel, channels), vectors);
            }
        };
        match &step.kind {
            Kind::Concat => {
                for &(i, channel) in self.storage.copies(step.stage.out) {
                    measure(channel, step.stage.shapes[i].channels());
                }
            }
            _ => measure(0, slot.channels),
        }
    }
}
