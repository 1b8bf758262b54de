//! Convolutions of small groups between two of 1×1, in bands of rows that stay in the cache. The one before may be the network's
//! first, of the images.
//!
//! In an inverted residual (Sandler et al. 2018, <https://arxiv.org/abs/1801.04381>) the maps between the three convolutions are
//! the widest of the network. Here they are never whole: a thread expands the rows of the input that a few rows of the grid
//! read, into a ring that keeps those that the next few read too; the convolution of small groups writes its rows to a place of
//! their own, and the projection reads them there. Where two threads' rows meet, some are expanded twice. Each element is the
//! sum of the same products in the same order as by [`igemm`](crate::igemm()) and [`grouped`](super::grouped()).

use std::cell::RefCell;
use std::ops::Range;

use super::walk::{Source, Walk};
use super::{Grouped, Lanes, Rows, check};
use crate::ahead::Span;
use crate::arena::{Arena, Pointer, View};
use crate::geometry::{Geometry, product};
use crate::igemm::{Igemm, Pixels, Tables, Weights, panels_of};
use crate::isa::Isa;
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, dispatch};
use crate::stem::{Stem, StemMemory, StemRows};
use crate::threads::Pool;
use crate::tile::check_epilogue;
use crate::tuning::grouped::{BAND_FLOATS, LEAST_BAND_ROWS, MOST_KEPT_FLOATS, TWICE_EXPANDED};
use crate::tuning::machine::{ALIASED_FLOATS, LINE_FLOATS};

/// A 1×1 convolution beside a grouped one.
#[derive(Clone, Copy, Debug)]
pub struct Pointwise<'a> {
    /// The weights, packed: a row for each channel that is read, a column for each that is written.
    pub weights: &'a [f32],
    /// Their layout.
    pub panels: Panels,
    /// A value added to each channel, if any.
    pub bias: Option<&'a [f32]>,
    /// What follows.
    pub relu: Rectifier,
}

impl Pointwise<'_> {
    /// What is asked for meanwhile: the weights again, and what comes then.
    fn ask_ahead(&self, then: impl Iterator<Item = Span>, tables: &mut Tables) {
        let first = (self.panels.count() > 1).then(|| Span::of(&self.weights[self.panels.range(0)]));
        tables.ahead.clear();
        tables.ahead.extend(first.into_iter().chain(then));
    }
}

/// What gives a grouped convolution its input.
#[derive(Clone, Copy, Debug)]
pub enum Expansion<'a> {
    /// A 1×1 convolution.
    Pointwise(Pointwise<'a>),
    /// A first one, of as many images.
    Stem(Stem<'a>),
}

/// `out = project(grouped(expand(input))) + addend`, where one of both may be left out.
#[derive(Clone, Copy, Debug)]
pub struct Bands<'a> {
    /// What widens the input, if anything.
    pub expansion: Option<Expansion<'a>>,
    /// The convolution of small groups; its input, addend and output are those of the whole. Where the images are what is read, the
    /// input is not.
    pub grouped: Grouped<'a>,
    /// What narrows its output, if anything, before the addend is added.
    pub projection: Option<Pointwise<'a>>,
    /// Where the scratch starts in the arena.
    pub scratch: usize,
}

/// How the rows of a grid are computed: so many at a time, in maps of their own.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Rows of the grid at a time.
    rows: usize,
    /// Rows of the expanded map that are kept, and pixels of each.
    kept: usize,
    width: usize,
    /// Floats from one pixel of the kept rows to the next, and of the rows that are projected; 0 where nothing is.
    strides: [usize; 2],
    /// Pixels of those.
    narrow: usize,
}

impl Cut {
    /// Of maps of so many channels, where there are any.
    fn new(geometry: &Geometry, [wide, narrow]: [Option<usize>; 2]) -> Self {
        let strides = [wide, narrow].map(|channels| channels.map_or(0, stride));
        let (width, columns) = (geometry.input.1, geometry.grid.1);
        let of_row = saturating_product(&[geometry.step.0, width, strides[0]])
            .saturating_add(saturating_product(&[columns, strides[1]]));
        let ahead = saturating_product(&[kept_ahead(geometry), width, strides[0]]);
        let fitting = BAND_FLOATS.saturating_sub(ahead) / of_row.max(1);
        // Rows are computed two at a time.
        let rows = (fitting / 2 * 2).max(LEAST_BAND_ROWS).min(geometry.grid.0.max(1));
        let read = saturating_product(&[rows - 1, geometry.step.0]).saturating_add(extent(geometry));
        Self { rows, kept: read.min(geometry.input.0.max(1)), width, strides, narrow: rows * columns }
    }

