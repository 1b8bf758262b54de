//! Indirect GEMM: convolution and matrix product in one kernel.
//!
//! Rows of the left operand are read in place through pointers, one per grid position and tap (Dukhan 2019,
//! "The Indirect Convolution Algorithm"); the right operand is packed in [`Panels`]; bias, addition and ReLU
//! happen on the accumulators.

mod tables;

use std::ops::Range;
use std::slice;

use half::f16;

pub(crate) use self::tables::{Pixels, Tables};
use self::tables::{Shared, TABLES, fill_tables};
use crate::ahead::{Ahead, Span, list_input, list_output};
use crate::arena::{Arena, Pointer, View};
use crate::before::{Before, transform_rows};
use crate::element::Element;
use crate::geometry::{Geometry, product};
use crate::isa::Isa;
use crate::moments::{Chunks, Target, measure_rows};
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tile::{Tile, check_epilogue, floats_ahead, multiply, multiply_beside};
use crate::tiling::Tasks;
use crate::tuning::igemm::{LEAST_TASKS, LEAST_TASKS_PER_THREAD, TASKS_PER_THREAD};

/// A packed right operand, in either precision; products and sums are in float32.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// float32.
    Single(&'a [f32]),
    /// Half precision.
    Half(&'a [f16]),
}

impl Weights<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Single(weights) => weights.len(),
            Self::Half(weights) => weights.len(),
        }
    }

    /// Where a panel lies.
    fn panel(self, panels: Panels, panel: usize) -> Span {
        match self {
            Self::Single(weights) => Span::of(&weights[panels.range(panel)]),
            Self::Half(weights) => Span::of(&weights[panels.range(panel)]),
        }
    }

    /// # Panics
    /// If they do not reach as far.
    fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::Single(weights) => Self::Single(&weights[range]),
            Self::Half(weights) => Self::Half(&weights[range]),
        }
    }
}

/// `out = relu?(left · weights + bias + addend)`, where left is what `geometry` reads from `input`.
#[derive(Clone, Copy, Debug)]
pub struct Igemm<'a> {
    /// How positions map to pixels.
    pub geometry: &'a Geometry,
    /// Images.
    pub batch: usize,
    /// The input map, its pixels at least `geometry.run` channels (or `span` pixels) long.
    pub input: View,
    /// The right operand, packed.
    pub weights: Weights<'a>,
    /// Its layout: K × N.
    pub panels: Panels,
    /// N values added to each row, if any.
    pub bias: Option<&'a [f32]>,
    /// Pixels like the output's that are added before ReLU; the output itself accumulates.
    pub addend: Option<View>,
    /// What the input goes through first, of a walk with one tap that never leaves the input.
    pub before: Option<Before<'a>>,
    /// What follows.
    pub relu: Rectifier,
    /// The output map.
    pub out: View,
}

impl Igemm<'_> {
    /// Checks views, geometry, panels and lengths against the arena and one another; gives the number of elements that are
    /// to be written. `measured` wants every pixel written.
    ///
    /// # Panics
    /// As [`igemm`].
    pub(crate) fn check(&self, isa: Isa, arena: &Arena, measured: bool) -> usize {
        let Self { geometry, batch, input, panels, out, .. } = *self;
        arena.check(input);
        arena.check(out);
        input.assert_disjoint(out);
        geometry.check(batch, input, out);
        let expected = Panels::new(isa, geometry.k(), out.channels);
        assert_eq!(panels, expected, "weights packed for another product");
        assert_eq!(self.weights.len(), panels.len(), "length of the packed weights");
        check_epilogue(arena, out, self.bias, self.addend);
        if let Some(before) = self.before {
            before.check(arena, geometry, batch, out);
        }
        geometry.check_measured(measured, batch, out);
        geometry.positions(batch) * panels.n
    }

    /// The product of one of `groups` groups of channels, of a walk by single pixels: group number i reads the i-th
    /// `geometry.run` channels of the input, and writes the i-th `panels.n` of the output; weights are one group's after the
    /// other's.
    ///
    /// # Panics
    /// If channels, weights or biases are not that many groups'.
    pub fn group(&self, index: usize, groups: usize) -> Self {
        let (inner, outer, weights) = (self.geometry.run, self.panels.n, self.panels.len());
        let slice = |view: View| view.slice(index * outer, outer);
        assert_eq!(self.out.channels, product(&[groups, outer]), "output channels of all groups");
        Self {
            input: self.input.slice(index * inner, inner),
            weights: self.weights.part(index * weights..(index + 1) * weights),
            bias: self.bias.map(|bias| &bias[index * outer..(index + 1) * outer]),
            addend: self.addend.map(slice),
            out: slice(self.out),
            ..*self
        }
    }
}

