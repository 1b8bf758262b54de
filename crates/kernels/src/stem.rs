//! First convolutions: of images as they are given, plane by plane.
//!
//! Rows of the images are copied with their border to a ring, which keeps those that a row of the output reads. From there a tile
//! of pixels is read at distances that the compiler knows: there is neither a map with its channels last nor a table of addresses,
//! which for a few channels cost as much as the products. Each element is the sum of the same products in the same order as by
//! [`igemm`](crate::igemm()) of a copy with a border.

use std::cell::RefCell;
use std::ops::Range;
use std::slice;

use crate::ahead::{Ahead, Span, ask_together};
use crate::arena::{Arena, View};
use crate::geometry::{Geometry, product};
use crate::isa::Isa;
use crate::layout::Border;
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tiling::even_parts;
use crate::tuning::machine::LINE_FLOATS;
use crate::tuning::stem::{
    AHEAD_LINES, LEAST_COLUMNS, LEAST_TASK_ROWS, MOST_CHANNELS, MOST_KEPT_FLOATS, UNROLLED_ROWS,
};

/// `relu?(left · weights + bias)`, where left is what `geometry` reads from the images with their border.
#[derive(Clone, Copy, Debug)]
pub struct Stem<'a> {
    /// How positions map to pixels: one that [suits](stem_suits).
    pub geometry: &'a Geometry,
    /// The zeros around each image; its size with them is the geometry's.
    pub border: Border,
    /// How many images.
    pub batch: usize,
    /// Channels of each.
    pub channels: usize,
    /// The images, N·C·H·W.
    pub images: &'a [f32],
    /// The right operand, packed.
    pub weights: &'a [f32],
    /// Its layout: K × N.
    pub panels: Panels,
    /// N values added to each row, if any.
    pub bias: Option<&'a [f32]>,
    /// What follows.
    pub relu: Rectifier,
}

impl Stem<'_> {
    /// # Panics
    /// If the geometry does not [suit](stem_suits), or lengths do not match it.
    pub(crate) fn check(&self, isa: Isa) {
        let Self { geometry, border, batch, channels, images, weights, panels, bias, .. } = *self;
        assert!(stem_suits(geometry, channels), "{geometry:?} over images of {channels} channels");
        let pixels = |(height, width): (usize, usize)| product(&[batch, height, width]);
        let [bordered, out] = [(geometry.input, channels), (geometry.grid, panels.n)]
            .map(|(size, channels)| View::dense(0, pixels(size), channels));
        geometry.check(batch, bordered, out);
        assert_eq!(panels, Panels::new(isa, geometry.k(), panels.n), "weights packed for another product");
        assert_eq!(weights.len(), panels.len(), "length of the packed weights");
        assert!(bias.is_none_or(|bias| bias.len() >= panels.n), "bias of fewer than {} columns", panels.n);
        let inside =
            |size: usize, [before, behind]: [usize; 2]| size.checked_sub(before)?.checked_sub(behind);
        let height = inside(geometry.input.0, [border.top, border.bottom]);
        let width = inside(geometry.input.1, [border.left, border.right]);
        let (Some(height), Some(width)) = (height, width) else {
            panic!("{border:?} around {:?}", geometry.input)
        };
        assert_eq!(images.len(), product(&[batch, channels, height, width]), "elements of the images");
    }

    /// Height and width of an image, of a call that was checked.
    fn size(&self) -> (usize, usize) {
        let Border { top, bottom, left, right } = self.border;
        (self.geometry.input.0 - top - bottom, self.geometry.input.1 - left - right)
    }
}

