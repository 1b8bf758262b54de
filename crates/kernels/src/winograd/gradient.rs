//! The weight gradient of a convolution in Winograd's domain: a sum of outer products over tiles for each point.

use std::ops::Range;

use super::blocks::tile_floats;
use super::input::{Source, transform_tiles};
use super::planes::Planes;
use super::transform::{gradient_transform, kernel_transform};
use super::{Filtering, Grid};
use crate::ahead::Span;
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::outer::{Found, Segment, Tile, tile_of};
use crate::panels::Panels;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tiling::by_group;
use crate::tuning::winograd::{
    GRADIENT_BLOCK_BYTES, LEAST_GRADIENT_POINTS, LEAST_TASK_PANELS, LEAST_TASK_TILES, LEAST_TASK_UNITS,
    MOST_GRADIENT_TILES, UNITS_TOGETHER, WHOLE_GRADIENT_TILES,
};

/// The weight gradient of a 3×3 or 5×5 convolution of stride 1 and dilation 1.
#[derive(Clone, Copy, Debug)]
pub struct WinogradGradient {
    /// Rows and columns of the kernel and of a tile of the output.
    pub filtering: Filtering,
    /// Images.
    pub batch: usize,
    /// The forward convolution's input map, and its height and width.
    pub input: View,
    /// Height and width of the input.
    pub input_size: (usize, usize),
    /// Zeros above and to the left of it.
    pub padding: (usize, usize),
    /// The gradient of the output map.
    pub output_gradient: View,
    /// Height and width of the output.
    pub output_size: (usize, usize),
    /// The layout of one of [`Filtering::points`] matrices, input × output channels.
    pub panels: Panels,
    /// Where [`winograd_gradient_scratch`] floats lie free in the arena.
    pub scratch: usize,
}

/// The most tiles of one of several blocks.
fn most_tiles(filtering: Filtering, panels: Panels) -> usize {
    let fitting = GRADIENT_BLOCK_BYTES / size_of::<f32>() / tile_floats(filtering, panels);
    fitting.clamp(LEAST_GRADIENT_POINTS / filtering.points(), MOST_GRADIENT_TILES)
}

/// Tiles of a block: all if they are few, else nearly as many in each.
fn block_size(tiles: usize, filtering: Filtering, panels: Panels) -> usize {
    if tiles <= WHOLE_GRADIENT_TILES {
        return tiles;
    }
    tiles.div_ceil(tiles.div_ceil(most_tiles(filtering, panels)))
}

/// Floats of both operands' transformed tiles, and where those of the second start.
fn scratch_floats(rows: usize, points: usize, panels: Panels) -> (usize, usize) {
    let left = Planes::floats(points, rows, panels.k);
    (left + Planes::floats(points, rows, panels.padded_n()), left)
}

/// Floats of scratch that a call on up to `batch` images needs.
///
/// # Panics
/// If the number overflows.
pub fn winograd_gradient_scratch(
    batch: usize,
    filtering: Filtering,
    output_size: (usize, usize),
    panels: Panels,
) -> usize {
    let (points, tiles) = (filtering.points(), Grid::new(filtering.outputs(), output_size).tiles(batch));
    scratch_floats(tiles.min(most_tiles(filtering, panels).max(WHOLE_GRADIENT_TILES)), points, panels).0
}

