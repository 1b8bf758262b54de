//! Weight gradients: sums over pixels of outer products, on the same register tile as the indirect GEMM.

use std::cell::RefCell;
use std::iter;
use std::ops::Range;

use crate::ahead::{Ahead, Span, ask, list_input, list_output};
use crate::arena::{Arena, Pointer, View};
use crate::flat;
use crate::geometry::Geometry;
use crate::isa::Isa;
use crate::panels::Panels;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tiling::by_group;
use crate::tuning::machine::LINE_FLOATS;
use crate::tuning::outer::{
    AHEAD_LINES, BLOCK_PIXELS, CHUNK_BYTES, FEW_THREADS, LEAST_COPY_TILES, LEAST_TASK_TILES, MOST_PARTS,
    MOST_SPLIT_VECTORS, PART_OPERANDS,
};

/// `gradient (+)= leftᵀ · output_gradient`, where left is what `geometry` reads from `input`.
#[derive(Clone, Copy, Debug)]
pub struct Outer<'a> {
    /// How positions map to pixels, as in the forward product.
    pub geometry: &'a Geometry,
    /// Images.
    pub batch: usize,
    /// The forward product's input.
    pub input: View,
    /// The gradient of its output.
    pub output_gradient: View,
    /// The layout of the gradient of its weights.
    pub panels: Panels,
}

impl Outer<'_> {
    /// Checks views, geometry, panels and the gradient's length against the arena and one another; gives the number of
    /// products that are summed.
    ///
    /// # Panics
    /// As [`outer`].
    pub(crate) fn check(&self, isa: Isa, arena: &Arena, gradient: &[f32]) -> usize {
        let Self { geometry, batch, input, output_gradient, panels } = *self;
        arena.check(input);
        arena.check(output_gradient);
        geometry.check(batch, input, output_gradient);
        let expected = Panels::new(isa, geometry.k(), output_gradient.channels);
        assert_eq!(panels, expected, "another product's layout");
        assert_eq!(gradient.len(), panels.len(), "length of the gradient");
        geometry.positions(batch).saturating_mul(panels.len())
    }
}

/// In how many parts the positions of a gradient are summed, each a run of rows of the grid: as many as cost little beside
/// reading the operands, so that threads read what they wrote before, and few tiles give tasks enough.
fn parts(geometry: &Geometry, batch: usize, panels: Panels) -> usize {
    let operands = geometry.positions(batch).saturating_mul(geometry.run.saturating_add(panels.n));
    let most = (most_scratch(operands) / panels.len().max(1)).min(MOST_PARTS).min(batch * geometry.grid.0);
    most.checked_ilog2().map_or(1, |power| 1 << power)
}

/// No fewer floats than [`outer_scratch`] tells for operands of so many floats.
pub(crate) fn most_scratch(operands: usize) -> usize {
    operands / PART_OPERANDS
}

/// Floats that [`outer`] needs for the sums of parts, of up to so many images.
///
/// # Panics
/// If the positions overflow.
pub fn outer_scratch(geometry: &Geometry, batch: usize, panels: Panels) -> usize {
    (parts(geometry, batch, panels) - 1).saturating_mul(panels.len())
}