/// Runs an indirect GEMM. Each output element is computed by one task, in an order fixed by the shapes. `statistics`
/// take the mean and the biased variance of each output channel, of a product that writes every pixel.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap (an addend may be the output itself), lengths do not match the
/// geometry, or statistics are wanted of a product that leaves pixels out.
pub fn igemm(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Igemm<'_>,
    statistics: Option<[&mut [f32]; 2]>,
) {
    if call.check(isa, arena, statistics.is_some()) == 0 {
        statistics.into_iter().flatten().for_each(|vector| vector.fill(0.0));
        return;
    }
    let panels = call.panels;
    let isa = isa.for_columns(panels.n);
    let threads = pool.threads();
    let (count, units) = (panels.count(), units(panels));
    let cut = match statistics {
        // They are those of blocks, and must not depend on the threads.
        Some(_) => Tasks { panels: count, least: LEAST_TASKS, threads: None },
        None => Tasks { panels: units, least: tasks_for(threads), threads: Some(threads) },
    };
    let mut shared = Shared::new(isa, call, cut);
    let blocks = shared.tiling.blocks();
    let mut chunks = statistics.as_ref().map(|_| Chunks::new(blocks, panels.n));
    shared.moments = chunks.as_mut().map(Chunks::target);
    // Columns are split only where rows do not keep all threads busy, and then so that each gets its share. Rows that go through
    // something first do so for each task anew.
    let tasks = if call.before.is_some() { threads } else { TASKS_PER_THREAD * threads };
    let enough = tasks.div_ceil(blocks).min(units);
    let groups = (enough..=units.min(enough + threads - 1))
        .find(|groups| blocks >= tasks || (blocks * groups).is_multiple_of(threads))
        .unwrap_or(enough);
    let pointer = arena.pointer();
    pool.run(blocks * groups, &|task| {
        let (b, g) = (task / groups, task % groups);
        let end = if g + 1 < groups { (g + 1) * units / groups } else { count };
        let columns = g * units / groups..end;
        // SAFETY: views, geometry, panels and lengths were checked above; the block and the panels exist, and no two
        // tasks have the same of both; nothing writes the views but the tasks.
        unsafe { run_block(isa, slice::from_ref(call), pointer, &shared, b, columns) };
    });
    if let (Some(chunks), Some(vectors)) = (chunks, statistics) {
        let tiling = shared.tiling;
        chunks.combine(isa, (0..blocks).map(|b| tiling.positions(tiling.tiles(b)).len()), vectors);
    }
}

/// Parts that columns are cut in: panels, of which a last one of a single vector goes with the one before.
fn units(panels: Panels) -> usize {
    let count = panels.count();
    count - usize::from(count > 1 && panels.is_narrow(count - 1))
}

/// Tasks that so many threads should have at least.
fn tasks_for(threads: usize) -> usize {
    LEAST_TASKS.max(LEAST_TASKS_PER_THREAD * threads)
}