/// Writes the gradient of packed kernels, in their layout (`layout`: kernel²·C × N); `products` is room for a
/// matrix of each point. Each element is summed by one task, block by block.
///
/// # Panics
/// If a view reaches beyond the arena, lengths do not match, or tiles are those of F(2×2, 3×3).
pub fn winograd_gradient(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &WinogradGradient,
    products: &mut [f32],
    (gradient, layout): (&mut [f32], Panels),
) {
    let WinogradGradient { filtering, batch, input, output_gradient, panels, .. } = *call;
    filtering.assert_of_gradients();
    arena.check(input);
    arena.check(output_gradient);
    let (size, output) = (call.input_size, call.output_size);
    assert_eq!(input.pixels, product(&[batch, size.0, size.1]), "input pixels");
    assert_eq!(output_gradient.pixels, product(&[batch, output.0, output.1]), "output pixels");
    let (kernel, points, grid) =
        (filtering.kernel(), filtering.points(), Grid::new(filtering.outputs(), output));
    assert!(call.padding.0 < kernel && call.padding.1 < kernel, "padding narrower than the kernel");
    assert_eq!(
        panels,
        Panels::new(isa, input.channels, output_gradient.channels),
        "another product's layout"
    );
    assert_eq!(
        layout,
        Panels::new(isa, product(&[kernel, kernel, panels.k]), panels.n),
        "another convolution's layout"
    );
    assert_eq!(products.len(), product(&[points, panels.len()]), "length of the products");
    assert_eq!(gradient.len(), layout.len(), "length of the gradient");
    let tiles = grid.tiles(batch);
    if tiles == 0 || panels.is_empty() {
        gradient.fill(0.0);
        return;
    }
    let isa = isa.for_columns(panels.n);
    let rows = block_size(tiles, filtering, panels);
    let (floats, left_floats) = scratch_floats(rows, points, panels);
    let scratch = View::dense(call.scratch, 1, floats);
    arena.check(scratch);
    scratch.assert_disjoint(input);
    scratch.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    let source = Source { view: input, size, padding: call.padding, inputs: filtering.inputs(), grid };
    let left = Planes::new(call.scratch, rows, panels.k);
    let right = Planes::new(call.scratch + left_floats, rows, panels.padded_n());
    let (sums, target) = (Pointer::of(products), Pointer::of(gradient));
    let to = To { sums, panels, filtering, target, layout };
    let units = panels.count() * panels.k.div_ceil(isa.tile_rows());
    let transform = |first: usize, count: usize| {
        // SAFETY: views, sizes, lengths and scratch were checked above; tasks have different tiles; nothing writes the
        // views.
        pool.ranges(count, LEAST_TASK_TILES, &|tiles| unsafe {
            transform_tiles(isa, pointer, source, left, (first, tiles.clone()));
            dispatch!(isa, gradient_tiles(
                call: &WinogradGradient, pointer: Pointer, right: Planes, first: usize, tiles: Range<usize>
            ));
        });
    };
    if let Some(floats) = lane_floats(pool.threads(), isa, (points, panels), (tiles, rows)) {
        transform(0, tiles);
        let block = Block { left, right, count: tiles, first: true };
        pool.ranges_on(units, LEAST_TASK_UNITS, &|lane, own| {
            let first = lane * floats;
            // SAFETY: the tiles above are all there are; tasks have different units, and those that run at a time different
            // lanes, less than the threads, for each of which the sums have so many floats.
            unsafe { dispatch!(isa, whole_units(pointer: Pointer, block: Block, to: To, first: usize, own: Range<usize>)) };
        });
        return;
    }
    for first in (0..tiles).step_by(rows) {
        let count = rows.min(tiles - first);
        transform(first, count);
        let block = Block { left, right, count, first: first == 0 };
        pool.ranges(points * panels.count(), LEAST_TASK_PANELS, &|parts| {
            // SAFETY: the tiles above are the block's; tasks have different panels of points.
            unsafe { dispatch!(isa, sum_parts(pointer: Pointer, block: Block, to: To, parts: Range<usize>)) };
        });
    }
    pool.ranges(units, LEAST_TASK_UNITS, &|own| {
        // SAFETY: the sums of all points are there; tasks have different units, so rows of the gradient.
        unsafe { dispatch!(isa, finish_units(to: To, own: Range<usize>)) };
    });
}

/// Floats of the sums of [`UNITS_TOGETHER`] units, where all tiles are one block and so many threads find room for theirs in the
/// matrices of all points.
fn lane_floats(
    threads: usize,
    isa: Isa,
    (points, panels): (usize, Panels),
    (tiles, block): (usize, usize),
) -> Option<usize> {
    let floats = product(&[UNITS_TOGETHER, points, isa.tile_rows(), panels.width(0)]);
    (tiles == block && product(&[threads, floats]) <= product(&[points, panels.len()])).then_some(floats)
}

/// Transformed tiles of both operands, and whether their products are the first ones.
#[derive(Clone, Copy)]
struct Block {
    left: Planes,
    right: Planes,
    count: usize,
    first: bool,
}