/// Whether a walk over images of some channels is one of a [`Stem`]: by whole kernel rows, of which there is one at least and all stay
/// inside, to a map that is wide enough, by steps of 1, 2 or 4 columns; of few channels, and of rows that a cache holds.
pub fn stem_suits(geometry: &Geometry, channels: usize) -> bool {
    let Geometry { input, grid, step, taps, run, span, output, origin, spread } = geometry;
    let last = |grid: usize, step: usize| grid.saturating_sub(1).saturating_mul(step);
    let inside = |d: isize, extent: usize, grid: usize, step: usize, size: usize| {
        let past = usize::try_from(d).map(|d| d.saturating_add(last(grid, step)).saturating_add(extent));
        past.is_ok_and(|past| past <= size)
    };
    (1..=MOST_CHANNELS).contains(&channels)
        && *span > 1
        && Some(*run) == span.checked_mul(channels)
        && matches!(step.1, 1 | 2 | 4)
        && (*origin, *spread, output) == ((0, 0), (1, 1), grid)
        && grid.1 >= LEAST_COLUMNS
        && !taps.is_empty()
        && taps.iter().all(|tap| {
            inside(tap.dy, 1, grid.0, step.0, input.0) && inside(tap.dx, *span, grid.1, step.1, input.1)
        })
        && kept_rows(geometry).saturating_mul(channels).saturating_mul(input.1) <= MOST_KEPT_FLOATS
}

/// Rows of the images, with their border, that one row of the grid reaches over.
fn kept_rows(geometry: &Geometry) -> usize {
    geometry.taps.iter().map(|tap| tap.dy.unsigned_abs().saturating_add(1)).max().unwrap_or(0)
}

/// Runs a first convolution.
///
/// # Panics
/// If the output reaches beyond the arena, the geometry does not [suit](stem_suits), or lengths do not match it.
pub fn stem(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Stem<'_>, out: View) {
    arena.check(out);
    call.check(isa);
    let (height, width) = call.geometry.grid;
    assert_eq!(
        (out.pixels, out.channels),
        (call.geometry.positions(call.batch), call.panels.n),
        "pixels of the output"
    );
    if out.channels == 0 {
        return;
    }
    let pointer = arena.pointer();
    pool.ranges(call.batch * height, LEAST_TASK_ROWS, &|rows| {
        MEMORY.with_borrow_mut(|memory| {
            let (mut walk, end) = (StemRows::new(call, memory), rows.end);
            for row in rows {
                let next = row + 1;
                let ahead = (next < end).then(|| {
                    let pixels = next * width..(next + 1) * width;
                    let writes = Span::of_pixels(pointer.start().cast_const(), out, pixels, out.channels);
                    ((next / height, next % height), writes)
                });
                // SAFETY: the call was checked, and the output: a row of the grid is one of it; `ranges` gives rows of the grid, each
                // to one task.
                unsafe {
                    let target = pointer.at(out.offset + row * width * out.stride);
                    walk.compute(isa, (row / height, row % height), (target, out.stride), ahead);
                }
            }
        });
    });
}

thread_local! {
    static MEMORY: RefCell<StemMemory> = const { RefCell::new(StemMemory::EMPTY) };
}

/// What a thread keeps from call to call.
pub(crate) struct StemMemory {
    /// Rows of an image with their border: `[row][channel][column]`.
    ring: Vec<f32>,
    /// Where a run of a tap lies in a row of the ring.
    run: Vec<usize>,
    /// For each row of the weights where the first pixel of a row of the grid reads it in the ring.
    offsets: Vec<usize>,
    /// What the next row of the grid reads and writes.
    ahead: Vec<Span>,
}

impl StemMemory {
    pub(crate) const EMPTY: Self =
        Self { ring: Vec::new(), run: Vec::new(), offsets: Vec::new(), ahead: Vec::new() };
}

/// Computes rows of the grid, of which one after the other reads much the same rows of an image: those of an image from above to below.
pub(crate) struct StemRows<'a> {
    call: &'a Stem<'a>,
    /// Rows of the ring: the [kept](kept_rows) ones.
    kept: usize,
    /// The image in the ring, and the first of its rows that is not there yet.
    copied: (usize, usize),
    memory: &'a mut StemMemory,
}

