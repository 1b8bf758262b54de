//! The batch's mean and variance of what normalizations read, computed where it is written: a dense layer's output is
//! normalized by every layer behind it, and always with the same two numbers.

use crate::plan::{Plan, Slot};

/// Means and biased variances, a vector for each buffer that a normalization reads, a number for each channel.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    mean: Vec<Vec<f32>>,
    variance: Vec<Vec<f32>>,
}

impl Statistics {
    /// Room for the statistics of the buffers that hold the slots.
    pub(super) fn new(plan: &Plan, slots: impl Iterator<Item = Slot>) -> Self {
        let channels: Vec<usize> = plan.buffer_channels().collect();
        let mut mean = vec![Vec::new(); channels.len()];
        slots.for_each(|slot| mean[slot.buffer] = vec![0.0; channels[slot.buffer]]);
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