/// Where sums and gradients go.
#[derive(Clone, Copy)]
struct To {
    sums: Pointer,
    /// The layout of a point's matrix.
    panels: Panels,
    filtering: Filtering,
    target: Pointer,
    layout: Panels,
}

/// Some rows of a panel of all points' matrices, no more than a tile has.
struct Unit {
    panel: usize,
    rows: Range<usize>,
    /// The first of its sums, and how many lie from one point's to the next one's.
    start: usize,
    step: usize,
}

impl To {
    /// Part number `part` of `of` of a panel's rows, where the sums are the points' matrices.
    #[inline(always)]
    fn unit(&self, panel: usize, part: usize, of: usize) -> Unit {
        let panels = self.panels;
        let rows = part * panels.k / of..(part + 1) * panels.k / of;
        let start = panels.start(panel) + rows.start * panels.width(panel);
        Unit { panel, rows, start, step: panels.len() }
    }
}

/// Transforms tiles of the output's gradient.
///
/// # Safety
/// [`winograd_gradient`] has checked the call and its scratch against the block of `arena`; `target` is the planes of
/// the second operand there. From `first` on the `tiles` are tiles of the output, and rows of the target. Meanwhile
/// nothing writes the output's gradient, and nothing else uses these rows. The CPU has the instruction set.
#[inline(always)]
unsafe fn gradient_tiles<S: Simd>(
    call: &WinogradGradient,
    arena: Pointer,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    // SAFETY: the caller has checked call and scratch, and gives tiles of its own, which the kernel has of this side.
    unsafe {
        match (call.filtering.outputs(), call.filtering.inputs()) {
            (2, _) => gradient_tiles_of::<S, 2, 6>(call, arena, target, first, tiles),
            (4, 6) => gradient_tiles_of::<S, 4, 6>(call, arena, target, first, tiles),
            (4, _) => gradient_tiles_of::<S, 4, 8>(call, arena, target, first, tiles),
            _ => gradient_tiles_of::<S, 6, 8>(call, arena, target, first, tiles),
        }
    }
}

/// Transforms tiles of the output's gradient, of `M` × `M` pixels each.
///
/// # Safety
/// [`winograd_gradient`] has checked the call and its scratch against the block of `arena`, and its kernel has
/// outputs of side `M`; `target` is the planes of the second operand there. From `first` on the `tiles` are tiles of
/// the output, and rows of the target. Meanwhile nothing writes the output's gradient, and nothing else uses these
/// rows. The CPU has the instruction set.
#[inline(always)]
unsafe fn gradient_tiles_of<S: Simd, const M: usize, const IN: usize>(
    call: &WinogradGradient,
    arena: Pointer,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    let grid = Grid::new(M, call.output_size);
    let view = call.output_gradient;
    let padded = call.panels.padded_n();
    let (height, width) = call.output_size;
    for t in tiles {
        let (image, y0, x0) = grid.place(first + t);
        for c in (0..padded).step_by(S::LANES) {
            let n = (view.channels - c).min(S::LANES);
            // SAFETY: pixels that are read lie in the map, so in the checked view, with `n` more channels in each;
            // the target holds a row of padded channels, whole vectors, for each point and tile, the caller's alone.
            unsafe {
                let mut columns = [[S::splat(0.0); IN]; M];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); M, |i| if y0 + i >= height || x0 + j >= width {
                        S::splat(0.0)
                    } else {
                        let pixel = (image * height + y0 + i) * width + x0 + j;
                        let p = arena.at(view.offset + pixel * view.stride + c);
                        S::load_first(p, n)
                    }];
                    *column = gradient_transform::<S, M, IN>(values);
                }
                for i in 0..IN {
                    let line = gradient_transform::<S, M, IN>(array![S::splat(0.0); M, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate() {
                        S::store(arena.at(target.at(i * IN + j, t) + c), value);
                    }
                }
            }
        }
    }
}

