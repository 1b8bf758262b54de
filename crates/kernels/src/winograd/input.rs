//! Tiles of the input in Winograd's domain.

use std::ops::Range;

use super::transform::input_transform;
use super::{Grid, IN};
use crate::arena::{Pointer, View};
use crate::isa::Isa;
use crate::simd::{Simd, array, dispatch};

/// A map, its border and its tiles.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) view: View,
    /// Height and width.
    pub(super) size: (usize, usize),
    /// Zeros above and to the left.
    pub(super) padding: (usize, usize),
    pub(super) grid: Grid,
}

/// Where transformed tiles go: `[point][tile][channel]`, with room for `rows` tiles at each point.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) offset: usize,
    pub(super) rows: usize,
}

/// Transforms `tiles` of the block that starts at tile `first`.
///
/// # Safety
/// The source's view and the target lie in the arena, and no other task uses these rows of the target.
pub(super) unsafe fn transform_tiles(
    isa: Isa,
    arena: Pointer,
    source: Source,
    target: Target,
    (first, tiles): (usize, Range<usize>),
) {
    // SAFETY: passed on.
    unsafe {
        dispatch!(isa, input_tiles(arena: Pointer, source: Source, target: Target, first: usize, tiles: Range<usize>));
    }
}

#[inline(always)]
unsafe fn input_tiles<S: Simd>(
    arena: Pointer,
    source: Source,
    target: Target,
    first: usize,
    tiles: Range<usize>,
) {
    let channels = source.view.channels;
    let (height, width) = source.size;
    for t in tiles {
        let (image, y0, x0) = source.grid.place(first + t);
        let pixel = |i: usize, j: usize| {
            let (y, x) = ((y0 + i).wrapping_sub(source.padding.0), (x0 + j).wrapping_sub(source.padding.1));
            (y < height && x < width).then(|| (image * height + y) * width + x)
        };
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(S::LANES);
            // SAFETY: pixels lie in the input, `n` more channels in each; the target holds a row of all
            // channels for each point and tile.
            unsafe {
                let mut columns = [[S::splat(0.0); IN]; IN];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); IN, |i| match pixel(i, j) {
                        Some(pixel) => {
                            let p = arena.at(source.view.offset + pixel * source.view.stride + c);
                            if n == S::LANES { S::load(p) } else { S::load_first(p, n) }
                        }
                        None => S::splat(0.0),
                    }];
                    *column = input_transform::<S>(values);
                }
                for i in 0..IN {
                    let line = input_transform::<S>(array![S::splat(0.0); IN, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate() {
                        let at = target.offset + ((i * IN + j) * target.rows + t) * channels + c;
                        if n == S::LANES {
                            S::store(arena.at(at), value);
                        } else {
                            S::store_first(arena.at(at), value, n);
                        }
                    }
                }
            }
            c += n;
        }
    }
}