    /// Floats of a thread's maps.
    fn floats(&self) -> usize {
        let [wide, narrow] = self.floats_of_maps();
        wide + narrow
    }

    fn floats_of_maps(&self) -> [usize; 2] {
        let line = |floats: usize| floats.next_multiple_of(LINE_FLOATS);
        [
            line(product(&[self.kept, self.width, self.strides[0]])),
            line(product(&[self.narrow, self.strides[1]])),
        ]
    }

    /// A thread's maps of so many channels, from a float on.
    fn maps(&self, first: usize, [wide, narrow]: [usize; 2]) -> [View; 2] {
        let [before, _] = self.floats_of_maps();
        [
            View { offset: first, pixels: self.kept * self.width, channels: wide, stride: self.strides[0] },
            View { offset: first + before, pixels: self.narrow, channels: narrow, stride: self.strides[1] },
        ]
    }
}

/// Floats from pixel to pixel: pixels of a multiple of 2 KiB would share two sets of the first-level cache.
fn stride(channels: usize) -> usize {
    let floats = channels.next_multiple_of(LINE_FLOATS);
    if floats.is_multiple_of(ALIASED_FLOATS) { floats + LINE_FLOATS } else { floats }
}

/// How far down the rows of the input reach that a row of the grid reads: from the first to past the last.
fn reach(geometry: &Geometry) -> Range<isize> {
    let down = || geometry.taps.iter().map(|tap| tap.dy);
    down().min().unwrap_or(0)..down().max().unwrap_or(0).saturating_add(1)
}

/// How many they are.
fn extent(geometry: &Geometry) -> usize {
    let reach = reach(geometry);
    reach.end.abs_diff(reach.start)
}

fn saturating_product(factors: &[usize]) -> usize {
    factors.iter().fold(1, |product: usize, &factor| product.saturating_mul(factor))
}

/// Rows of the input that are expanded for one row of the grid and kept for the next.
fn kept_ahead(geometry: &Geometry) -> usize {
    extent(geometry).saturating_sub(geometry.step.0)
}

/// Parts that the rows of each image's grid are cut in: as many as give all threads the same, as far as there are rows, and as
/// of what is expanded, if anything, at most a quarter is expanded twice, where parts meet.
fn parts(geometry: &Geometry, (batch, threads): (usize, usize), expands: bool) -> usize {
    let even = (1..threads).find(|parts| (batch * parts).is_multiple_of(threads)).unwrap_or(threads);
    let twice = if expands { kept_ahead(geometry) } else { 0 };
    let most = geometry
        .input
        .0
        .checked_div(twice.saturating_mul(TWICE_EXPANDED))
        .map_or(usize::MAX, |borders| borders + 1);
    even.min(geometry.grid.0.div_ceil(LEAST_BAND_ROWS)).min(most).max(1)
}

/// Whether bands suit so many threads: each has its rows, and what is expanded and kept, if anything, stays in the cache.
pub fn bands_suit(geometry: &Geometry, batch: usize, threads: usize, expands: bool) -> bool {
    let floats = saturating_product(&[kept_ahead(geometry), geometry.input.1, geometry.run]);
    let parts = parts(geometry, (batch, threads), expands);
    batch.saturating_mul(parts) >= threads && !(expands && floats > MOST_KEPT_FLOATS)
}

/// Floats of scratch for some threads; `wide` are the channels of what is expanded, `narrow` those of what is projected.
///
/// # Panics
/// If the number overflows.
pub fn bands_scratch(
    threads: usize,
    geometry: &Geometry,
    wide: Option<usize>,
    narrow: Option<usize>,
) -> usize {
    product(&[threads, Cut::new(geometry, [wide, narrow]).floats()])
}