impl<'a> StemRows<'a> {
    /// Of a call that was checked.
    pub(crate) fn new(call: &'a Stem<'a>, memory: &'a mut StemMemory) -> Self {
        let Geometry { span, input, .. } = call.geometry;
        let kept = kept_rows(call.geometry);
        memory.ring.resize(kept * call.channels * input.1, 0.0);
        memory.run.clear();
        for x in 0..*span {
            memory.run.extend((0..call.channels).map(|channel| channel * input.1 + x));
        }
        Self { call, kept, copied: (usize::MAX, 0), memory }
    }

    /// Computes a row of an image's grid, and asks for what the next one reads and writes. `target` is where its first pixel goes, the
    /// next one so many floats further.
    ///
    /// # Safety
    /// [`Stem::check`] has checked the call for this instruction set, which the CPU has; the row is one of the grid of the batch, and so
    /// is the next. At each of its pixels `target` is valid to write the panels' columns to, which nothing else uses meanwhile.
    pub(crate) unsafe fn compute(
        &mut self,
        isa: Isa,
        (image, y): (usize, usize),
        (target, stride): (*mut f32, usize),
        ahead: Option<((usize, usize), Option<Span>)>,
    ) {
        let (call, kept) = (self.call, self.kept);
        let Geometry { taps, step, input, .. } = call.geometry;
        let line = call.channels * input.1;
        let first = y * step.0;
        if self.copied.0 != image {
            self.copied = (image, 0);
        }
        for y in self.copied.1.max(first)..first + kept {
            self.copy_row((image, y));
        }
        self.copied.1 = first + kept;
        let memory = &mut *self.memory;
        memory.offsets.clear();
        for tap in taps {
            let start = (first + tap.dy.unsigned_abs()) % kept * line + tap.dx.unsigned_abs();
            memory.offsets.extend(memory.run.iter().map(|place| start + place));
        }
        memory.ahead.clear();
        if let Some(((next, y), writes)) = ahead {
            let first = y * step.0;
            let read = if next == image { self.copied.1.max(first) } else { first }..first + kept;
            self.list_planes(next, read);
            self.memory.ahead.extend(writes);
        }
        let memory = &*self.memory;
        // SAFETY: the caller's call and instruction set, for as many columns; the ring has the rows that this one reads, to which the
        // offsets lead; the target is the caller's.
        unsafe {
            dispatch!(isa.for_columns(call.panels.n), row_of(
                call: &Stem<'_>, memory: &StemMemory, target: *mut f32, stride: usize
            ));
        }
    }

    /// Writes a row of an image, with its border, plane by plane.
    fn copy_row(&mut self, (image, y): (usize, usize)) {
        let Stem { border, channels, images, .. } = *self.call;
        let ((height, width), wide) = (self.call.size(), self.call.geometry.input.1);
        let inside = y.checked_sub(border.top).filter(|&y| y < height);
        let line = &mut self.memory.ring[y % self.kept * channels * wide..][..channels * wide];
        for (channel, part) in line.chunks_exact_mut(wide).enumerate() {
            match inside {
                None => part.fill(0.0),
                Some(y) => {
                    let (left, rest) = part.split_at_mut(border.left);
                    let (middle, right) = rest.split_at_mut(width);
                    left.fill(0.0);
                    let start = ((image * channels + channel) * height + y) * width;
                    middle.copy_from_slice(&images[start..start + width]);
                    right.fill(0.0);
                }
            }
        }
    }

    /// Lists where some rows of an image with its border lie.
    fn list_planes(&mut self, image: usize, rows: Range<usize>) {
        let Stem { border, channels, images, .. } = *self.call;
        let (height, width) = self.call.size();
        let inside = |y: usize| y.saturating_sub(border.top).min(height);
        for channel in 0..channels {
            let first = (image * channels + channel) * height;
            let planes = (first + inside(rows.start)) * width..(first + inside(rows.end)) * width;
            self.memory.ahead.push(Span::of(&images[planes]));
        }
    }
}