/// Writes the gradient of packed weights, in the layout of the weights; columns beyond N get zero. `scratch` has room for
/// [`outer_scratch`] floats.
///
/// Each element is summed image by image by one task; where there are many pixels, in a few parts by a task each, which are
/// then added up in order.
///
/// # Panics
/// If a view reaches beyond the arena, lengths do not match the geometry, or the scratch is too short.
pub fn outer(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Outer<'_>,
    gradient: &mut [f32],
    scratch: &mut [f32],
) {
    let Outer { geometry, batch, input, output_gradient, panels } = *call;
    if call.check(isa, arena, gradient) == 0 {
        gradient.fill(0.0);
        return;
    }
    let parts = parts(geometry, batch, panels);
    let scratch = &mut scratch[..(parts - 1) * panels.len()];
    let rows_of_grid = batch * geometry.grid.0;
    let isa = isa.for_columns(panels.n);
    let pixels = geometry.step.0.saturating_mul(geometry.step.1);
    let row_bytes = input
        .channels
        .saturating_mul(pixels)
        .saturating_add(output_gradient.channels)
        .saturating_mul(4 * geometry.grid.1);
    let chunk = (CHUNK_BYTES / row_bytes).clamp(1, rows_of_grid);
    let tiles = geometry.taps.len() * panels.count() * geometry.run.div_ceil(isa.tile_rows());
    let pointer = arena.pointer();
    let run = |target: Pointer, task: &Task, start: usize| {
        let chunk = &(start..(start + chunk).min(task.rows.end));
        SCRATCH.with_borrow_mut(|scratch| {
            // SAFETY: views, geometry, panels and lengths were checked above; below rows are cut from the grid's and tiles from
            // all; tasks of the same target have different tiles, which write different floats of it; targets, as long as the
            // gradient, share nothing, and nothing writes the views.
            unsafe {
                dispatch!(isa, run_tiles(
                    call: &Outer<'_>, pointer: Pointer, target: Pointer, task: &Task,
                    chunk: &Range<usize>, scratch: &mut Scratch
                ));
            };
        });
    };
    // The first part's sums go where the gradient does.
    let others = scratch.chunks_exact_mut(panels.len()).map(Pointer::of);
    let targets: Vec<Pointer> = iter::once(Pointer::of(gradient)).chain(others).collect();
    if parts == 1 && pool.threads() <= FEW_THREADS {
        for start in (0..rows_of_grid).step_by(chunk) {
            pool.ranges(tiles, LEAST_TASK_TILES, &|own| {
                let share = share_of(own.start, (tiles, pool.threads()));
                run(targets[0], &Task { rows: 0..rows_of_grid, tiles: own, share }, start);
            });
        }
        return;
    }
    // As many tasks for each thread: the number of parts is a power of two.
    let shared = 1 << pool.threads().trailing_zeros();
    let groups = (pool.threads() / parts.min(shared)).clamp(1, tiles);
    pool.run(parts * groups, &|task| {
        let (part, group) = (task / groups, task % groups);
        let own = group * tiles / groups..(group + 1) * tiles / groups;
        let rows = part * rows_of_grid / parts..(part + 1) * rows_of_grid / parts;
        let task = Task { rows: rows.clone(), tiles: own.clone(), share: own };
        rows.step_by(chunk).for_each(|start| run(targets[part], &task, start));
    });
    if parts > 1 {
        flat::add_each(pool, isa, gradient, scratch);
    }
}

/// Pixels that follow one another at a fixed distance in both operands.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) input: *const f32,
    pub(crate) gradient: *const f32,
    pub(crate) pixels: usize,
}

/// Some tiles of the rows of a part, and all those of the thread that they are meant for.
struct Task {
    rows: Range<usize>,
    tiles: Range<usize>,
    share: Range<usize>,
}

/// Of so many tiles and threads those that are meant for the same thread as one of them.
fn share_of(tile: usize, (tiles, threads): (usize, usize)) -> Range<usize> {
    let thread = ((tile + 1) * threads - 1) / tiles;
    thread * tiles / threads..(thread + 1) * tiles / threads
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const {
        RefCell::new(Scratch {
            segments: Vec::new(),
            block: Vec::new(),
            columns: Vec::new(),
            ahead: Vec::new(),
        })
    };
}

/// What a task needs beside its operands.
struct Scratch {
    /// The pixels that a tap reads.
    segments: Vec<Segment>,
    /// Those of a block whose columns were copied.
    block: Vec<Segment>,
    /// A panel's columns of a block, pixel by pixel.
    columns: Vec<f32>,
    /// What is asked for ahead.
    ahead: Vec<Span>,
}