/// Sums the outer products of some panels of points: part = point × panels + panel.
///
/// # Safety
/// The planes of `block` lie in the block of `arena`, with `block.count` rows of the panels' K and N, and nothing writes them
/// meanwhile; the sums are a matrix of the panels for each point. `parts` are less than points × panels, and nothing else uses these
/// panels. The CPU has the instruction set.
#[inline(always)]
unsafe fn sum_parts<S: Simd>(arena: Pointer, block: Block, to: To, parts: Range<usize>) {
    let of = to.panels.k.div_ceil(S::ROWS);
    for part in parts {
        let (point, panel) = (part / to.panels.count(), part % to.panels.count());
        for part in 0..of {
            // SAFETY: the caller has checked the planes, and gives the panel of the point, which these rows are part of.
            unsafe { sum_tile::<S>(arena, block, to, &to.unit(panel, part, of), point) };
        }
    }
}

/// Transforms the sums of some units to gradients of kernels: unit = panel × tiles of its rows + tile.
///
/// # Safety
/// The sums are a matrix of the panels for each point, which nothing writes meanwhile. [`winograd_gradient`] has checked the target and
/// its layout; `own` are less than panels × tiles of their rows, whose gradients nothing else uses. The CPU has the instruction set.
#[inline(always)]
unsafe fn finish_units<S: Simd>(to: To, own: Range<usize>) {
    let of = to.panels.k.div_ceil(S::ROWS);
    for (panel, own) in by_group(own, of) {
        for part in own {
            // SAFETY: the caller gives the sums and the gradients of the unit.
            unsafe { kernels_of::<S>(to, &to.unit(panel, part, of)) };
        }
    }
}

/// Does both for some units, of tiles that are all there are, and keeps the sums of a few at a time.
///
/// # Safety
/// The planes of `block` lie in the block of `arena`, with `block.count` rows of the panels' K and N, and nothing writes them
/// meanwhile; from `first` on the sums have as many floats as [`lane_floats`] says, which nothing else uses. [`winograd_gradient`] has
/// checked the target and its layout; `own` are less than panels × tiles of their rows, whose gradients nothing else uses. The CPU has
/// the instruction set.
#[inline(always)]
unsafe fn whole_units<S: Simd>(arena: Pointer, block: Block, to: To, first: usize, own: Range<usize>) {
    let of = to.panels.k.div_ceil(S::ROWS);
    for (panel, own) in by_group(own, of) {
        let (points, floats) = (to.filtering.points(), S::ROWS * to.panels.width(panel));
        for part in own.clone().step_by(UNITS_TOGETHER) {
            let units: [Unit; UNITS_TOGETHER] = std::array::from_fn(|i| Unit {
                start: first + i * points * floats,
                step: floats,
                ..to.unit(panel, part + i, of)
            });
            let units = &units[..(own.end - part).min(UNITS_TOGETHER)];
            for point in 0..points {
                for unit in units {
                    // SAFETY: the caller has checked the planes, and gives room for these units.
                    unsafe { sum_tile::<S>(arena, block, to, unit, point) };
                }
            }
            for unit in units {
                // SAFETY: the sums of all points were just written; the unit's gradients are the caller's.
                unsafe { kernels_of::<S>(to, unit) };
            }
        }
    }
}

/// Sums the outer products of a unit for a point.
///
/// # Safety
/// The planes of `block` lie in the block of `arena`, with `block.count` rows of the panels' K and N, and nothing writes them
/// meanwhile; the unit's rows, no more than a tile has, are rows of its panel, and its sums for the point lie in those of `to`,
/// used by nothing else. The CPU has the instruction set.
#[inline(always)]
unsafe fn sum_tile<S: Simd>(arena: Pointer, block: Block, to: To, unit: &Unit, point: usize) {
    let width = to.panels.width(unit.panel);
    // SAFETY: the planes hold `count` rows of a point, as far apart as they say, with these channels of both operands; the
    // sums hold the unit's rows, which are the caller's alone.
    unsafe {
        let sums = block.count.div_ceil(to.filtering.most_summed()).max(1);
        for sum in 0..sums {
            let tiles = sum * block.count / sums..(sum + 1) * block.count / sums;
            let found = match (block.first && sum == 0, to.filtering.most_summed()) {
                (true, _) => Found::Overwritten,
                (false, usize::MAX) => Found::Continued,
                (false, _) => Found::Added,
            };
            let segment = Segment {
                input: arena.at(block.left.at(point, tiles.start) + unit.rows.start),
                gradient: arena.at(block.right.at(point, tiles.start) + to.panels.columns(unit.panel).start),
                pixels: tiles.len(),
            };
            let tile = Tile {
                offsets: (0, 0),
                steps: (block.left.row, block.right.row),
                columns: width,
                width,
                rows: unit.rows.len(),
                found,
                ahead: Span::at(segment.input),
                out: to.sums.at(unit.start + point * unit.step),
            };
            tile_of::<S>(tile, &[segment]);
        }
    }
}

