//! Where the taps of a row of the grid lead.

use std::ops::Range;

use crate::arena::{Pointer, View};
use crate::geometry::Geometry;

/// Taps that are multiplied at once where they slide.
pub(super) const TAPS: usize = 3;

/// Neighbouring taps of a kernel's row, where neighbouring positions read neighbouring pixels, so that what one reads the
/// next reads too: from left to right, for each of some rows of the grid that read this row of the input by them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slide<const ROWS: usize> {
    pub(super) taps: [Option<[usize; TAPS]>; ROWS],
    /// Where the addresses start of what the leftmost tap reads: one for each position, and those that the others read more.
    pub(super) start: usize,
}

/// A tap by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single<const ROWS: usize> {
    pub(super) taps: [Option<usize>; ROWS],
    /// Where the addresses start of what it reads, one for each position.
    pub(super) start: usize,
}

/// What some positions of a row of the grid, one beside the other, read of a row of the input.
#[derive(Clone, Debug)]
struct Columns {
    /// How far to the right of its own place the first position reads.
    dx: isize,
    positions: usize,
    /// Those that read inside the row.
    inside: Range<usize>,
    /// The column that the first of those reads.
    first: usize,
}

impl Columns {
    fn new(geometry: &Geometry, dx: isize, positions: usize) -> Self {
        let inside = geometry.positions_inside(dx, positions);
        let first = (inside.start * geometry.step.1).wrapping_add_signed(dx);
        Self { dx, positions, inside, first }
    }

    /// Adds the address that each position reads: from `row` on, pixels being so many floats apart, or zeros.
    fn list(
        &self,
        (row, stride): (*const f32, usize),
        step: usize,
        zeros: *const f32,
        list: &mut Vec<*const f32>,
    ) {
        let Self { positions, inside: Range { start, end }, first, .. } = *self;
        list.extend((0..start).map(|_| zeros));
        list.extend((0..end - start).map(|i| row.wrapping_add((first + i * step) * stride)));
        list.extend((end..positions).map(|_| zeros));
    }
}

/// Taps that read of one row of the input: how far down, and what each reads of it.
#[derive(Debug)]
struct Line {
    dy: isize,
    slides: Vec<([usize; TAPS], Columns)>,
    singles: Vec<(usize, Columns)>,
}

impl Line {
    /// Whether another one's taps are as far to the right.
    fn is_like(&self, other: &Self) -> bool {
        let slides = |line: &Self| line.slides.iter().map(|(_, columns)| columns.dx).collect::<Vec<_>>();
        let singles = |line: &Self| line.singles.iter().map(|(_, columns)| columns.dx).collect::<Vec<_>>();
        slides(self) == slides(other) && singles(self) == singles(other)
    }
}

/// The rows of an image's map, or those of them that are kept.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) arena: Pointer,
    pub(super) view: View,
    /// The pixel of the view that the first row starts at.
    pub(super) first: usize,
    /// How many rows there are at a time: row number y lies where y modulo their number does.
    pub(super) kept: usize,
}

impl Source {
    /// All rows of an image in a batch of maps.
    pub(super) fn image(arena: Pointer, view: View, geometry: &Geometry, image: usize) -> Self {
        let (height, width) = geometry.input;
        Self { arena, view, first: image * height * width, kept: height }
    }

    /// The pixel of the view that a row of the map starts at, whose rows are so wide.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, width: usize) -> usize {
        self.first + y % self.kept * width
    }
}

/// What all rows of a grid share.
#[derive(Debug)]
pub(super) struct Walk {
    lines: Vec<Line>,
    /// A pixel of zeros, for what lies outside.
    zeros: Vec<f32>,
    /// Whether a row of the grid reads what the one before it reads but a row of the input, by taps as far to the right.
    overlaps: bool,
}

/// What some neighbouring rows of the grid read, of the taps that stay inside the input's rows.
#[derive(Debug, Default)]
pub(super) struct Reads<const ROWS: usize> {
    pub(super) slides: Vec<Slide<ROWS>>,
    pub(super) singles: Vec<Single<ROWS>>,
    /// Addresses of pixels.
    pub(super) pixels: Vec<*const f32>,
}