/// Computes a row of the grid.
///
/// # Safety
/// The call was checked; the ring of `memory` has the rows that the row of the grid reads, and the offsets lead to them. At each pixel,
/// `stride` floats from one to the next, `target` is valid to write the panels' columns to, which nothing else uses meanwhile. The CPU
/// has the instruction set.
#[inline(always)]
unsafe fn row_of<S: Simd>(call: &Stem<'_>, memory: &StemMemory, target: *mut f32, stride: usize) {
    // SAFETY: the caller's call, ring and target; these are the steps that suit.
    unsafe {
        match call.geometry.step.1 {
            1 => panels_of::<S, 1>(call, memory, (target, stride)),
            2 => panels_of::<S, 2>(call, memory, (target, stride)),
            4 => panels_of::<S, 4>(call, memory, (target, stride)),
            step => unreachable!("steps of 1, 2 or 4 columns, not {step}"),
        }
    }
    if call.relu.is_finished_later() {
        let (width, columns) = (call.geometry.grid.1, call.panels.n);
        // Pixels side by side at once.
        let (pixels, floats) = if stride == columns { (1, width * columns) } else { (width, columns) };
        for pixel in 0..pixels {
            // SAFETY: these are columns of the caller's pixels.
            let floats = unsafe { slice::from_raw_parts_mut(target.add(pixel * stride), floats) };
            call.relu.finish::<S>(floats);
        }
    }
}

/// Computes a row of the grid, panel by panel.
///
/// # Safety
/// The call was checked, and its geometry steps by `STEP` columns; the ring of `memory` has the rows that the row of the grid reads,
/// and the offsets lead to them. At each pixel, `stride` floats from one to the next, `target` is valid to write the panels' columns
/// to, which nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn panels_of<S: Simd, const STEP: usize>(
    call: &Stem<'_>,
    memory: &StemMemory,
    (target, stride): (*mut f32, usize),
) {
    let Stem { geometry, weights, panels, bias, relu, .. } = *call;
    let width = geometry.grid.1;
    let tiles = width.div_ceil(S::ROWS);
    let mut ahead = Ahead::new(&memory.ahead);
    let asked = memory.offsets.len() / UNROLLED_ROWS * AHEAD_LINES * LINE_FLOATS;
    for panel in 0..panels.count() {
        let columns = panels.columns(panel);
        let asked = panels.width(panel) / S::LANES * asked;
        let mut x = 0;
        for rows in even_parts(width, tiles, 0).take(tiles) {
            let tile = Tile {
                pixels: memory.ring[x * STEP..].as_ptr(),
                offsets: &memory.offsets,
                weights: weights[panels.start(panel)..].as_ptr(),
                ahead: ahead.take(asked, weights.as_ptr()),
                bias: bias.map_or(std::ptr::null(), |bias| bias[columns.start..].as_ptr()),
                output: target.wrapping_add(x * stride + columns.start),
                stride,
                columns: columns.len(),
                relu,
            };
            // SAFETY: the tile's pixels are some of the row's, of which each offset leads to a float of the ring; weights and bias
            // are the panel's, which is as many vectors wide as its columns need.
            unsafe {
                if columns.len() > S::LANES {
                    rows_of::<S, 2, STEP>(tile, rows);
                } else {
                    rows_of::<S, 1, STEP>(tile, rows);
                }
            }
            x += rows;
        }
    }
}

/// Some pixels of a row, and a panel's columns.
#[derive(Clone, Copy)]
struct Tile<'a> {
    /// What the offsets of the first pixel count from; those of the next ones are steps away.
    pixels: *const f32,
    /// For each row of K a float, valid to read from the pixels on, as it is for each of the tile's pixels.
    offsets: &'a [usize],
    /// Valid to read as many rows from as there are offsets, each as many vectors as the columns need.
    weights: *const f32,
    /// What is needed next and asked for meanwhile.
    ahead: Span,
    /// Null, or valid to read the columns from.
    bias: *const f32,
    /// Valid to write the columns to, as it is at each pixel's stride.
    output: *mut f32,
    stride: usize,
    /// At most two vectors.
    columns: usize,
    relu: Rectifier,
}

