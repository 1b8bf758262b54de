//! What is asked for while products are computed, so that the second-level cache has it when it is read or written: the weights
//! of the next panel, then the pixels of the block that comes next. The rows of a tile are read side by side, a few floats of
//! each in turn, which no prefetcher of a processor takes for a walk through memory.

use std::ops::Range;

use crate::arena::View;
use crate::geometry::{Geometry, Tap};
use crate::simd::Simd;
use crate::tuning::machine::LINE_FLOATS;

/// Memory from one place to another. Nothing is read through it, so that it may lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: *const f32,
    end: *const f32,
}

// SAFETY: nothing is read or written through it.
unsafe impl Sync for Span {}

impl Span {
    /// So many floats.
    pub(crate) fn new(start: *const f32, floats: usize) -> Self {
        Self { start, end: start.wrapping_add(floats) }
    }

    /// These numbers.
    pub(crate) fn of<W>(numbers: &[W]) -> Self {
        Self::new(numbers.as_ptr().cast(), size_of_val(numbers) / size_of::<f32>())
    }

    /// A place alone, which is asked for over and over.
    pub(crate) fn at(place: *const f32) -> Self {
        Self::new(place, 0)
    }

    /// Some pixels of a view of a block that starts at `block`, of each of which `channels` are wanted; `None` where most of what
    /// lies there is not.
    pub(crate) fn of_pixels(
        block: *const f32,
        view: View,
        pixels: Range<usize>,
        channels: usize,
    ) -> Option<Self> {
        let first = pixels.start.wrapping_mul(view.stride).wrapping_add(view.offset);
        let floats = pixels.len().wrapping_mul(view.stride);
        (2 * channels >= view.stride).then(|| Self::new(block.wrapping_add(first), floats))
    }

    /// The place to ask for first, and the last one.
    pub(crate) fn ends(self) -> [*const f32; 2] {
        [self.start, self.end.wrapping_sub(LINE_FLOATS)]
    }

    /// How many bytes it has.
    pub(crate) fn bytes(self) -> usize {
        self.end.addr().saturating_sub(self.start.addr())
    }

    /// How many cache lines, the last one begun.
    pub(crate) fn lines(self) -> usize {
        self.bytes().div_ceil(LINE_FLOATS * size_of::<f32>())
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Some of `of` parts of it, of so many lines each.
    pub(crate) fn part(self, parts: Range<usize>, of: usize) -> Self {
        let lines = self.bytes() / (LINE_FLOATS * size_of::<f32>());
        let at = |part: usize| self.start.wrapping_add(part.wrapping_mul(lines) / of * LINE_FLOATS);
        Self { start: at(parts.start), end: if parts.end < of { at(parts.end) } else { self.end } }
    }

    /// Takes so many floats off its start.
    fn take(&mut self, floats: usize) -> Self {
        let start = self.start;
        self.start = start.wrapping_add(floats).min(self.end);
        Self { start, end: self.start }
    }
}

/// Asks for so many cache lines, from `next` on and no further than `last`; gives the one that follows.
#[inline(always)]
pub(crate) fn ask<S: Simd>(mut next: *const f32, last: *const f32, lines: usize) -> *const f32 {
    for _ in 0..lines {
        S::prefetch_far(next);
        next = if next < last { next.wrapping_add(LINE_FLOATS) } else { next };
    }
    next
}

/// Asks for `LINES` cache lines from `next` on; gives the one that follows, or `next` again where that is `last` or beyond. It may ask for
/// some lines behind the last, which costs less than to look at each.
#[inline(always)]
pub(crate) fn ask_together<S: Simd, const LINES: usize>(next: *const f32, last: *const f32) -> *const f32 {
    for line in 0..LINES {
        S::prefetch_far(next.wrapping_add(line * LINE_FLOATS));
    }
    if next < last { next.wrapping_add(LINES * LINE_FLOATS) } else { next }
}

/// What is still to be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead<'a> {
    weights: Span,
    pixels: Span,
    more: &'a [Span],
}