impl Walk {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let mut taps = geometry.taps.iter().enumerate().peekable();
        let mut lines = Vec::new();
        while let Some(&(_, first)) = taps.peek() {
            let mut row = Vec::new();
            while let Some((tap, at)) = taps.next_if(|(_, at)| at.dy == first.dy) {
                row.push((tap, at.dx));
            }
            row.sort_by_key(|&(_, dx)| dx);
            lines.push(Line::new(geometry, first.dy, &row));
        }
        let next = |pair: &[Line]| pair[0].dy.checked_add(1) == Some(pair[1].dy) && pair[0].is_like(&pair[1]);
        let overlaps = geometry.step.0 == 1 && lines.len() > 1 && lines.windows(2).all(next);
        Self { lines, zeros: vec![0.0; geometry.run], overlaps }
    }

    /// Rows of the grid that are worth computing together.
    pub(super) fn rows_together(&self) -> usize {
        if self.overlaps { 2 } else { 1 }
    }

    /// Bands of so many rows in an image's grid.
    pub(super) fn bands(&self, geometry: &Geometry) -> usize {
        geometry.grid.0.div_ceil(self.rows_together())
    }

    /// For each row of the input that some rows of the grid read, how far down from the first of these it is, and the taps
    /// by which each reads it. More than one row of a walk whose rows overlap.
    fn shared<const ROWS: usize>(&self) -> impl Iterator<Item = (isize, [Option<&Line>; ROWS])> {
        (0..self.lines.len() + ROWS - 1).map(|number| {
            let line = |row: usize| number.checked_sub(row).and_then(|i| self.lines.get(i));
            let lines: [Option<&Line>; ROWS] = std::array::from_fn(line);
            let down = |row: usize| lines[row].map(|line| line.dy.wrapping_add_unsigned(row));
            ((0..ROWS).find_map(down).unwrap_or_default(), lines)
        })
    }

    /// Finds what some rows of an image's grid read, from one on.
    ///
    /// # Safety
    /// The walk is of this geometry; the rows are in its grid, and more than one only if
    /// [`rows_together`](Self::rows_together) says so; the rows of the map that they read are in the `source`, whose view lies
    /// in its block.
    pub(super) unsafe fn rows<const ROWS: usize>(
        &self,
        geometry: &Geometry,
        source: &Source,
        y: usize,
        reads: &mut Reads<ROWS>,
    ) {
        let Reads { slides, singles, pixels } = reads;
        slides.clear();
        singles.clear();
        pixels.clear();
        let (height, width) = geometry.input;
        let (stride, zeros) = (source.view.stride, self.zeros.as_ptr());
        for (down, lines) in self.shared::<ROWS>() {
            let row = (y * geometry.step.0).wrapping_add_signed(down);
            if row >= height {
                continue;
            }
            let Some(line) = lines.iter().flatten().next() else { continue };
            // A row without pixels may lie anywhere: its start is computed without `add`.
            let start =
                source.arena.start().wrapping_add(source.view.offset + source.row(row, width) * stride);
            let start = (start.cast_const(), stride);
            for (i, (_, columns)) in line.slides.iter().enumerate() {
                let taps = lines.map(|line| Some(line?.slides[i].0));
                slides.push(Slide { taps, start: pixels.len() });
                columns.list(start, geometry.step.1, zeros, pixels);
            }
            for (i, (_, columns)) in line.singles.iter().enumerate() {
                let taps = lines.map(|line| Some(line?.singles[i].0));
                singles.push(Single { taps, start: pixels.len() });
                columns.list(start, geometry.step.1, zeros, pixels);
            }
        }
    }
}

impl Line {
    /// Of taps from left to right, each with its column; neighbours slide where the stride is 1.
    fn new(geometry: &Geometry, dy: isize, mut row: &[(usize, isize)]) -> Self {
        let mut line = Self { dy, slides: Vec::new(), singles: Vec::new() };
        let (positions, slides) = (geometry.grid.1, geometry.step.1 == 1);
        let beside = |from: isize, to: isize| from.checked_add(1) == Some(to);
        while let [x, rest @ ..] = row {
            row = match rest {
                [y, z, rest @ ..] if slides && beside(x.1, y.1) && beside(y.1, z.1) => {
                    line.slides.push(([x.0, y.0, z.0], Columns::new(geometry, x.1, positions + TAPS - 1)));
                    rest
                }
                _ => {
                    line.singles.push((x.0, Columns::new(geometry, x.1, positions)));
                    rest
                }
            };
        }
        line
    }
}