/// Sums tiles over a chunk of the grid's rows: by taps, then by panels, then by rows of the panel.
///
/// # Safety
/// [`outer`] has checked the call against the block of `arena`, and `target` is a block of `call.panels.len()` floats.
/// The task's tiles are less than taps × panels × tiles of a run, `chunk` rows of the grid. Meanwhile nothing writes the call's
/// views, and nothing else uses these tiles of the target. The CPU has the instruction set.
#[inline(always)]
unsafe fn run_tiles<S: Simd>(
    call: &Outer<'_>,
    arena: Pointer,
    target: Pointer,
    task: &Task,
    chunk: &Range<usize>,
    scratch: &mut Scratch,
) {
    let geometry = call.geometry;
    let start = arena.start().cast_const();
    list_chunk(call, start, task, chunk, &mut scratch.ahead);
    let mut ahead = Ahead::new(&scratch.ahead);
    let (run, parts) = (geometry.run, geometry.run.div_ceil(S::ROWS));
    let steps = steps(call);
    let mut filled = None;
    for (group, own) in by_group(task.tiles.clone(), parts) {
        let (tap, panel) = (group / call.panels.count(), group % call.panels.count());
        if filled != Some(tap) {
            // SAFETY: the caller has checked the call, and gives rows of the grid.
            unsafe { fill_segments(call, arena, tap, chunk, &mut scratch.segments) };
            filled = Some(tap);
        }
        let (columns, width) = (call.panels.columns(panel), call.panels.width(panel));
        let mut rest = scratch.segments.as_slice();
        let mut found = if chunk.start > task.rows.start { Found::Continued } else { Found::Overwritten };
        loop {
            let (mut block, behind) = rest.split_at(block_of(rest));
            let mut tile = Tile {
                offsets: (0, columns.start),
                steps,
                columns: columns.len(),
                width,
                rows: 0,
                found,
                ahead: Span::at(start),
                out: std::ptr::null_mut(),
            };
            let pixels: usize = block.iter().map(|segment| segment.pixels).sum();
            if own.len() >= LEAST_COPY_TILES {
                // SAFETY: `fill_segments` lists pixels of the output's gradient, which have the panel's columns and
                // which nothing writes; the caller has the instruction set.
                unsafe { copy_columns::<S>(tile, block, &mut scratch.block, &mut scratch.columns) };
                block = &scratch.block;
                tile = Tile { offsets: (0, 0), steps: (steps.0, width), columns: width, ..tile };
            }
            for part in own.clone() {
                let rows = part * run / parts..(part + 1) * run / parts;
                tile.offsets.0 = rows.start;
                tile.rows = rows.len();
                tile.ahead = ahead.take(pixels * AHEAD_LINES * LINE_FLOATS, start);
                // SAFETY: the tile lies in the panel, so in the target, and is the caller's alone; `fill_segments`
                // lists pixels of the views, or `copy_columns` copies of theirs, that have all its rows and columns.
                unsafe {
                    tile.out = target.at(call.panels.start(panel) + (tap * run + rows.start) * width);
                    tile_of::<S>(tile, block);
                }
            }
            found = Found::Continued;
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
    }
}

/// Lists what the next chunk reads, as far as a task is to ask for it; the next part's first one too, since the same thread has it
/// as a rule. `block` is where the arena's block starts.
fn list_chunk(call: &Outer<'_>, block: *const f32, task: &Task, chunk: &Range<usize>, list: &mut Vec<Span>) {
    let Outer { geometry, batch, input, output_gradient, .. } = *call;
    list.clear();
    let rows = chunk.end..(chunk.end + chunk.len()).min(batch * geometry.grid.0);
    if rows.is_empty() {
        return;
    }
    let place = |row: usize, x| (row / geometry.grid.0, row % geometry.grid.0, x);
    let ends = [place(rows.start, 0), place(rows.end - 1, geometry.grid.1 - 1)];
    list_input(geometry, (input, geometry.run), block, ends, list);
    list_output(geometry, (output_gradient, output_gradient.channels), block, ends, list);
    let Task { tiles, share, .. } = task;
    let parts = tiles.start - share.start..tiles.end.min(share.end) - share.start;
    list.iter_mut().for_each(|span| *span = span.part(parts.clone(), share.len()));
}

/// Floats between pixels of a segment: input, gradient.
fn steps(call: &Outer<'_>) -> (usize, usize) {
    (call.geometry.step.1 * call.input.stride, call.geometry.spread.1 * call.output_gradient.stride)
}

/// Copies a panel's columns of a block, so that they lie side by side and share no set of the cache; those that a
/// panel has beyond them are zeros.
///
/// # Safety
/// `gradient` of each segment of `block` points to its pixels, `tile.steps.1` floats apart, of each of which
/// `tile.columns` floats from `tile.offsets.1` on are valid to read. The CPU has the instruction set.
#[inline(always)]
unsafe fn copy_columns<S: Simd>(
    tile: Tile,
    block: &[Segment],
    copy: &mut Vec<Segment>,
    columns: &mut Vec<f32>,
) {
    columns.resize(BLOCK_PIXELS * tile.width, 0.0);
    copy.clear();
    let mut free = columns.chunks_exact_mut(tile.width);
    for segment in block {
        let mut from = segment.gradient.wrapping_add(tile.offsets.1);
        for (i, to) in free.by_ref().take(segment.pixels).enumerate() {
            if i == 0 {
                copy.push(Segment { gradient: to.as_ptr(), ..*segment });
            }
            for v in (0..tile.width).step_by(S::LANES) {
                // SAFETY: the caller gives pixels of `tile.columns` floats, of which those from `v` on are read; `to`
                // is `tile.width` floats long, a multiple of the lanes.
                unsafe {
                    let values = S::load_first(from.add(v), (tile.columns - v).min(S::LANES));
                    S::store(to.as_mut_ptr().add(v), values);
                }
            }
            from = from.wrapping_add(tile.steps.1);
        }
    }
}

/// The segments of a block, from the first on.
fn block_of(segments: &[Segment]) -> usize {
    let mut pixels = 0;
    segments
        .iter()
        .take_while(|segment| {
            pixels += segment.pixels;
            pixels <= BLOCK_PIXELS
        })
        .count()
}

/// Lists the pixels that a tap reads for a chunk of the grid's rows, in segments of at most [`BLOCK_PIXELS`] pixels.
///
/// # Safety
/// [`outer`] has checked the call against the block of `arena`; `tap` is one of its taps, `chunk` rows of its grid.
unsafe fn fill_segments(
    call: &Outer<'_>,
    arena: Pointer,
    tap: usize,
    chunk: &Range<usize>,
    segments: &mut Vec<Segment>,
) {
    let geometry = call.geometry;
    let tap = geometry.taps[tap];
    let inside = geometry.columns_inside(tap);
    let steps = steps(call);
    segments.clear();
    for row in chunk.clone() {
        let (image, y) = (row / geometry.grid.0, row % geometry.grid.0);
        for x in inside.clone().step_by(BLOCK_PIXELS) {
            let Some(pixel) = geometry.input_pixel((image, y, x), tap) else { break };
            let target = geometry.output_pixel((image, y, x));
            // SAFETY: the grid position reads and writes pixels of the views, as `Geometry::check` has it, and the
            // caller has the views inside the block.
            let segment = unsafe {
                Segment {
                    input: arena.at(call.input.offset + pixel * call.input.stride),
                    gradient: arena.at(call.output_gradient.offset + target * call.output_gradient.stride),
                    pixels: (inside.end - x).min(BLOCK_PIXELS),
                }
            };
            match segments.last_mut() {
                // It goes on where the last one ends.
                Some(last)
                    if last.pixels + segment.pixels <= BLOCK_PIXELS
                        && last.input.wrapping_add(last.pixels * steps.0) == segment.input
                        && last.gradient.wrapping_add(last.pixels * steps.1) == segment.gradient =>
                {
                    last.pixels += segment.pixels;
                }
                _ => segments.push(segment),
            }
        }
    }
}

/// What becomes of the sums that a tile finds where its own go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// They are overwritten.
    Overwritten,
    /// Summing goes on from them.
    Continued,
    /// They are added to the tile's own, which start at zero: of many sums of a few products each the roundings are smaller.
    Added,
}