impl<'a> Ahead<'a> {
    /// These pixels, once the weights are on their way.
    pub(crate) fn new(pixels: &'a [Span]) -> Self {
        let none = Span::at(std::ptr::null());
        Self { weights: none, pixels: none, more: pixels }
    }

    /// First of all the weights of the next panel.
    pub(crate) fn next_panel<W>(&mut self, weights: &[W]) {
        self.weights = Span::of(weights);
    }

    /// The next floats, at most so many; `idle` where nothing is left.
    #[inline(always)]
    pub(crate) fn take(&mut self, floats: usize, idle: *const f32) -> Span {
        if !self.weights.is_empty() {
            return self.weights.take(floats);
        }
        while self.pixels.is_empty() {
            let Some((&first, more)) = self.more.split_first() else { return Span::at(idle) };
            (self.pixels, self.more) = (first, more);
        }
        self.pixels.take(floats)
    }
}

/// Lists what a walk's positions read of the input that those before them do not, as far as that lies together: from one place to
/// another, image by image, `channels` of each pixel. `block` is where the arena's block starts.
pub(crate) fn list_input(
    geometry: &Geometry,
    (input, channels): (View, usize),
    block: *const f32,
    [first, last]: [(usize, usize, usize); 2],
    list: &mut Vec<Span>,
) {
    // Where steps leave out more than is read, nothing is asked for.
    if geometry.span == 1 && geometry.step.0.saturating_mul(geometry.step.1) <= geometry.taps.len() {
        let displacement = |tap: &Tap| tap.dy.wrapping_mul(geometry.input.1 as isize).wrapping_add(tap.dx);
        let furthest = geometry.taps.iter().map(displacement).max().unwrap_or(0);
        let by_pixels = View { offset: 0, stride: 1, ..input };
        let read = |place| geometry.base(place, by_pixels).wrapping_add_signed(furthest);
        let pixels = read(first)..read(last).wrapping_add(1);
        list.extend(Span::of_pixels(block, input, pixels, channels));
    }
}

