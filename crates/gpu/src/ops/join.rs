//! How few results that are each joined from many elements are cut into blocks.

use super::call::Call;
use crate::kernels::Family;
use crate::list::{Argument, COUNTERS, List};
use crate::view::View;

/// Elements of a result from which on several threads share them.
const MANY: usize = 64;
/// Results, by vectors, that fill a large card with a thread for each.
const ENOUGH: usize = 1 << 17;
/// Blocks that are meant to be at least: four for each multiprocessor of a large card.
const BLOCKS: usize = 528;
const _: () = assert!(BLOCKS <= COUNTERS, "a counter for each block");
/// Elements that a thread has at least, where it has company.
const SHARE: usize = 8;
/// Threads of a block at most.
const THREADS: usize = 256;

/// The elements that a result is joined from.
#[derive(Clone, Copy)]
pub(super) struct Elements {
    /// Pixels.
    pub(super) pixels: usize,
    /// Channels of each, where results are not each of the channel of their number.
    pub(super) channels: Option<usize>,
}

/// Blocks that join elements, for kernels that call `join_elements`.
pub(super) struct Join {
    lanes: usize,
    grid: [usize; 3],
    threads: usize,
    /// Bytes of the blocks' results.
    pub(super) bytes: usize,
}

impl Join {
    /// The blocks for the results of a view, by vectors of so many channels; none where a thread for each result does.
    pub(super) fn new(out: View, vector: usize, elements: Elements) -> Option<Self> {
        let channels = elements.channels.unwrap_or(1);
        let count = elements.pixels.saturating_mul(channels);
        let results = out.pixels * out.channels / vector;
        // Threads for neighbouring results read neighbouring elements, unless each reads many channels.
        let plain = channels < MANY && (count < MANY || results >= ENOUGH);
        if plain || results == 0 {
            return None;
        }
        let side = (out.channels / vector).next_power_of_two().min(32);
        let lanes = if elements.channels.is_some() { 1 } else { side };
        let rows = (count / SHARE).next_power_of_two().min(THREADS / lanes);
        let threads = (lanes * rows).max(32);
        let across = out.pixels * out.channels.div_ceil(lanes * vector);
        let along = (BLOCKS / across).clamp(1, (count / (SHARE * threads / lanes)).max(1));
        let bytes = if along > 1 { 4 * along * out.pixels * out.channels } else { 0 };
        Some(Self { lanes, grid: [across, along, 1], threads, bytes })
    }

    /// A call of a kernel, whose first arguments are the lanes, the blocks' results, which begin `skip` bytes into the scratch, and
    /// the counters.
    pub(super) fn call(&self, list: &mut List, family: Family, kernel: &str, skip: usize) -> Call {
        list.reserve(skip + self.bytes);
        Call::grid(family, kernel, self.grid, self.threads as u32)
            .int(self.lanes)
            .raw(Argument::Scratch(skip))
            .raw(Argument::Counters)
    }
}
