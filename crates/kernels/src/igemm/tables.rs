//! Where the rows of a block lie that a product reads and writes.

use std::cell::RefCell;
use std::ops::Range;

use super::Igemm;
use crate::ahead::Span;
use crate::arena::{Pointer, View};
use crate::geometry::{Geometry, Interior, Tap};
use crate::isa::Isa;
use crate::moments::Target;
use crate::tile::MAX_ROWS;
use crate::tiling::{Tasks, Tiling, even_parts};
use crate::tuning::igemm::{BLOCK_POSITIONS, LEAST_BLOCK_POSITIONS, TABLE_ENTRIES};

thread_local! {
    pub(super) static TABLES: RefCell<Tables> = const { RefCell::new(Tables::EMPTY) };
}

/// Row pointers of a block of positions, in tiles: `input[tile][tap][row]`, `output[position]`.
pub(crate) struct Tables {
    pub(super) tiles: Vec<TileRows>,
    pub(super) input: Vec<*const f32>,
    /// The rows of the weights for each tap of a tile, without taps that lead all of its rows into the padding.
    pub(super) order: Vec<usize>,
    pub(super) output: Vec<*mut f32>,
    pub(super) addend: Vec<*const f32>,
    /// Copies of the block's rows, where they go through something first.
    pub(super) rows: Vec<f32>,
    /// What the next block reads and writes.
    pub(crate) ahead: Vec<Span>,
}

impl Tables {
    pub(crate) const EMPTY: Self = Self {
        tiles: Vec::new(),
        input: Vec::new(),
        order: Vec::new(),
        output: Vec::new(),
        addend: Vec::new(),
        rows: Vec::new(),
        ahead: Vec::new(),
    };

    /// Lists products of single pixels, whose addends all have or none; in even tiles of at most so many rows.
    pub(crate) fn list(&mut self, pixels: impl Iterator<Item = Pixels>, rows: usize) {
        self.input.clear();
        self.output.clear();
        self.addend.clear();
        for Pixels { count, input, output, addend } in pixels {
            self.input.extend((0..count).map(|i| input.0.wrapping_add(i * input.1)));
            self.output.extend((0..count).map(|i| output.0.wrapping_add(i * output.1)));
            if let Some((addend, step)) = addend {
                self.addend.extend((0..count).map(|i| addend.wrapping_add(i * step)));
            }
        }
        self.order.clear();
        self.order.push(0);
        let count = self.input.len();
        let tiles = count.div_ceil(rows);
        self.tiles.clear();
        self.list_tiles(even_parts(count, tiles, 0).take(tiles));
    }

    /// Lists tiles of so many rows each, of one tap, one after the other.
    fn list_tiles(&mut self, rows: impl Iterator<Item = usize>) {
        let mut first = 0;
        self.tiles.extend(rows.map(|rows| {
            let place = TileRows { input: first, order: 0, output: first, rows, taps: 1 };
            first += rows;
            place
        }));
    }

    /// Leads to the next group of channels.
    pub(super) fn advance(&mut self, call: &Igemm<'_>) {
        let (inner, outer) = (call.geometry.run, call.panels.n);
        self.input.iter_mut().for_each(|entry| *entry = entry.wrapping_add(inner));
        self.output.iter_mut().for_each(|entry| *entry = entry.wrapping_add(outer));
        self.addend.iter_mut().for_each(|entry| *entry = entry.wrapping_add(outer));
    }
}

/// Some pixels at even distances: where the first is read, where it is written and where its addend lies, each with the floats
/// from one to the next.
pub(crate) struct Pixels {
    pub(crate) count: usize,
    pub(crate) input: (*const f32, usize),
    pub(crate) output: (*mut f32, usize),
    pub(crate) addend: Option<(*const f32, usize)>,
}

/// Where a tile's part of the tables starts, and how much of it there is.
#[derive(Clone, Copy)]
pub(super) struct TileRows {
    pub(super) input: usize,
    pub(super) order: usize,
    pub(super) output: usize,
    pub(super) rows: usize,
    pub(super) taps: usize,
}