/// Runs the products of `groups` [groups](Igemm::group) of channels in one go. Each output element is the one that
/// [`igemm`] of its group gives.
///
/// # Panics
/// If that of a group panics, channels, weights and biases are not those of so many groups, or the input goes through something
/// first.
pub fn igemm_groups(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Igemm<'_>, groups: usize) {
    assert!(call.before.is_none(), "groups read their channels as they are");
    // No group writes what another reads.
    call.input.assert_disjoint(call.out);
    check_epilogue(arena, call.out, call.bias, call.addend);
    let parts: Vec<Igemm<'_>> = (0..groups).map(|group| call.group(group, groups)).collect();
    let elements: usize = parts.iter().map(|part| part.check(isa, arena, false)).sum();
    let Some(first) = parts.first().filter(|_| elements > 0) else { return };
    let isa = isa.for_columns(call.panels.n);
    // Groups that share a block are cut in shares.
    let cut = Tasks { panels: call.panels.count(), least: tasks_for(pool.threads()), threads: None };
    let mut shared = Shared::new(isa, first, cut);
    // In the padding every group reads its own zeros.
    let zeros = product(&[shared.zeros.len(), groups]);
    shared.zeros.resize(zeros, 0.0);
    let pointer = arena.pointer();
    // Groups that share the lines of a row's pixels, and the table that leads to them, are one thread's as far as threads have
    // enough to do.
    let blocks = shared.tiling.blocks();
    let shares = (TASKS_PER_THREAD * pool.threads()).div_ceil(blocks).min(groups);
    pool.run(product(&[blocks, shares]), &|task| {
        let (block, share) = (task / shares, task % shares);
        let parts = &parts[share * groups / shares..(share + 1) * groups / shares];
        // SAFETY: views, geometry, panels and lengths of each group were checked above, and neighbours read and write channels
        // side by side; the block exists, no two tasks have the same block and group, and groups write different channels;
        // nothing else writes the views.
        unsafe { run_block(isa, parts, pointer, &shared, block, 0..call.panels.count()) };
    });
}

