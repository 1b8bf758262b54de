//! Tiles of the output from products.

use std::ops::Range;
use std::slice;

use super::blocks::Part;
use super::transform::output_transform;
use super::{Columns, Winograd, Work};
use crate::moments::{Target, measure_rows};
use crate::simd::{Simd, array};
use crate::tuning::winograd::CHUNK_PIXELS;

/// Transforms a block's products to tiles of the output, and measures their moments where they are wanted.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `work.arena`; `columns` are of the call, and
/// the part's products are theirs; `tiles` are tiles of the part, whole chunks of them where moments are wanted. Meanwhile nothing
/// writes the part's products, and nothing else uses these columns of these tiles of the output, or of their chunks of the moments;
/// an addend that is not the output is not written. The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn output_tiles<S: Simd>(
    work: Work<'_>,
    part: Part,
    columns: &Columns<'_>,
    tiles: Range<usize>,
) {
    let panels = work.call.panels;
    let channels = panels.columns(columns.panels.start).start..panels.columns(columns.panels.end - 1).end;
    // SAFETY: the caller has checked output and scratch, and gives columns of its own of tiles which the call has of this side;
    // the products start with the first of these channels; where moments are wanted the tiles are whole chunks.
    unsafe {
        match work.call.filtering.inputs() {
            4 => output_tiles_of::<S, 2, 4>(work, part, channels.clone(), tiles.clone()),
            6 => output_tiles_of::<S, 4, 6>(work, part, channels.clone(), tiles.clone()),
            _ => output_tiles_of::<S, 4, 8>(work, part, channels.clone(), tiles.clone()),
        }
        if let Some(target) = work.moments {
            measure_tiles::<S>(work, target, channels, part.first + tiles.start..part.first + tiles.end);
        }
    }
}

/// Writes the moments of some channels of tiles whose output was just written, the first of which starts a chunk.
///
/// # Safety
/// The tiles and the channels lie in the output, which was checked against the block of `work.arena`, and nothing writes them
/// meanwhile; the chunks of `target` that they are exist, and nothing else uses these channels of them. The CPU has the instruction
/// set.
#[inline(always)]
unsafe fn measure_tiles<S: Simd>(
    work: Work<'_>,
    target: Target,
    channels: Range<usize>,
    tiles: Range<usize>,
) {
    let Winograd { filtering, out, output_size: (height, width), .. } = *work.call;
    let (side, chunk) = (work.grid.side, filtering.chunk_tiles());
    for first in tiles.clone().step_by(chunk) {
        let mut rows = [std::ptr::null_mut(); CHUNK_PIXELS];
        let mut count = 0;
        for tile in first..(first + chunk).min(tiles.end) {
            let (image, y0, x0) = work.grid.place(tile);
            for y in y0..(y0 + side).min(height) {
                for x in x0..(x0 + side).min(width) {
                    let pixel = (image * height + y) * width + x;
                    // SAFETY: row and column lie in the output's map, so the pixel in its view, which was checked.
                    rows[count] = unsafe { work.arena.at(out.offset + pixel * out.stride) };
                    count += 1;
                }
            }
        }
        // SAFETY: the rows are pixels of the output, which have its channels; the caller has these of the chunk to itself.
        unsafe { measure_rows::<S>(target, first / chunk, &rows[..count], channels.clone()) };
    }
}

/// Transforms a block's products, of `IN` × `IN` points a tile, to some channels of tiles of `M` × `M` pixels of the output.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `work.arena`, and its tiles
/// have inputs of side `IN` and outputs of side `M`; `tiles` are tiles of the part, whose products are those of `channels`, from a
/// panel's first one on. Meanwhile nothing writes the part's products, and nothing else uses these channels of these tiles of the
/// output; an addend that is not the output is not written. The CPU has the instruction set.
#[inline(always)]
unsafe fn output_tiles_of<S: Simd, const M: usize, const IN: usize>(
    work: Work<'_>,
    part: Part,
    channels: Range<usize>,
    tiles: Range<usize>,
) {
    let call = work.call;
    let (height, width) = call.output_size;
    for t in tiles {
        let (image, y0, x0) = work.grid.place(part.first + t);
        let mut c = channels.start;
        while c < channels.end {
            let n = (channels.end - c).min(S::LANES);
            // SAFETY: the part's planes hold whole vectors of these channels for each point and tile; rows and
            // columns are cut at the output's edge, so that pixels lie in the checked views, with `n` more channels
            // in each and in the bias.
            unsafe {
                let mut columns = [[S::splat(0.0); M]; IN];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); IN, |i| {
                        S::load(work.arena.at(part.products.at(i * IN + j, t) + c - channels.start))
                    }];
                    *column = output_transform::<S, M, IN>(values);
                }
                let [floor, ceiling] = call.relu.bounds();
                let (floor, ceiling) = (S::splat(floor), S::splat(ceiling));
                let bias = match call.bias {
                    Some(bias) => S::load_first(bias.as_ptr().add(c), n),
                    None => S::splat(0.0),
                };
                for i in 0..M.min(height - y0) {
                    let line = output_transform::<S, M, IN>(array![S::splat(0.0); IN, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate().take(width - x0) {
                        let pixel = (image * height + y0 + i) * width + x0 + j;
                        let mut value = S::add(value, bias);
                        if let Some(addend) = call.addend {
                            let p = work.arena.at(addend.offset + pixel * addend.stride + c);
                            value = S::add(value, S::load_first(p, n));
                        }
                        // In this order NaN stays NaN.
                        value = S::min(ceiling, S::max(floor, value));
                        let p = work.arena.at(call.out.offset + pixel * call.out.stride + c);
                        S::store_first(p, value, n);
                    }
                }
            }
            c += n;
        }
        if call.relu.is_finished_later() {
            for (i, j) in (0..M.min(height - y0)).flat_map(|i| (0..M.min(width - x0)).map(move |j| (i, j))) {
                let pixel = (image * height + y0 + i) * width + x0 + j;
                // SAFETY: these pixels were just written, with all of their channels.
                let pixel = unsafe {
                    slice::from_raw_parts_mut(
                        work.arena.at(call.out.offset + pixel * call.out.stride + channels.start),
                        channels.len(),
                    )
                };
                call.relu.finish::<S>(pixel);
            }
        }
    }
}