/// Runs the convolutions.
///
/// # Panics
/// If a view or the scratch reaches beyond the arena, views overlap (an addend may be the output itself), lengths do not match,
/// there is neither an expansion nor a projection, a first convolution does not [suit](crate::stem_suits) or gives another map than is
/// read, the grid is not the whole output, or the instruction set has vectors of another width for one of the three.
pub fn bands(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Bands<'_>) {
    let Bands { expansion, grouped, projection, .. } = *call;
    let Grouped { geometry, group, batch, input, weights, panels, addend, out, .. } = grouped;
    let channels = [geometry.run, panels.n];
    arena.check(out);
    // What is read of the arena.
    let read = match expansion {
        Some(Expansion::Stem(_)) => None,
        Some(Expansion::Pointwise(_)) | None => Some(input),
    };
    if let Some(input) = read {
        arena.check(input);
        input.assert_disjoint(out);
        let pixels = product(&[batch, geometry.input.0, geometry.input.1]);
        assert_eq!(input.pixels, pixels, "pixels of the input");
    }
    // The maps between as they would be if they were whole.
    let whole = |channels, (height, width): (usize, usize)| {
        View::dense(0, product(&[batch, height, width]), channels)
    };
    let between = [whole(channels[0], geometry.input), whole(channels[1], geometry.output)];
    check((geometry, group, batch), isa, between, (panels, weights.len()));
    assert_eq!(
        (geometry.grid, geometry.spread, geometry.origin),
        (geometry.output, (1, 1), (0, 0)),
        "a grid that is the whole output"
    );
    assert!(grouped.bias.is_none_or(|bias| bias.len() >= panels.n), "bias of the grouped convolution");
    let own = isa.for_columns(panels.n);
    let unchanged = |read: usize, written: usize| assert_eq!(read, written, "channels that nothing changes");
    let pointwise = |convolution: Pointwise<'_>, [read, written]: [usize; 2]| {
        let Pointwise { weights, panels, bias, .. } = convolution;
        assert_eq!(panels, Panels::new(isa, read, written), "weights packed for another product");
        assert_eq!(weights.len(), panels.len(), "length of the packed weights");
        assert!(bias.is_none_or(|bias| bias.len() >= written), "bias of a 1×1 convolution");
        assert_eq!(isa.for_columns(written), own, "vectors of one width");
    };
    match expansion {
        Some(Expansion::Stem(stem)) => {
            stem.check(isa);
            let maps = (batch, geometry.input);
            assert_eq!((stem.batch, stem.geometry.grid), maps, "maps of the first convolution");
            assert_eq!(stem.panels.n, channels[0], "channels of the first convolution");
            assert_eq!(isa.for_columns(channels[0]), own, "vectors of one width");
        }
        Some(Expansion::Pointwise(expansion)) => pointwise(expansion, [input.channels, channels[0]]),
        None => unchanged(input.channels, channels[0]),
    }
    match projection {
        Some(projection) => pointwise(projection, [channels[1], out.channels]),
        None => unchanged(channels[1], out.channels),
    }
    assert!(expansion.is_some() || projection.is_some(), "a convolution before or behind");
    assert_eq!(out.pixels, between[1].pixels, "pixels of the output");
    check_epilogue(arena, out, None, addend);
    let cut = Cut::new(geometry, [expansion.map(|_| channels[0]), projection.map(|_| channels[1])]);
    let threads = pool.threads();
    let scratch = View::dense(call.scratch, 1, product(&[threads, cut.floats()]));
    arena.check(scratch);
    for view in [read, Some(out), addend].into_iter().flatten() {
        scratch.assert_disjoint(view);
    }
    if batch == 0 || geometry.grid.0 == 0 || geometry.grid.1 == 0 {
        return;
    }
    let parts = parts(geometry, (batch, threads), expansion.is_some());
    let walk = &Walk::new(geometry);
    let pointer = arena.pointer();
    pool.run_on(product(&[batch, parts]), &|thread, task| {
        let (image, part) = (task / parts, task % parts);
        let rows = part * geometry.grid.0 / parts..(part + 1) * geometry.grid.0 / parts;
        let maps = cut.maps(call.scratch + thread * cut.floats(), channels);
        let task = Task { walk, cut, maps, image, rows };
        MEMORY.with_borrow_mut(|memory| {
            // SAFETY: views, geometry, groups, panels and lengths were checked above; `run_on` gives one task at a time to a
            // thread's maps; tasks have different rows of the output; nothing writes the input, nor an addend that is not the
            // output.
            unsafe {
                dispatch!(own, grid_rows(
                    call: &Bands<'_>, isa: Isa, pointer: Pointer, task: Task<'_>, memory: &mut Memory
                ));
            }
        });
    });
}

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory::EMPTY) };
}