/// Runs [`block`] with the thread's tables.
///
/// # Safety
/// The function that cuts the tasks has checked the calls against the block of `arena`, and made `shared` of the first; `parts` are one
/// call, or groups of one that lie side by side, of which no input goes through something first; `index` is a block of the tiling,
/// `panels` are panels of the weights of each. Meanwhile nothing writes the input or the factors, and nothing else uses these
/// columns of the block's rows of the output; an addend that is not the output is not written.
unsafe fn run_block(
    isa: Isa,
    parts: &[Igemm<'_>],
    arena: Pointer,
    shared: &Shared,
    index: usize,
    panels: Range<usize>,
) {
    TABLES.with_borrow_mut(|tables| {
        // SAFETY: the caller gives checked calls and a block and panels of its own.
        unsafe {
            dispatch!(isa, block(
                parts: &[Igemm<'_>], arena: Pointer, shared: &Shared, index: usize, panels: Range<usize>,
                tables: &mut Tables
            ));
        }
    });
}

/// Computes some panels of columns of a block of positions, of one call or of some groups by one table.
///
/// # Safety
/// The function that cuts the tasks has checked the calls against the block of `arena`, and made `shared` of the first; `parts` are one
/// call, or groups of one that lie side by side, of which no input goes through something first; `index` is a block of the tiling,
/// `panels` are panels of the weights of each. Meanwhile nothing writes the input or the factors, and nothing else uses these
/// columns of the block's rows of the output; an addend that is not the output is not written. The CPU has the instruction set.
#[inline(always)]
unsafe fn block<S: Simd>(
    parts: &[Igemm<'_>],
    arena: Pointer,
    shared: &Shared,
    index: usize,
    panels: Range<usize>,
    tables: &mut Tables,
) {
    let moments = shared.moments.map(|target| (target, index));
    for (number, part) in parts.iter().enumerate() {
        // SAFETY: the caller has checked the calls, and gives a block of the tiling: `fill_tables` points to pixels of the first
        // one's views, an entry a position, in their order, where something comes before, and `transform_rows` to copies of
        // theirs, which live in the tables. Each entry moved on by the channels of a group leads to the same pixels' channels of
        // the next, or to zeros of its own, of which there are as many as all groups read. The panels' columns of these rows are
        // the caller's.
        unsafe {
            match number {
                0 => fill_tables(part, arena, shared, shared.tiling.tiles(index), tables),
                _ => tables.advance(part),
            }
            tables.ahead.clear();
            if let Some(next) = parts.get(number + 1) {
                tables.ahead.push(next.weights.panel(next.panels, panels.start));
            } else if panels.end < part.panels.count() {
                // The other panels of this block are the next task.
                tables.ahead.push(part.weights.panel(part.panels, panels.end));
            } else if index + 1 < shared.tiling.blocks() {
                let first = &parts[0];
                if parts.len() * panels.len() > 1 {
                    tables.ahead.push(first.weights.panel(first.panels, panels.start));
                }
                if let Some(ends) = shared.tiling.ends(part.geometry, index + 1) {
                    let Igemm { geometry, input, addend, out, panels, .. } = *first;
                    let list = &mut tables.ahead;
                    list_input(geometry, (input, parts.len() * geometry.run), arena.start(), ends, list);
                    for view in addend.into_iter().chain([out]) {
                        list_output(geometry, (view, parts.len() * panels.n), arena.start(), ends, list);
                    }
                }
            }
            if let Some(before) = part.before {
                let positions = shared.tiling.positions(shared.tiling.tiles(index));
                let rows = (&mut tables.input[..], &mut tables.rows);
                transform_rows::<S>(before, part.geometry, arena, positions, rows);
            }
            let panels = panels.clone();
            match part.weights {
                Weights::Single(weights) => panels_of::<S, f32>(part, weights, panels, moments, tables),
                Weights::Half(weights) => panels_of::<S, f16>(part, weights, panels, moments, tables),
            }
        }
    }
}

/// The tiles of a block of positions whose pointers are in the tables, and their moments as a chunk.
///
/// # Safety
/// `tables` hold the pointers of a block's tiles as [`fill_tables`] or [`Tables::list`] lists them, `call.geometry.run` readable floats
/// at each input, the output's channels at each output and addend; weights and bias are as long as the panels say.
/// The `panels`' columns of the output, and of the chunk of the moments, exist and are used by nothing else
/// meanwhile. The CPU has the instruction set.
#[inline(always)]
pub(crate) unsafe fn panels_of<S: Simd, W: Element>(
    call: &Igemm<'_>,
    weights: &[W],
    panels: Range<usize>,
    moments: Option<(Target, usize)>,
    tables: &Tables,
) {
    let mut ahead = Ahead::new(&tables.ahead);
    let mut rest = panels.clone();
    while let Some(these) = next_panels(call.panels, &mut rest) {
        if let Some(next) = next_panels(call.panels, &mut rest.clone()) {
            ahead.next_panel(
                &weights[call.panels.range(next.start).start..call.panels.range(next.end - 1).end],
            );
        }
        // SAFETY: the panels are the caller's, one, or two of which the last is a vector wide.
        unsafe {
            match these.len() {
                2 => tiles_of::<S, W, true>(call, weights, these.clone(), &mut ahead, tables),
                _ => tiles_of::<S, W, false>(call, weights, these.clone(), &mut ahead, tables),
            }
        }
        if !call.relu.is_finished_later() {
            for panel in these {
                // SAFETY: the panel is the caller's.
                unsafe { measure::<S>(call, panel, moments, tables) };
            }
        }
    }
    if call.relu.is_finished_later() {
        let first = call.panels.columns(panels.start).start;
        let past = panels.end.checked_sub(1).map_or(0, |last| call.panels.columns(last).end);
        // All of a row at once: an exponential is long in coming.
        for row in &tables.output {
            // SAFETY: the output's rows hold the panels' columns, which are the caller's alone.
            call.relu.finish::<S>(unsafe {
                slice::from_raw_parts_mut(row.add(first), past.saturating_sub(first))
            });
        }
        for panel in panels {
            // SAFETY: the panel is the caller's.
            unsafe { measure::<S>(call, panel, moments, tables) };
        }
    }
}

/// The tiles of a panel, or of `TWO` side by side, the last of which is a vector wide.
///
/// # Safety
/// As [`panels_of`], of these panels: one, or if it is `TWO`, two of which the last is one vector wide.
#[inline(always)]
unsafe fn tiles_of<S: Simd, W: Element, const TWO: bool>(
    call: &Igemm<'_>,
    weights: &[W],
    panels: Range<usize>,
    ahead: &mut Ahead<'_>,
    tables: &Tables,
) {
    const { assert!(S::ROWS.is_multiple_of(2), "tiles are cut in halves") };
    let bias = call.bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
    let columns = call.panels.columns(panels.start).start..call.panels.columns(panels.end - 1).end;
    let vectors = call.panels.width(panels.start) / S::LANES;
    let first = weights[call.panels.start(panels.start)..].as_ptr();
    let beside = if TWO { weights[call.panels.start(panels.start + 1)..].as_ptr() } else { std::ptr::null() };
    for place in &tables.tiles {
        // A tile of the tables is one of a panel, or two of two panels; a loop over two would cost the one.
        let upper = if TWO { place.rows.div_ceil(2) } else { place.rows };
        for (row, rows) in [(0, upper), (upper, place.rows - upper)].into_iter().take(1 + usize::from(TWO)) {
            if TWO && rows == 0 {
                continue;
            }
            let tile = Tile {
                input: tables.input[place.input..].as_ptr().wrapping_add(row),
                pitch: place.rows,
                taps: place.taps,
                order: tables.order[place.order..].as_ptr(),
                run: call.geometry.run,
                weights: first,
                beside,
                ahead: ahead.take(floats_ahead(place.taps, call.geometry.run, vectors), first.cast()),
                bias,
                addend: if call.addend.is_some() {
                    tables.addend[place.output + row..].as_ptr()
                } else {
                    std::ptr::null()
                },
                output: tables.output[place.output + row..].as_ptr(),
                column: columns.start,
                columns: columns.len(),
                rows,
                relu: call.relu,
            };
            // SAFETY: the caller's tables have `place.rows` pointers for each of the tile's taps, whose rows in the panels
            // `order` lists, and for the output and the addend; panels and columns are cut from the weights as `Panels` says. Of two
            // panels the first is two vectors wide, and half of a tile's rows are at most half of `S::ROWS`, which is even.
            unsafe {
                if TWO {
                    multiply_beside::<S, W>(tile);
                } else {
                    multiply::<S, W>(tile);
                }
            }
        }
    }
}

/// Takes the panels that are computed together off some: one, or two where a panel of one vector ends them. By itself it would
/// read a number of a row for each product.
#[inline(always)]
fn next_panels(panels: Panels, rest: &mut Range<usize>) -> Option<Range<usize>> {
    let first = rest.next()?;
    // One or two, as the compiler sees: told by where the rest begins, short products took 2% longer.
    let together = rest.len() == 1 && panels.is_narrow(rest.start);
    if together {
        rest.next();
    }
    Some(first..first + 1 + usize::from(together))
}

/// Computes the moments of a panel's columns, where they are wanted.
///
/// # Safety
/// As [`panels_of`], which has written the panel's columns.
#[inline(always)]
unsafe fn measure<S: Simd>(
    call: &Igemm<'_>,
    panel: usize,
    moments: Option<(Target, usize)>,
    tables: &Tables,
) {
    if let Some((target, chunk)) = moments {
        // SAFETY: the output's rows hold the panel's columns, which like those of the chunk are the caller's alone.
        unsafe { measure_rows::<S>(target, chunk, &tables.output, call.panels.columns(panel)) };
    }
}