/// Writes the row pointers of the tiles of a block: in `tables.tiles` where each begins, in `tables.input` for each
/// of its taps a pointer for each row, to `run` floats of the input or to zeros; in `tables.output` and
/// `tables.addend` for each position the pixel.
///
/// # Safety
/// [`Igemm::check`] has checked the call against the block of `arena`, and `shared` was made of it; `tiles` are tiles of the
/// tiling.
#[inline(always)]
pub(super) unsafe fn fill_tables(
    call: &Igemm<'_>,
    arena: Pointer,
    shared: &Shared,
    tiles: Range<usize>,
    tables: &mut Tables,
) {
    let geometry = call.geometry;
    let taps = geometry.taps.len();
    let positions = shared.tiling.positions(tiles.clone());
    let count = positions.len();
    tables.tiles.clear();
    tables.input.resize(count * taps, std::ptr::null());
    tables.output.resize(count, std::ptr::null_mut());
    tables.addend.resize(if call.addend.is_some() { count } else { 0 }, std::ptr::null());
    // First the order of all taps.
    tables.order.clear();
    tables.order.extend((0..taps).map(|tap| tap * geometry.run));
    if shared.pointwise {
        // SAFETY: position by position these are the pixels of the views, which lie in the block.
        unsafe {
            list_pixels(arena, call.input, positions.clone(), &mut tables.input, <*mut f32>::cast_const);
            list_pixels(arena, call.out, positions.clone(), &mut tables.output, |pixel| pixel);
            if let Some(addend) = call.addend {
                list_pixels(arena, addend, positions.clone(), &mut tables.addend, <*mut f32>::cast_const);
            }
        }
        tables.list_tiles(shared.tiling.rows(tiles));
        return;
    }
    let mut cursor = Cursor::new(call, shared, positions.start);
    let (mut input, mut output) = (0, 0);
    for rows in shared.tiling.rows(tiles) {
        let mut bases = [std::ptr::null::<f32>(); MAX_ROWS];
        let first = cursor.place;
        let (mut inside, mut listed) = (true, 0);
        while listed < rows {
            let run = cursor.run(call, shared, rows - listed);
            inside &= run.inside;
            let output = output + listed;
            // SAFETY: an output pixel of the grid lies in the output and the addend, as `Geometry::check` has it, and
            // these in the block. An input base may lie outside: it is computed without `add`, and read from only
            // where a tap leads inside.
            unsafe {
                let pixels = |view: View| view.offset + run.pixel * view.stride;
                for (i, entry) in tables.output[output..output + run.count].iter_mut().enumerate() {
                    *entry = arena.at(pixels(call.out) + i * shared.steps.pixel * call.out.stride);
                }
                if let Some(addend) = call.addend {
                    for (i, entry) in tables.addend[output..output + run.count].iter_mut().enumerate() {
                        *entry = arena.at(pixels(addend) + i * shared.steps.pixel * addend.stride);
                    }
                }
                let base = arena.start().wrapping_add(run.base);
                for (i, entry) in bases[listed..listed + run.count].iter_mut().enumerate() {
                    *entry = base.wrapping_add(i * shared.steps.base);
                }
            }
            listed += run.count;
        }
        let mut place = TileRows { input, order: 0, output, rows, taps };
        output += rows;
        let mut entries = tables.input[input..][..rows * taps].chunks_exact_mut(rows);
        if inside {
            for (part, &offset) in entries.zip(&shared.offsets) {
                for (entry, base) in part.iter_mut().zip(&bases) {
                    *entry = base.wrapping_offset(offset);
                }
            }
        } else {
            place.order = tables.order.len();
            let mut places = [first; MAX_ROWS];
            for m in 1..rows {
                places[m] = shared.tiling.next(geometry, places[m - 1]);
            }
            for (i, (&tap, &offset)) in geometry.taps.iter().zip(&shared.offsets).enumerate() {
                let reads = |place: (usize, usize, usize)| geometry.input_pixel(place, tap).is_some();
                if !places[..rows].iter().any(|&place| reads(place)) {
                    continue;
                }
                tables.order.push(i * geometry.run);
                for ((entry, base), &place) in entries.next().into_iter().flatten().zip(&bases).zip(&places) {
                    *entry = if reads(place) { base.wrapping_offset(offset) } else { shared.zeros.as_ptr() };
                }
            }
            place.taps = tables.order.len() - place.order;
        }
        input += rows * place.taps;
        tables.tiles.push(place);
    }
}

/// Writes where some pixels of a view start.
///
/// # Safety
/// The pixels are some of the view's, which lies in the block of `arena`.
#[inline(always)]
unsafe fn list_pixels<T>(
    arena: Pointer,
    view: View,
    pixels: Range<usize>,
    list: &mut [T],
    of: impl Fn(*mut f32) -> T,
) {
    for (entry, pixel) in list.iter_mut().zip(pixels) {
        // SAFETY: the caller's pixel starts in the block.
        *entry = of(unsafe { arena.at(view.offset + pixel * view.stride) });
    }
}

