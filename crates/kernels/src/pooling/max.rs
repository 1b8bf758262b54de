//! The maximum of each window, and where it was.

use std::ops::Range;

use super::{PoolWindow, Span, Task};
use crate::arena::{Arena, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tuning::pooling::LEAST_TASK_ROWS;

/// Where each maximum was, as bytes; tasks use different rows.
#[derive(Clone, Copy)]
struct Codes(*mut u8);

// SAFETY: a pointer alone reads and writes nothing; whoever does so through `at` promises that no other thread uses
// that byte meanwhile.
unsafe impl Send for Codes {}
// SAFETY: `&Codes` gives no more than a copy of it, which may be sent.
unsafe impl Sync for Codes {}

impl Codes {
    /// The address of byte `index`.
    ///
    /// # Safety
    /// `index` is at most the length of the slice, which is still borrowed.
    #[inline(always)]
    unsafe fn at(self, index: usize) -> *mut u8 {
        // SAFETY: the caller gives an index inside the slice, or one past its end.
        unsafe { self.0.add(index) }
    }
}

/// Places that a byte tells apart.
const MOST_PLACES: usize = 256;

/// # Panics
/// If a byte cannot tell the places of a window apart.
pub(super) fn check_argmax(window: &PoolWindow) {
    assert!(window.area() <= MOST_PLACES, "windows of at most {MOST_PLACES} elements have a byte's argmax");
}

/// out = the maximum of each window, NaN where it holds one; `argmax`, one byte an output element in dense order,
/// remembers where it was (the first of equals, row by row, but the last NaN, as in PyTorch).
///
/// # Panics
/// If views do not fit, or `argmax` is given with the wrong length or windows of more than 256 elements.
pub fn max_pool(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    window: &PoolWindow,
    [input, out]: [View; 2],
    argmax: Option<&mut [u8]>,
) {
    let batch = window.check(arena, input, out);
    let task = Task { window, input, out, arena: arena.pointer(), accumulate: false };
    let height = window.output().0;
    let codes = argmax.map(|codes| {
        check_argmax(window);
        assert_eq!(codes.len(), out.pixels * out.channels, "length of argmax");
        Codes(codes.as_mut_ptr())
    });
    if out.pixels == 0 {
        return;
    }
    let isa = isa.for_columns(out.channels);
    pool.ranges(batch * height, LEAST_TASK_ROWS, &|rows| {
        // SAFETY: `window.check` has the views inside the arena and apart, and the lengths were checked; tasks have
        // different rows of the output.
        unsafe { dispatch!(isa, max_rows(task: Task<'_>, rows: Range<usize>, codes: Option<Codes>)) };
    });
}

/// The maxima of some rows of the output.
///
/// # Safety
/// [`max_pool`] has checked the task's window and views, and the length of the codes; `rows` are rows of the output
/// of the batch. Meanwhile nothing writes the input, and nothing else uses these rows of the output and the codes.
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn max_rows<S: Simd>(task: Task<'_>, rows: Range<usize>, codes: Option<Codes>) {
    let (height, width) = task.window.output();
    let channels = task.out.channels;
    let mut lines = task.window.shares_rows().then(|| Lines::new(&task, codes.is_some()));
    for index in rows {
        let (image, row) = (index / height, task.window.rows[index % height]);
        if let Some(lines) = &mut lines {
            // SAFETY: the rows lie in the input of the batch, and the row in the output, as `PoolWindow` has them.
            unsafe {
                lines.advance::<S>(&task, image, row);
                lines.combine::<S>(&task, row, index, codes);
            }
            continue;
        }
        for (x, column) in task.window.columns.iter().enumerate() {
            let pixel = index * width + x;
            // SAFETY: the window lies in the input, as `PoolWindow` has it, the pixel in the output and its codes in
            // `codes`, which are the caller's alone.
            unsafe {
                let places = codes.map_or(Places::None, |codes| Places::Bytes(codes.at(pixel * channels)));
                let to = Largest { values: task.out(pixel), places };
                of_window::<S>(&task, image, [row, *column], to);
            }
        }
    }
}

/// The largest of a window of the input.
///
/// # Safety
/// The window lies in the image of the task's input, whose views [`max_pool`] has checked; `to` is valid to write as many values
/// and places to as they have channels. Meanwhile nothing writes the input, and nothing else uses `to`. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn of_window<S: Simd>(task: &Task<'_>, image: usize, [row, column]: [Span; 2], to: Largest) {
    let (down, right) = (task.window.input.1 * task.input.stride, task.input.stride);
    let (widest, channels) = (task.window.largest.1, task.out.channels);
    // SAFETY: the caller's window, whose first pixel this is.
    let corner = unsafe { task.input(image, row.start, column.start) };
    let source = |y, x| Source {
        values: corner.wrapping_add(y * down + x * right),
        places: None,
        first: (y * widest + x) as f32,
    };
    // SAFETY: these are pixels of the window, which have the channels, as has what is written; there are as many rows and columns
    // as the arms say.
    unsafe {
        match [row.end - row.start, column.end - column.start] {
            [1, 2] => largest::<S>([1, 2], source, channels, to),
            [1, 3] => largest::<S>([1, 3], source, channels, to),
            [2, 2] => largest::<S>([2, 2], source, channels, to),
            [3, 3] => largest::<S>([3, 3], source, channels, to),
            size => largest::<S>(size, source, channels, to),
        }
    }
}

/// The maxima along the rows of the input, of each window's columns: rows that several windows share are looked at once.
struct Lines {
    /// The image, and the row of it that comes next.
    next: (usize, usize),
    /// As many lines as the highest window has rows, by the rows of the input in turn, and where each maximum was in
    /// its row.
    values: Vec<f32>,
    places: Option<Vec<f32>>,
    count: usize,
    /// Floats of a line: the columns of the output, with the channels of each.
    len: usize,
}

impl Lines {
    fn new(task: &Task<'_>, with_places: bool) -> Self {
        let (count, len) = (task.window.largest.0, task.window.columns.len() * task.out.channels);
        let values = vec![0.0; product(&[count, len])];
        let places = with_places.then(|| vec![0.0; values.len()]);
        Self { next: (0, 0), values, places, count, len }
    }

    /// Where the maxima of a row of the input lie.
    fn line(&self, y: usize) -> Range<usize> {
        let first = y % self.count * self.len;
        first..first + self.len
    }

    /// Takes the maxima along those rows of a window that are not there yet.
    ///
    /// # Safety
    /// The rows lie in the image, which lies in the task's input, whose views [`max_pool`] has checked. Nothing writes
    /// the input meanwhile, and the CPU has the instruction set.
    #[inline(always)]
    unsafe fn advance<S: Simd>(&mut self, task: &Task<'_>, image: usize, row: Span) {
        let begun = if self.next.0 == image { self.next.1 } else { 0 };
        for y in row.start.max(begun)..row.end {
            let line = self.line(y);
            let values = &mut self.values[line.clone()];
            let mut places = self.places.as_mut().map(|places| &mut places[line]);
            let channels = task.out.channels;
            for (x, column) in task.window.columns.iter().enumerate() {
                let own = x * channels..(x + 1) * channels;
                let places = match &mut places {
                    Some(places) => Places::Floats(places[own.clone()].as_mut_ptr()),
                    None => Places::None,
                };
                let to = Largest { values: values[own].as_mut_ptr(), places };
                let row = Span { start: y, end: y + 1, ..row };
                // SAFETY: row and column lie in the input; the line has the channels.
                unsafe { of_window::<S>(task, image, [row, *column], to) };
            }
        }
        self.next = (image, row.end.max(begun));
    }

    /// Takes the maxima of a row of windows from those along its rows, all of which are there: row `index` of the output.
    ///
    /// # Safety
    /// [`max_pool`] has checked the task's window and views, and the length of the codes; the row is one of the output of the
    /// batch. Nothing else uses it and its codes meanwhile, and the CPU has the instruction set.
    #[inline(always)]
    unsafe fn combine<S: Simd>(&self, task: &Task<'_>, row: Span, index: usize, codes: Option<Codes>) {
        // A row without gaps is one pixel of many channels.
        let width = task.window.columns.len();
        let (pixels, channels) = if task.out.is_dense() { (1, self.len) } else { (width, task.out.channels) };
        for x in 0..pixels {
            let own = x * channels..(x + 1) * channels;
            // SAFETY: the caller's row of the output and of the codes, of which this is the first or every pixel; the lines
            // have the channels.
            unsafe {
                let first = index * self.len + own.start;
                let to = Largest {
                    values: task.out(index * width + x),
                    places: codes.map_or(Places::None, |codes| Places::Bytes(codes.at(first))),
                };
                match row.end - row.start {
                    2 => {
                        let sources = self.sources::<2>(task, row, own);
                        largest::<S>([2, 1], |y, _| sources[y], channels, to);
                    }
                    3 => {
                        let sources = self.sources::<3>(task, row, own);
                        largest::<S>([3, 1], |y, _| sources[y], channels, to);
                    }
                    height => {
                        largest::<S>(
                            [height, 1],
                            |y, _| self.source(task, row, y, own.clone()),
                            channels,
                            to,
                        );
                    }
                }
            }
        }
    }

    /// The rows of a window, of which there are `COUNT`.
    #[inline(always)]
    fn sources<const COUNT: usize>(&self, task: &Task<'_>, row: Span, own: Range<usize>) -> [Source; COUNT] {
        array![self.source(task, row, 0, own.clone()); COUNT, |y| self.source(task, row, y, own.clone())]
    }

    /// Row `y` of a window: some of its maxima.
    #[inline(always)]
    fn source(&self, task: &Task<'_>, row: Span, y: usize, own: Range<usize>) -> Source {
        let line = self.line(row.start + y);
        Source {
            values: self.values[line.clone()][own.clone()].as_ptr(),
            places: self.places.as_ref().map(|places| places[line][own].as_ptr()),
            first: (y * task.window.largest.1) as f32,
        }
    }
}

/// Floats of which the largest are taken, channel by channel: a pixel, or the maxima of a row of the window.
#[derive(Clone, Copy)]
struct Source {
    values: *const f32,
    /// The places of maxima in their row; a pixel has none.
    places: Option<*const f32>,
    /// The place in the window that the pixel has, or the row's first.
    first: f32,
}

impl Source {
    /// The places in the window of `n` channels from `c` on.
    ///
    /// # Safety
    /// These are channels of the source, and the CPU has the instruction set.
    #[inline(always)]
    unsafe fn places<S: Simd>(&self, c: usize, n: usize) -> S::V {
        // SAFETY: the caller has these channels in the source, whose places are as many.
        unsafe {
            let first = S::splat(self.first);
            match self.places {
                Some(places) => S::add(S::load_first(places.add(c), n), first),
                None => first,
            }
        }
    }
}

/// Where the largest and their places go.
#[derive(Clone, Copy)]
struct Largest {
    values: *mut f32,
    places: Places,
}

/// Places in a window, for each channel.
#[derive(Clone, Copy)]
enum Places {
    None,
    Floats(*mut f32),
    Bytes(*mut u8),
}

/// The largest of each channel of a window's sources, given by row and column: the first of equals, or the last NaN.
///
/// # Safety
/// There are rows and columns. Each source is valid to read `channels` floats from, and from its places, if it has some;
/// `to` is valid to write `channels` values and places to. Meanwhile nothing writes the sources, and nothing else uses what is
/// written. The CPU has the instruction set.
#[inline(always)]
unsafe fn largest<S: Simd>(
    size: [usize; 2],
    source: impl Fn(usize, usize) -> Source,
    channels: usize,
    to: Largest,
) {
    let whole = channels - channels % S::LANES;
    // SAFETY: the caller has `channels` floats in each source and in what is written: a vector at `c`, or the last ones.
    unsafe {
        for c in (0..whole).step_by(S::LANES) {
            largest_at::<S>(size, &source, (c, S::LANES), to);
        }
        if whole < channels {
            largest_at::<S>(size, &source, (whole, channels - whole), to);
        }
    }
}

/// [`largest`] of `n` channels from `c` on, at most a vector.
///
/// # Safety
/// That of [`largest`]; these are among its channels.
#[inline(always)]
unsafe fn largest_at<S: Simd>(
    [rows, columns]: [usize; 2],
    source: &impl Fn(usize, usize) -> Source,
    (c, n): (usize, usize),
    to: Largest,
) {
    let first = source(0, 0);
    // SAFETY: the caller has these channels in each source and its places, and in what is written.
    unsafe {
        let mut best = S::load_first(first.values.add(c), n);
        if let Places::None = to.places {
            for y in 0..rows {
                for x in usize::from(y == 0)..columns {
                    best = S::max_or_nan(S::load_first(source(y, x).values.add(c), n), best);
                }
            }
            return S::store_first(to.values.add(c), best, n);
        }
        let mut at = first.places::<S>(c, n);
        for y in 0..rows {
            for x in usize::from(y == 0)..columns {
                let source = source(y, x);
                let v = S::load_first(source.values.add(c), n);
                at = S::if_greater_or_nan(v, best, source.places::<S>(c, n), at);
                best = S::if_greater_or_nan(v, best, v, best);
            }
        }
        S::store_first(to.values.add(c), best, n);
        match to.places {
            Places::Bytes(codes) => S::store_bytes(codes.add(c), at, n),
            Places::Floats(places) => S::store_first(places.add(c), at, n),
            Places::None => (),
        }
    }
}
