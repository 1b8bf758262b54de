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
    /// Where the first position's leftmost pixel stands among the addresses.
    pub(super) first: usize,
}

/// A tap by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single {
    pub(super) tap: usize,
    /// Where the first position's pixel stands among the addresses.
    pub(super) first: usize,
}

/// Taps that read of one row of the input: places are columns from the leftmost one on.
#[derive(Debug)]
struct Line {
    /// The input row of the first position.
    dy: isize,
    slides: Vec<Slide>,
    singles: Vec<Single>,
}

/// What all rows of a grid share.
#[derive(Debug)]
pub(super) struct Walk {
    lines: Vec<Line>,
    /// The leftmost column that is read, and how many are.
    first: isize,
    columns: usize,
    /// Columns from one position to the next.
    pub(super) stride: usize,
    /// A pixel of zeros, for what lies outside.
    zeros: Vec<f32>,
}

/// What a row of the grid reads, of the taps that stay inside the input's rows.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) slides: Vec<Slide>,
    pub(super) singles: Vec<Single>,
    /// Addresses of pixels; those of the next position stand a stride further.
    pub(super) pixels: Vec<*const f32>,
}

impl Walk {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let taps = &geometry.taps;
        let (first, last) = taps
            .iter()
            .fold((isize::MAX, isize::MIN), |(first, last), tap| (first.min(tap.dx), last.max(tap.dx)));
        let mut lines: Vec<Line> = Vec::new();
        let mut rest = (0..taps.len()).peekable();
        while let Some(&start) = rest.peek() {
            let dy = taps[start].dy;
            let mut row = Vec::new();
            while let Some(tap) = rest.next_if(|&tap| taps[tap].dy == dy) {
                row.push(Single { tap, first: taps[tap].dx.wrapping_sub(first) as usize });
            }
            row.sort_by_key(|single| single.first);
            lines.push(Line::new(dy, &row, geometry.step.1 == 1));
        }
        let reach = last.checked_sub(first).and_then(|reach| usize::try_from(reach).ok()).unwrap_or(0);
        let across = geometry.grid.1.saturating_sub(1).saturating_mul(geometry.step.1);
        Self {
            lines,
            first,
            columns: across.saturating_add(reach).saturating_add(1),
            stride: geometry.step.1,
            zeros: vec![0.0; geometry.run],
        }
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
        reads.slides.clear();
        reads.singles.clear();
        reads.pixels.clear();
        let (height, width) = geometry.input;
        for line in &self.lines {
            let row = (y * geometry.step.0).wrapping_add_signed(line.dy);
            if row >= height {
                continue;
            }
            let (start, before) = ((image * height + row) * width, reads.pixels.len());
            reads.slides.extend(line.slides.iter().map(|s| Slide { first: before + s.first, ..*s }));
            reads.singles.extend(line.singles.iter().map(|s| Single { first: before + s.first, ..*s }));
            reads.pixels.extend((0..self.columns).map(|column| {
                let column = column.wrapping_add_signed(self.first);
                match column < width {
                    // SAFETY: the pixel lies in the input, which lies in the block.
                    true => unsafe { arena.at(input.offset + (start + column) * input.stride).cast_const() },
                    false => self.zeros.as_ptr(),
                }
            }));
        }
    }
}

impl Line {
    /// `row` is from left to right; it `slides` where the stride is 1.
    fn new(dy: isize, mut row: &[Single], slides: bool) -> Self {
        let mut line = Self { dy, slides: Vec::new(), singles: Vec::new() };
        while let Some((single, rest)) = row.split_first() {
            match row {
                [x, y, z, rest @ ..] if slides && y.first == x.first + 1 && z.first == x.first + 2 => {
                    line.slides.push(Slide { taps: [x.tap, y.tap, z.tap], first: x.first });
                    row = rest;
                }
                _ => {
                    line.singles.push(*single);
                    row = rest;
                }
            }
        }
        line
    }
}
