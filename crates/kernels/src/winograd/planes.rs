//! How transformed tiles lie in scratch.

use crate::geometry::product;
use crate::tuning::machine::LINE_FLOATS;
use crate::tuning::winograd::SET_LINES;

/// `[point][tile][channel]`, spaced so that neither the points of a tile nor the tiles of a point share a few
/// sets of the first-level cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    offset: usize,
    /// Floats from one tile to the next.
    pub(super) row: usize,
    /// Floats from one point to the next.
    point: usize,
}

impl Planes {
    /// The most floats by which [`Planes::floats`] exceeds a row for each point and tile.
    pub(super) fn slack(points: usize) -> usize {
        points * LINE_FLOATS
    }

    /// Room for `tiles` tiles of `channels` channels from `offset` on.
    pub(super) fn new(offset: usize, tiles: usize, channels: usize) -> Self {
        Self { offset, row: Self::row(channels), point: Self::point(tiles, channels) }
    }

    /// Floats of a row of channels: whole cache lines, and not a multiple of 512 bytes.
    pub(super) fn row(channels: usize) -> usize {
        let lines = channels.div_ceil(LINE_FLOATS);
        if lines.is_multiple_of(SET_LINES) { (lines + 1) * LINE_FLOATS } else { lines * LINE_FLOATS }
    }

    /// An odd number of cache lines, so that successive points fall in different sets.
    fn point(tiles: usize, channels: usize) -> usize {
        ((product(&[tiles, Self::row(channels)]) / LINE_FLOATS) | 1) * LINE_FLOATS
    }

    /// Floats that the room takes.
    pub(super) fn floats(points: usize, tiles: usize, channels: usize) -> usize {
        product(&[points, Self::point(tiles, channels)])
    }

    /// The first float of a tile's row of a point.
    #[inline(always)]
    pub(super) fn at(&self, point: usize, tile: usize) -> usize {
        self.offset + point * self.point + tile * self.row
    }
}