/// A tile of a gradient and how its operands lie.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// Floats from a segment's pixels to the tile's rows and columns.
    pub(crate) offsets: (usize, usize),
    /// Floats between pixels of a segment: input, gradient.
    pub(crate) steps: (usize, usize),
    pub(crate) columns: usize,
    pub(crate) width: usize,
    pub(crate) rows: usize,
    pub(crate) found: Found,
    /// What is needed next and asked for meanwhile.
    pub(crate) ahead: Span,
    pub(crate) out: *mut f32,
}

/// Sums one tile.
///
/// # Safety
/// The pointers of each segment lead to its pixels, `tile.steps` floats apart; of each `tile.rows` floats of the
/// input from `tile.offsets.0` on, and `tile.columns` of the gradient from `tile.offsets.1` on, are valid to read.
/// `tile.out` is valid to read and write `tile.rows` × `tile.width` floats, which nothing else uses meanwhile; the
/// width is the columns rounded up to one or two vectors. The CPU has the instruction set.
#[inline(always)]
pub(crate) unsafe fn tile_of<S: Simd>(tile: Tile, segments: &[Segment]) {
    macro_rules! pick {
        ($($rows:literal)*) => {
            match tile.rows {
                // SAFETY: the kernel's rows are the tile's, its vectors as wide as the tile, and `FULL` only where
                // the columns fill them; the caller gives the tile's segments, output and instruction set.
                $($rows if $rows <= S::ROWS => unsafe {
                    if tile.columns == 2 * S::LANES {
                        f32_outer::<S, $rows, 2, true>(tile, segments);
                    } else if tile.width > S::LANES {
                        f32_outer::<S, $rows, 2, false>(tile, segments);
                    } else {
                        f32_outer::<S, $rows, 1, false>(tile, segments);
                    }
                },)*
                rows => unreachable!("tiles have at most {} rows, not {rows}", S::ROWS),
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// The microkernel: `MR` input channels × `NV` vectors of output channels in registers over all pixels.
///
/// # Safety
/// The pointers of each segment lead to its pixels, `tile.steps` floats apart; of each `MR` floats of the input from
/// `tile.offsets.0` on, and `tile.columns` of the gradient from `tile.offsets.1` on (with `FULL`, `NV` vectors), are
/// valid to read. `tile.out` is valid to read and write `MR` rows of `tile.width` floats, `NV` vectors, which nothing
/// else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn f32_outer<S: Simd, const MR: usize, const NV: usize, const FULL: bool>(
    tile: Tile,
    segments: &[Segment],
) {
    // SAFETY: the caller gives segments of `pixels` pixels with MR readable floats of the input and `columns` of the
    // gradient, and MR rows of `width` floats at `out`, NV vectors each.
    unsafe {
        let mut acc = [[S::splat(0.0); NV]; MR];
        if tile.found == Found::Continued {
            for m in 0..MR {
                for v in 0..NV {
                    acc[m][v] = S::load(tile.out.add(m * tile.width + v * S::LANES));
                }
            }
        }
        // Few chains of sums wait for one another: every second pixel then has chains of its own.
        let mut odd = [[S::splat(0.0); NV]; MR];
        let split = MR * NV <= MOST_SPLIT_VECTORS;
        let [mut ahead, last] = tile.ahead.ends();
        for segment in segments {
            let mut x = segment.input.wrapping_add(tile.offsets.0);
            let mut dy = segment.gradient.wrapping_add(tile.offsets.1);
            let pairs = if split { segment.pixels / 2 } else { 0 };
            for _ in 0..pairs {
                add_pixel::<S, MR, NV, FULL>(&mut acc, x, dy, tile.columns);
                (x, dy) = (x.wrapping_add(tile.steps.0), dy.wrapping_add(tile.steps.1));
                add_pixel::<S, MR, NV, FULL>(&mut odd, x, dy, tile.columns);
                (x, dy) = (x.wrapping_add(tile.steps.0), dy.wrapping_add(tile.steps.1));
                ahead = ask::<S>(ahead, last, 2 * AHEAD_LINES);
            }
            for _ in 2 * pairs..segment.pixels {
                add_pixel::<S, MR, NV, FULL>(&mut acc, x, dy, tile.columns);
                ahead = ask::<S>(ahead, last, AHEAD_LINES);
                (x, dy) = (x.wrapping_add(tile.steps.0), dy.wrapping_add(tile.steps.1));
            }
        }
        for m in 0..MR {
            for v in 0..NV {
                let mut sum = if split { S::add(acc[m][v], odd[m][v]) } else { acc[m][v] };
                let out = tile.out.add(m * tile.width + v * S::LANES);
                if tile.found == Found::Added {
                    sum = S::add(S::load(out), sum);
                }
                S::store(out, sum);
            }
        }
    }
}

/// Adds one pixel's outer product to a tile's sums.
///
/// # Safety
/// `x` is valid to read `MR` floats from, `dy` to read `columns`, more than `NV` − 1 vectors hold, and with `FULL` `NV`
/// vectors. The CPU has the instruction set.
#[inline(always)]
unsafe fn add_pixel<S: Simd, const MR: usize, const NV: usize, const FULL: bool>(
    acc: &mut [[S::V; NV]; MR],
    x: *const f32,
    dy: *const f32,
    columns: usize,
) {
    // SAFETY: the caller gives MR floats at `x` and `columns` at `dy`, of which each vector reads its own.
    unsafe {
        let b = array![S::splat(0.0); NV, |v| {
            let p = dy.add(v * S::LANES);
            if FULL { S::load(p) } else { S::load_first(p, (columns - v * S::LANES).min(S::LANES)) }
        }];
        for m in 0..MR {
            let a = S::splat(*x.add(m));
            for v in 0..NV {
                acc[m][v] = S::fma(a, b[v], acc[m][v]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_ask_for_all_of_the_next_chunk_once() {
        for (tiles, threads) in [(172, 4), (172, 2), (101, 2), (45, 2), (44, 3), (3, 4), (1, 1), (24, 2)] {
            for thread in 0..threads {
                let own = thread * tiles / threads..(thread + 1) * tiles / threads;
                assert!(own.clone().all(|tile| share_of(tile, (tiles, threads)) == own), "{tiles} {threads}");
            }
        }
    }

    #[test]
    fn the_next_chunk_is_listed_as_far_as_there_is_one() {
        let geometry = Geometry::pointwise((4, 3), 10);
        let view = |offset, channels| View { offset, pixels: 24, channels, stride: 16 };
        let panels = Panels::new(Isa::best(), 10, 12);
        let (input, output_gradient) = (view(32, 10), view(800, 12));
        let call = Outer { geometry: &geometry, batch: 2, input, output_gradient, panels };
        let block = std::ptr::null();
        let rows = |view: View, pixels| Span::of_pixels(block, view, pixels, view.channels);
        let check = |tiles: Range<usize>, chunk: Range<usize>, pixels: Option<Range<usize>>| {
            let mut list = vec![Span::at(block)];
            list_chunk(&call, block, &Task { rows: 0..8, tiles, share: 4..6 }, &chunk, &mut list);
            let expected = pixels.map(|pixels| [rows(input, pixels.clone()), rows(output_gradient, pixels)]);
            assert_eq!(
                list,
                expected.into_iter().flatten().flatten().collect::<Vec<_>>(),
                "behind {chunk:?}"
            );
        };
        // Three of eight rows of three pixels, of two images; then the two that are left; of these the second of two tasks'.
        check(4..6, 0..3, Some(9..18));
        check(4..6, 3..6, Some(18..24));
        check(5..6, 3..6, Some(21..24));
        check(4..6, 6..8, None);
    }
}