/// Walks over the positions of a grid in a tiling's order, by runs at even distances: without divisions, and within a row, or
/// the images of a place, by additions alone.
struct Cursor {
    place: (usize, usize, usize),
    /// See [`Geometry::base`] and [`Geometry::output_pixel`].
    base: usize,
    pixel: usize,
    /// How many positions follow one another from here on by [`Steps`].
    left: usize,
    /// Whether every tap of the row stays inside the input's rows.
    row_inside: bool,
}

/// Positions that follow one another by [`Steps`].
struct Run {
    base: usize,
    pixel: usize,
    count: usize,
    /// Whether every tap of each stays inside the input.
    inside: bool,
}

/// From one position of a run to the next: floats of the input's base, and output pixels.
struct Steps {
    base: usize,
    pixel: usize,
}

impl Cursor {
    #[inline(always)]
    fn new(call: &Igemm<'_>, shared: &Shared, position: usize) -> Self {
        Self::at(call, shared, shared.tiling.locate(call.geometry, position))
    }

    #[inline(always)]
    fn at(call: &Igemm<'_>, shared: &Shared, place: (usize, usize, usize)) -> Self {
        Self {
            place,
            base: call.geometry.base(place, call.input),
            pixel: call.geometry.output_pixel(place),
            left: shared.tiling.run(call.geometry, place),
            row_inside: shared.interior.rows.contains(&place.1),
        }
    }

    /// The next positions, at most so many.
    #[inline(always)]
    fn run(&mut self, call: &Igemm<'_>, shared: &Shared, most: usize) -> Run {
        let count = self.left.min(most);
        let last = shared.tiling.moved(self.place, count - 1);
        let columns = &shared.interior.columns;
        let inside = self.row_inside && columns.contains(&self.place.2) && columns.contains(&last.2);
        let run = Run { base: self.base, pixel: self.pixel, count, inside };
        if count < self.left {
            self.place = shared.tiling.moved(self.place, count);
            self.base = self.base.wrapping_add(count.wrapping_mul(shared.steps.base));
            self.pixel += count * shared.steps.pixel;
            self.left -= count;
        } else {
            *self = Self::at(call, shared, shared.tiling.next(call.geometry, last));
        }
        run
    }
}

/// What all blocks of a call share.
pub(super) struct Shared {
    interior: Interior,
    /// Whether position number i reads the i-th pixel and writes the i-th.
    pointwise: bool,
    pub(super) tiling: Tiling,
    steps: Steps,
    /// Floats from a position's base to each tap.
    offsets: Vec<isize>,
    /// What a tap in the padding reads.
    pub(super) zeros: Vec<f32>,
    /// Where the blocks' moments go, if they are wanted.
    pub(super) moments: Option<Target>,
}

impl Shared {
    /// Of a call that was checked.
    ///
    /// # Panics
    /// If the input goes through something first that it cannot go through.
    pub(super) fn new(isa: Isa, call: &Igemm<'_>, tasks: Tasks) -> Self {
        let Igemm { geometry, batch, input, .. } = *call;
        let interior = Interior::new(geometry);
        let zeros = vec![0.0f32; if interior.is_all(geometry) { 0 } else { geometry.run }];
        // Taps that lead far outside may wrap; those that lead inside come out right in any case.
        let offset = |tap: &Tap| {
            let pixels = tap.dy.wrapping_mul(geometry.input.1 as isize).wrapping_add(tap.dx);
            pixels.wrapping_mul(input.stride as isize)
        };
        let offsets = geometry.taps.iter().map(offset).collect();
        let most = BLOCK_POSITIONS.min(TABLE_ENTRIES / geometry.taps.len().max(1)).max(LEAST_BLOCK_POSITIONS);
        let tiling = Tiling::new((geometry, &interior), batch, (isa.tile_rows(), most), tasks);
        let [read, pixel] = tiling.step(geometry);
        let steps = Steps { base: read.wrapping_mul(input.stride), pixel };
        let pointwise = *geometry == Geometry::pointwise(geometry.input, geometry.run);
        Self { interior, pointwise, tiling, steps, offsets, zeros, moments: None }
    }
}
