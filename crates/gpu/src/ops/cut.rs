//! How sums by channel over the pixels of a view are cut into blocks.

use crate::list::COUNTERS;
use crate::view::View;

/// Threads of a reduction's block.
pub(super) const THREADS: usize = 512;
/// Channels of a thread of a gradient's sums, where it reads vectors.
pub(super) const VECTOR: usize = 4;
/// Channels of a block at most, where it reads vectors.
const CHANNELS: usize = 64;
/// Blocks that a reduction is meant to have: two for each multiprocessor of a large card.
const BLOCKS: usize = 264;

/// How a reduction over a view's pixels is cut into blocks.
pub(super) struct Cut {
    /// Blocks over pixels and over channels.
    pub(super) grid: [usize; 3],
    pub(super) wide: bool,
    /// Bytes of the blocks' sums.
    pub(super) bytes: usize,
}

impl Cut {
    /// The channels that there are counters for, however they are read.
    pub(super) const MOST_CHANNELS: usize = 32 * COUNTERS;

    /// A thread reads `vector` channels at once, or one.
    pub(super) fn new(view: View, vector: Option<usize>, sums: usize) -> Self {
        let (wide, lanes) = (vector.is_some(), vector.unwrap_or(1));
        let side =
            (view.channels / lanes).next_power_of_two().clamp(1, if wide { CHANNELS / lanes } else { 32 });
        let columns = view.channels.div_ceil(side * lanes).max(1);
        assert!(columns <= COUNTERS, "{view:?} has too many channels for a reduction");
        let rows = view.pixels.div_ceil(THREADS / side * 4).max(1);
        let blocks = (BLOCKS / columns).clamp(1, rows);
        Self { grid: [blocks, columns, 1], wide, bytes: 4 * blocks * sums * view.channels }
    }
}