/// Runs a tile by the kernel for its rows.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, for so many pixels `STEP` floats apart: some of a row that is cut evenly in tiles of at most
/// `S::ROWS`, and has at least half as many. Its columns take `NV` vectors, and the CPU has the instruction set.
#[inline(always)]
unsafe fn rows_of<S: Simd, const NV: usize, const STEP: usize>(tile: Tile<'_>, rows: usize) {
    const { assert!(S::ROWS <= 2 * LEAST_COLUMNS, "the rows of a tile are at least half of the most") };
    macro_rules! pick {
        ($($rows:literal)*) => {
            match rows {
                // SAFETY: the caller gives a valid tile of these vectors, which has this many rows.
                $($rows if $rows <= S::ROWS && 2 * $rows >= S::ROWS => unsafe { multiply::<S, $rows, NV, STEP>(tile) },)*
                rows => unreachable!("tiles have {} rows or some less, not {rows}", S::ROWS),
            }
        };
    }
    pick!(2 3 4 5 6 7 8 9 10 11 12);
}

/// The microkernel: `MR` pixels × `NV` vectors of columns, in registers over all of K.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, for `MR` pixels `STEP` floats apart and columns that take `NV` vectors, and the CPU has the
/// instruction set.
#[inline(always)]
unsafe fn multiply<S: Simd, const MR: usize, const NV: usize, const STEP: usize>(tile: Tile<'_>) {
    // SAFETY: the caller's tile.
    unsafe {
        let lanes = array![0; NV, |v| (tile.columns - v * S::LANES).min(S::LANES)];
        let mut acc = [[S::splat(0.0); NV]; MR];
        if !tile.bias.is_null() {
            acc = [array![S::splat(0.0); NV, |v| S::load_first(tile.bias.add(v * S::LANES), lanes[v])]; MR];
        }
        let (whole, rest) = tile.offsets.as_chunks::<UNROLLED_ROWS>();
        let mut weights = tile.weights;
        let [mut next, last] = tile.ahead.ends();
        for offsets in whole {
            for &offset in offsets {
                add_row::<S, MR, NV, STEP>(&mut acc, tile.pixels.add(offset), weights);
                weights = weights.add(NV * S::LANES);
            }
            for _ in 0..NV {
                next = ask_together::<S, AHEAD_LINES>(next, last);
            }
        }
        for &offset in rest {
            add_row::<S, MR, NV, STEP>(&mut acc, tile.pixels.add(offset), weights);
            weights = weights.add(NV * S::LANES);
        }
        // In this order NaN stays NaN.
        let [floor, ceiling] = tile.relu.bounds();
        if floor > f32::NEG_INFINITY {
            acc = array![acc[0]; MR, |m| array![acc[m][0]; NV, |v| S::max(S::splat(floor), acc[m][v])]];
        }
        if ceiling < f32::INFINITY {
            acc = array![acc[0]; MR, |m| array![acc[m][0]; NV, |v| S::min(S::splat(ceiling), acc[m][v])]];
        }
        if tile.columns == NV * S::LANES {
            for m in 0..MR {
                for v in 0..NV {
                    S::store(tile.output.add(m * tile.stride + v * S::LANES), acc[m][v]);
                }
            }
        } else {
            for m in 0..MR {
                for v in 0..NV {
                    S::store_first(tile.output.add(m * tile.stride + v * S::LANES), acc[m][v], lanes[v]);
                }
            }
        }
    }
}

/// Adds the products of one row of K.
///
/// # Safety
/// `pixels` is valid to read `MR` floats from, `STEP` apart, `weights` to read `NV` vectors from, and the CPU has the instruction set.
#[inline(always)]
unsafe fn add_row<S: Simd, const MR: usize, const NV: usize, const STEP: usize>(
    acc: &mut [[S::V; NV]; MR],
    pixels: *const f32,
    weights: *const f32,
) {
    // SAFETY: the caller's floats and vectors.
    unsafe {
        let b = array![S::splat(0.0); NV, |v| S::load(weights.add(v * S::LANES))];
        for m in 0..MR {
            let a = S::splat(*pixels.add(m * STEP));
            for v in 0..NV {
                acc[m][v] = S::fma(a, b[v], acc[m][v]);
            }
        }
    }
}