/// Transforms the sums of a unit to gradients of kernels.
///
/// # Safety
/// The unit's sums for all points lie in those of `to`, and nothing writes them meanwhile. [`winograd_gradient`] has checked the
/// target and its layout; the unit's rows are rows of its panel, whose gradients nothing else uses. The CPU has the instruction set.
#[inline(always)]
unsafe fn kernels_of<S: Simd>(to: To, unit: &Unit) {
    // SAFETY: the caller gives sums and gradients, which were checked for this kernel.
    unsafe {
        match (to.filtering.kernel(), to.filtering.inputs()) {
            (3, 6) => kernels_of_side::<S, 3, 6>(to, unit),
            (3, _) => kernels_of_side::<S, 3, 8>(to, unit),
            (_, 6) => kernels_of_side::<S, 5, 6>(to, unit),
            _ => kernels_of_side::<S, 5, 8>(to, unit),
        }
    }
}

/// Transforms the sums of a unit to gradients of kernels of side `R`.
///
/// # Safety
/// The unit's sums for all points lie in those of `to`, and nothing writes them meanwhile. [`winograd_gradient`] has checked the
/// target and its layout for kernels of side `R`; the unit's rows are rows of its panel, whose gradients nothing else uses. The CPU
/// has the instruction set.
#[inline(always)]
unsafe fn kernels_of_side<S: Simd, const R: usize, const IN: usize>(to: To, unit: &Unit) {
    let (width, channels) = (to.panels.width(unit.panel), to.panels.k);
    for (row, c) in unit.rows.clone().enumerate() {
        for v in (0..width).step_by(S::LANES) {
            // SAFETY: the sums hold the unit's rows of `width` columns, whole vectors, for each point; the target has such
            // rows in its panel for each element of the kernel and channel, and these are the caller's alone.
            unsafe {
                let sum = |i: usize, j: usize| {
                    let at = unit.start + (i * IN + j) * unit.step + row * width + v;
                    S::load(to.sums.at(at))
                };
                let mut columns = [[S::splat(0.0); R]; IN];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = kernel_transform::<S, R, IN>(array![S::splat(0.0); IN, |i| sum(i, j)]);
                }
                for y in 0..R {
                    let line = kernel_transform::<S, R, IN>(array![S::splat(0.0); IN, |j| columns[j][y]]);
                    for (x, value) in line.into_iter().enumerate() {
                        let row = (R * y + x) * channels + c;
                        S::store(to.target.at(to.layout.start(unit.panel) + row * width + v), value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_one_block_are_kept_by_threads_that_find_room() {
        for isa in Isa::available() {
            let of = |threads, [k, n]: [usize; 2], tiles| {
                let panels = Panels::new(isa, k, n);
                lane_floats(
                    threads,
                    isa.for_columns(n),
                    (36, panels),
                    (tiles, block_size(tiles, Filtering::new(4, 3), panels)),
                )
            };
            assert!(of(2, [256, 256], 64).is_some(), "{isa}");
            assert_eq!(of(2, [16, 16], 64), None, "{isa}: small matrices");
            assert_eq!(of(2, [256, 256], WHOLE_GRADIENT_TILES + 1), None, "{isa}: two blocks");
        }
    }

    #[test]
    fn fewer_tiles_take_no_more_scratch() {
        let panels = Panels::new(Isa::best(), 300, 200);
        let floats: Vec<usize> = (1..20)
            .map(|batch| winograd_gradient_scratch(batch, Filtering::new(4, 3), (16, 16), panels))
            .collect();
        assert!(floats.is_sorted());
    }
}
