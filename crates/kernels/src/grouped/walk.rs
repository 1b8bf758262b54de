//! Where the taps of a row of the grid lead.

use crate::arena::{Pointer, View};
use crate::geometry::Geometry;

/// Taps that are multiplied at once where they slide.
pub(super) const TAPS: usize = 3;

/// Neighbouring taps of a kernel's row, where neighbouring positions read neighbouring pixels, so that what one reads the
/// next reads too: from left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slide {
    pub(super) taps: [usize; TAPS],
    /// Where the addresses start of what the leftmost tap reads: one for each position, and those that the others read more.
    pub(super) start: usize,
}

/// A tap by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single {
    pub(super) tap: usize,
    /// Where the addresses start of what it reads, one for each position.
    pub(super) start: usize,
}

/// Taps that read of one row of the input: how far down, and for each how far to the right.
#[derive(Debug)]
struct Line {
    dy: isize,
    slides: Vec<([usize; TAPS], isize)>,
    singles: Vec<(usize, isize)>,
}

/// What all rows of a grid share.
#[derive(Debug)]
pub(super) struct Walk {
    lines: Vec<Line>,
    /// A pixel of zeros, for what lies outside.
    zeros: Vec<f32>,
}

/// What a row of the grid reads, of the taps that stay inside the input's rows.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) slides: Vec<Slide>,
    pub(super) singles: Vec<Single>,
    /// Addresses of pixels.
    pub(super) pixels: Vec<*const f32>,
}

impl Walk {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let slides = geometry.step.1 == 1;
        let mut taps = geometry.taps.iter().enumerate().peekable();
        let mut lines = Vec::new();
        while let Some(&(_, first)) = taps.peek() {
            let mut row = Vec::new();
            while let Some((tap, at)) = taps.next_if(|(_, at)| at.dy == first.dy) {
                row.push((tap, at.dx));
            }
            row.sort_by_key(|&(_, dx)| dx);
            lines.push(Line::new(first.dy, &row, slides));
        }
        Self { lines, zeros: vec![0.0; geometry.run] }
    }

    /// Finds what a row of the grid reads.
    ///
    /// # Safety
    /// The walk is of this geometry, which was checked against `input`, a view of the block of `arena`; the row is in the
    /// grid of the batch.
    pub(super) unsafe fn row(
        &self,
        geometry: &Geometry,
        (arena, input): (Pointer, View),
        (image, y): (usize, usize),
        reads: &mut Reads,
    ) {
        let Reads { slides, singles, pixels } = reads;
        slides.clear();
        singles.clear();
        pixels.clear();
        let (height, width) = geometry.input;
        let (positions, step) = (geometry.grid.1, geometry.step.1);
        for line in &self.lines {
            let row = (y * geometry.step.0).wrapping_add_signed(line.dy);
            if row >= height {
                continue;
            }
            let left = (image * height + row) * width;
            // Left of the row wraps to a huge column, which is outside too.
            let address = |x: usize, dx: isize| match (x * step).wrapping_add_signed(dx) {
                // SAFETY: the pixel lies in the input, which lies in the block.
                column if column < width => unsafe {
                    arena.at(input.offset + (left + column) * input.stride).cast_const()
                },
                _ => self.zeros.as_ptr(),
            };
            for &(taps, dx) in &line.slides {
                slides.push(Slide { taps, start: pixels.len() });
                pixels.extend((0..positions + TAPS - 1).map(|x| address(x, dx)));
            }
            for &(tap, dx) in &line.singles {
                singles.push(Single { tap, start: pixels.len() });
                pixels.extend((0..positions).map(|x| address(x, dx)));
            }
        }
    }
}

impl Line {
    /// Of taps from left to right, each with its column; neighbours slide where the stride is 1.
    fn new(dy: isize, mut row: &[(usize, isize)], slides: bool) -> Self {
        let mut line = Self { dy, slides: Vec::new(), singles: Vec::new() };
        let beside = |from: isize, to: isize| from.checked_add(1) == Some(to);
        while let [x, rest @ ..] = row {
            row = match rest {
                [y, z, rest @ ..] if slides && beside(x.1, y.1) && beside(y.1, z.1) => {
                    line.slides.push(([x.0, y.0, z.0], x.1));
                    rest
                }
                _ => {
                    line.singles.push(*x);
                    rest
                }
            };
        }
        line
    }
}