/// Lists what lies at the places of a walk's positions in a view like its output, as [`list_input`] does.
pub(crate) fn list_output(
    geometry: &Geometry,
    (view, channels): (View, usize),
    block: *const f32,
    [first, last]: [(usize, usize, usize); 2],
    list: &mut Vec<Span>,
) {
    if geometry.spread == (1, 1) {
        let pixels = geometry.output_pixel(first)..geometry.output_pixel(last) + 1;
        list.extend(Span::of_pixels(block, view, pixels, channels));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The floats that lie ahead of some places, from the start of a block.
    fn listed(
        geometry: &Geometry,
        [input, out]: [View; 2],
        groups: usize,
        places: [(usize, usize, usize); 2],
    ) -> Vec<Range<usize>> {
        let block = std::ptr::null::<f32>();
        let mut list = Vec::new();
        list_input(geometry, (input, groups * geometry.run), block, places, &mut list);
        list_output(geometry, (out, out.channels), block, places, &mut list);
        let float = |place: *const f32| place.addr() / size_of::<f32>();
        list.into_iter().map(|span| float(span.start)..float(span.end)).collect()
    }

    #[test]
    fn the_next_positions_read_what_those_before_do_not() {
        let view = |offset, pixels, channels, stride| View { offset, pixels, channels, stride };
        // Pixels 7 to 12 of two maps of 3 × 3.
        let places = [(0, 2, 1), (1, 1, 0)];
        let pointwise = Geometry::pointwise((3, 3), 10);
        let views = [view(100, 18, 10, 12), view(500, 18, 6, 6)];
        let written = 500 + 7 * 6..500 + 13 * 6;
        assert_eq!(listed(&pointwise, views, 1, places), [100 + 7 * 12..100 + 13 * 12, written.clone()]);
        // Two groups read as many channels together; of wide pixels most is not read, or not written.
        let half = Geometry { run: 5, ..pointwise.clone() };
        assert_eq!(listed(&half, views, 2, places)[0], 100 + 7 * 12..100 + 13 * 12);
        let wide = [view(100, 18, 10, 21), view(800, 18, 6, 13)];
        assert!(listed(&pointwise, wide, 1, places).is_empty());
        // The row below and a pixel to the right lie ahead of a 3 × 3 kernel.
        let taps = (0..9).map(|i| Tap { dy: i / 3 - 1, dx: i % 3 - 1 }).collect();
        let kernel = Geometry { taps, ..pointwise.clone() };
        assert_eq!(listed(&kernel, views, 1, places)[0], 100 + 11 * 12..100 + 17 * 12);
        // A step of two by a 1 × 1 kernel leaves out three of four pixels.
        let stepped = Geometry { input: (6, 6), step: (2, 2), ..pointwise.clone() };
        assert_eq!(
            listed(&stepped, [view(100, 72, 10, 10), views[1]], 1, places),
            std::slice::from_ref(&written)
        );
        let huge = Geometry { step: (1 << 40, 1 << 40), ..pointwise };
        assert_eq!(listed(&huge, views, 1, places), [written]);
    }

    #[test]
    fn parts_are_whole_lines_and_all_of_them_the_whole() {
        let start = std::ptr::null::<f32>();
        let span = Span::new(start, 10 * LINE_FLOATS + 3);
        let parts: Vec<Span> = (0..4).map(|part| span.part(part..part + 1, 4)).collect();
        assert_eq!((parts[0].start, parts[3].end), (span.start, span.end));
        for pair in parts.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
            assert!((pair[1].start.addr() - start.addr()).is_multiple_of(LINE_FLOATS * size_of::<f32>()));
        }
        let lines = [0, 1, 16, 10 * LINE_FLOATS + 3].map(|floats| Span::new(start, floats).lines());
        assert_eq!((lines, span.bytes()), ([0, 1, 1, 11], 4 * (10 * LINE_FLOATS + 3)));
        assert_eq!(span.part(1..3, 4), Span { start: parts[1].start, end: parts[2].end });
        assert!(Span::at(start).part(0..1, 3).is_empty());
    }

    #[test]
    fn weights_come_first_then_pixels_then_nothing() {
        let block = [0.0f32; 400];
        let at = |i: usize| block.as_ptr().wrapping_add(i);
        let view = View { offset: 100, pixels: 9, channels: 20, stride: 32 };
        let spans = [
            Span::of_pixels(block.as_ptr(), view, 2..4, 20),
            Span::of_pixels(block.as_ptr(), view, 4..4, 20),
            Span::of_pixels(block.as_ptr(), view, 5..6, 15),
            Span::of_pixels(block.as_ptr(), view, 6..7, 16),
        ];
        assert_eq!(spans[2], None);
        let spans: Vec<Span> = spans.into_iter().flatten().collect();
        let mut ahead = Ahead::new(&spans);
        ahead.next_panel(&block[24..48]);
        let mut taken = Vec::new();
        for _ in 0..6 {
            let Span { start, end } = ahead.take(40, at(7));
            taken.push([start, end]);
        }
        assert_eq!(taken[0], [at(24), at(48)]);
        assert_eq!(taken[1..3], [[at(164), at(204)], [at(204), at(228)]]);
        assert_eq!(taken[3..], [[at(292), at(324)], [at(7), at(7)], [at(7), at(7)]]);
        assert_eq!(Span::new(at(16), 32).ends(), [at(16), at(32)]);
        let half = [half::f16::ZERO; 32];
        ahead.next_panel(&half);
        assert_eq!(ahead.take(100, at(7)), Span::new(half.as_ptr().cast(), 16));
    }
}