/// What a thread keeps from call to call.
struct Memory {
    tables: Tables,
    /// None before the first call.
    rows: Option<Rows>,
    stem: StemMemory,
}

impl Memory {
    const EMPTY: Self = Self { tables: Tables::EMPTY, rows: None, stem: StemMemory::EMPTY };
}

/// Some rows of an image's grid.
struct Task<'a> {
    walk: &'a Walk,
    cut: Cut,
    /// The thread's maps: what is expanded, and what is projected.
    maps: [View; 2],
    image: usize,
    rows: Range<usize>,
}

/// Computes some rows of an image's grid.
///
/// # Safety
/// [`bands`] has checked the call against the block of `arena`, and made the task's `walk` and `cut` of it; its maps are views of
/// the scratch as `cut` has them, which nothing else uses meanwhile; its rows are in the grid of an image of the batch. Meanwhile
/// nothing writes the input, and nothing else uses these rows' pixels of the output; an addend that is not the output is not
/// written. The CPU has the instruction set, which is the variant of `isa`, that the call was checked for.
#[inline(always)]
unsafe fn grid_rows<S: Simd>(
    call: &Bands<'_>,
    isa: Isa,
    arena: Pointer,
    task: Task<'_>,
    memory: &mut Memory,
) {
    let Task { walk, cut, maps: [wide, narrow], image, rows } = task;
    let Grouped { geometry, input, addend, out, .. } = call.grouped;
    let (source, middle) = (
        match call.expansion {
            Some(_) => Source { arena, view: wide, first: 0, kept: cut.kept },
            None => Source::image(arena, input, geometry, image),
        },
        match call.projection {
            Some(_) => Grouped { addend: None, out: narrow, ..call.grouped },
            None => call.grouped,
        },
    );
    // SAFETY: the caller has the instruction set.
    let lanes = unsafe { Lanes::<S>::new(&middle) };
    let Memory { tables, rows: found, stem } = memory;
    let found = found.get_or_insert_default();
    let mut images = match &call.expansion {
        Some(Expansion::Stem(call)) => Some(StemRows::new(call, stem)),
        Some(Expansion::Pointwise(_)) | None => None,
    };
    let vectors = middle.out.channels.div_ceil(S::LANES);
    let reach = reach(geometry);
    let row_of_input =
        |y: usize, down: isize| (y * geometry.step.0).saturating_add_signed(down).min(geometry.input.0);
    let (mut y, mut expanded) = (rows.start, 0);
    // As many rows in each band, an even number: a last one of few would be of tiles of few.
    let bands = rows.len().div_ceil(cut.rows).max(1);
    let height = rows.len().div_ceil(bands).next_multiple_of(2).min(cut.rows);
    while y < rows.end {
        let end = (y + height).min(rows.end);
        // What the next band reads and writes is asked for by the one 1×1 convolution and by the other, as far as there are two.
        let next = end..(end + height).min(rows.end);
        let read = row_of_input(end - 1, reach.end);
        let to_read = read..if next.is_empty() { read } else { row_of_input(next.end - 1, reach.end) };
        // Images are asked for row by row.
        let reads = match images {
            None => lines_of(arena, input, (image, geometry.input), to_read),
            Some(_) => None,
        };
        let writes = addend.into_iter().chain([out]);
        let writes = writes.filter_map(|view| lines_of(arena, view, (image, geometry.grid), next.clone()));
        let needed = row_of_input(y, reach.start).max(expanded)..row_of_input(end - 1, reach.end);
        expanded = expanded.max(needed.end);
        if let Some(images) = &mut images {
            let last = row_of_input(rows.end - 1, reach.end);
            for row in needed {
                let first = wide.offset + source.row(row, cut.width) * wide.stride;
                let ahead = (row + 1 < last).then_some(((image, row + 1), None));
                // SAFETY: `bands` has checked the first convolution for this instruction set, of which `own` is the variant; this row
                // and the next are in the input of the grid, which is the first one's grid; the pixels are the row's of those that
                // are kept, which are the caller's.
                unsafe { images.compute(isa, (image, row), (arena.at(first), wide.stride), ahead) };
            }
        } else if let Some(Expansion::Pointwise(expansion)) = call.expansion {
            let writes = writes.clone().filter(|_| call.projection.is_none());
            expansion.ask_ahead(reads.into_iter().chain(writes), tables);
            let pixels = expanded_pixels(arena, geometry, (image, input), source, needed);
            // SAFETY: `bands` has checked panels, weights and bias; the pixels are those of the image's rows, and of the rows that are
            // kept.
            unsafe { convolve::<S>(expansion, [input, wide], None, pixels, tables) };
        }
        let mut row = y;
        while row < end {
            let at = if call.projection.is_some() { (0, row - y) } else { (image, row) };
            // SAFETY: what the rows read is in the source; they are written to the caller's rows, or to those that are projected.
            unsafe {
                row += found.find(walk, geometry, &source, (row, end));
                found.compute(&middle, arena, &lanes, (at, 0..vectors));
            }
        }
        if let Some(projection) = call.projection {
            let columns = geometry.grid.1;
            let first = (image * geometry.grid.0 + y) * columns;
            // SAFETY: these are pixels of the rows that were just written, and of the caller's rows.
            let place = |view: View, pixel: usize| unsafe { arena.at(view.offset + pixel * view.stride) };
            let pixels = Pixels {
                count: (end - y) * columns,
                input: (place(narrow, 0).cast_const(), narrow.stride),
                output: (place(out, first), out.stride),
                addend: addend.map(|view| (place(view, first).cast_const(), view.stride)),
            };
            let reads = reads.filter(|_| call.expansion.is_none());
            projection.ask_ahead(reads.into_iter().chain(writes), tables);
            // SAFETY: `bands` has checked panels, weights and bias; the pixels are those of the rows that were just written, and of
            // the caller's rows.
            unsafe { convolve::<S>(projection, [narrow, out], addend, [pixels].into_iter(), tables) };
        }
        y = end;
    }
}

