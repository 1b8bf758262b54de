//! Tiles of the input in Winograd's domain.

use std::ops::Range;

use super::Grid;
use super::planes::Planes;
use super::transform::input_transform;
use crate::arena::{Pointer, View};
use crate::isa::Isa;
use crate::simd::{Simd, WIDEST_LANES, array, dispatch};

/// What the border reads.
static ZEROS: [f32; WIDEST_LANES] = [0.0; WIDEST_LANES];

/// A map, its border and its tiles.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) view: View,
    /// Height and width.
    pub(super) size: (usize, usize),
    /// Zeros above and to the left.
    pub(super) padding: (usize, usize),
    /// Input rows of a tile: four, six or eight.
    pub(super) inputs: usize,
    pub(super) grid: Grid,
}

/// Transforms `tiles` of the block that starts at tile `first`.
///
/// # Safety
/// The source's view lies in the block of `arena` and holds whole maps of its size; `target` lies in it too, with
/// room for the source's channels, apart from the view. From `first` on the `tiles` are tiles of the grid, and rows
/// of the target. Meanwhile nothing writes the view, and nothing else uses these rows.
pub(super) unsafe fn transform_tiles(
    isa: Isa,
    arena: Pointer,
    source: Source,
    target: Planes,
    (first, tiles): (usize, Range<usize>),
) {
    // SAFETY: the caller has view and target inside the block, apart, and gives tiles of its own.
    unsafe {
        dispatch!(isa, input_tiles(arena: Pointer, source: Source, target: Planes, first: usize, tiles: Range<usize>));
    }
}

/// Transforms `tiles` of the block that starts at tile `first`.
///
/// # Safety
/// As [`transform_tiles`], and the CPU has the instruction set.
#[inline(always)]
unsafe fn input_tiles<S: Simd>(
    arena: Pointer,
    source: Source,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    // SAFETY: all of it is the caller's.
    unsafe {
        match source.inputs {
            4 => input_tiles_of::<S, 4>(arena, source, target, first, tiles),
            6 => input_tiles_of::<S, 6>(arena, source, target, first, tiles),
            _ => input_tiles_of::<S, 8>(arena, source, target, first, tiles),
        }
    }
}

/// Transforms `tiles` of the block that starts at tile `first`.
///
/// # Safety
/// The source's view lies in the block of `arena` and holds whole maps of its size; `target` lies in it too, with
/// room for the source's channels, apart from the view. From `first` on the `tiles` are tiles of the grid, and rows
/// of the target. Meanwhile nothing writes the view, and nothing else uses these rows. The CPU has the instruction
/// set.
#[inline(always)]
unsafe fn input_tiles_of<S: Simd, const IN: usize>(
    arena: Pointer,
    source: Source,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    let channels = source.view.channels;
    let (height, width) = source.size;
    for t in tiles {
        let (image, y0, x0) = source.grid.place(first + t);
        // The tile's pixels; those of the border read zeros, whatever the channel.
        let mut pixels = [[(ZEROS.as_ptr(), 0); IN]; IN];
        for (i, line) in pixels.iter_mut().enumerate() {
            for (j, place) in line.iter_mut().enumerate() {
                let (y, x) =
                    ((y0 + i).wrapping_sub(source.padding.0), (x0 + j).wrapping_sub(source.padding.1));
                if y < height && x < width {
                    let pixel = (image * height + y) * width + x;
                    // SAFETY: row and column lie in the map, so the pixel in the view, which the caller has inside
                    // the block.
                    let first = unsafe { arena.at(source.view.offset + pixel * source.view.stride) };
                    *place = (first.cast_const(), usize::MAX);
                }
            }
        }
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(S::LANES);
            // SAFETY: each place is a pixel of the view with `n` more channels from `c` on, or as many zeros as a
            // vector has lanes; the target holds a row of whole vectors for each point and tile, the caller's alone.
            unsafe {
                let mut columns = [[S::splat(0.0); IN]; IN];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); IN, |i| {
                        let (first, mask) = pixels[i][j];
                        let p = first.add(c & mask);
                        S::load_first(p, n)
                    }];
                    *column = input_transform::<S, IN>(values);
                }
                for i in 0..IN {
                    let line = input_transform::<S, IN>(array![S::splat(0.0); IN, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate() {
                        // A row has room for whole vectors, which nothing reads beyond the channels.
                        S::store(arena.at(target.at(i * IN + j, t) + c), value);
                    }
                }
            }
            c += n;
        }
    }
}
