//! What is asked for while products are computed, so that the second-level cache has it when it is read or written: the weights
//! of the next panel, then the pixels of the block that comes next. The rows of a tile are read side by side, a few floats of
//! each in turn, which no prefetcher of a processor takes for a walk through memory.

use crate::arena::View;
use crate::tuning::machine::LINE_FLOATS;

/// Memory from one place to another. Nothing is read through it, so that it may lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: *const f32,
    end: *const f32,
}

impl Span {
    /// So many floats.
    pub(crate) fn new(start: *const f32, floats: usize) -> Self {
        Self { start, end: start.wrapping_add(floats) }
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
        pixels: std::ops::Range<usize>,
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

    fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Takes so many floats off its start.
    fn take(&mut self, floats: usize) -> Self {
        let start = self.start;
        self.start = start.wrapping_add(floats).min(self.end);
        Self { start, end: self.start }
    }
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
        self.weights = Span::new(weights.as_ptr().cast(), size_of_val(weights) / size_of::<f32>());
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

#[cfg(test)]
mod tests {
    use super::*;

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