/// Some rows of a map of so many rows and columns.
fn lines_of(
    arena: Pointer,
    view: View,
    (image, (height, width)): (usize, (usize, usize)),
    rows: Range<usize>,
) -> Option<Span> {
    let block = arena.start().cast_const();
    let first = image * height;
    Span::of_pixels(block, view, (first + rows.start) * width..(first + rows.end) * width, view.channels)
}

/// Where some rows of an image are read, and where they are kept once they are expanded.
fn expanded_pixels(
    arena: Pointer,
    geometry: &Geometry,
    (image, input): (usize, View),
    kept: Source,
    rows: Range<usize>,
) -> impl Iterator<Item = Pixels> {
    let (height, width) = geometry.input;
    rows.map(move |row| {
        // Rows without pixels may lie anywhere: their starts are computed without `add`.
        let place = |view: View, pixel: usize| arena.start().wrapping_add(view.offset + pixel * view.stride);
        Pixels {
            count: width,
            input: (place(input, (image * height + row) * width).cast_const(), input.stride),
            output: (place(kept.view, kept.row(row, width)), kept.view.stride),
            addend: None,
        }
    })
}

/// A 1×1 convolution of some pixels.
///
/// # Safety
/// Weights and bias are as long as the panels say, which are cut for the instruction set. Each pixel leads to as many floats as
/// the convolution reads and writes, which nothing else uses meanwhile but to read what is read; all have an addend or none, by
/// `addend`. The CPU has the instruction set.
#[inline(always)]
unsafe fn convolve<S: Simd>(
    call: Pointwise<'_>,
    [input, out]: [View; 2],
    addend: Option<View>,
    pixels: impl Iterator<Item = Pixels>,
    tables: &mut Tables,
) {
    let Pointwise { weights, panels, bias, relu } = call;
    let product = Igemm {
        geometry: &Geometry::pointwise((1, 1), panels.k),
        batch: 1,
        input,
        weights: Weights::Single(weights),
        panels,
        bias,
        addend,
        before: None,
        relu,
        out,
    };
    tables.list(pixels, S::ROWS);
    // SAFETY: the caller's pixels are listed, in tiles of as many rows as there may be; weights and bias are the panels'.
    unsafe { panels_of::<S, f32>(&product, weights, 0..panels.count(), None, tables) };
}
