//! Max and average pooling over spans of rows and columns.

mod average;
mod max;
mod max_gradient;

use std::ops::Range;

pub use self::average::{avg_pool, avg_pool_backward};
pub use self::max::max_pool;
pub use self::max_gradient::max_pool_backward;
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;

/// The input rows (or columns) of one output row (or column).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    start: usize,
    end: usize,
    /// What an average divides by along this axis.
    divisor: usize,
}

/// Windows over a map, given by their rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolWindow {
    input: (usize, usize),
    rows: Vec<Span>,
    columns: Vec<Span>,
    /// Rows of the highest window, and columns of the widest.
    largest: (usize, usize),
    /// For each input row (and column) the outputs whose windows hold it.
    row_holders: Vec<Range<usize>>,
    column_holders: Vec<Range<usize>>,
}

impl PoolWindow {
    /// Windows from the rows and columns of each output: (start, end, divisor), clipped to the input.
    ///
    /// # Panics
    /// If a span is empty or leaves the input, starts or ends before the one before it, a divisor is zero, or
    /// the input is empty.
    pub fn new(
        input: (usize, usize),
        rows: &[(usize, usize, usize)],
        columns: &[(usize, usize, usize)],
    ) -> Self {
        let spans = |spans: &[(usize, usize, usize)], size: usize| -> Vec<Span> {
            spans
                .iter()
                .map(|&(start, end, divisor)| {
                    assert!(start < end && end <= size && divisor > 0, "span {start}..{end} of {size}");
                    Span { start, end, divisor }
                })
                .collect()
        };
        let map = product(&[input.0, input.1]);
        assert!(map > 0, "windows of an empty map");
        let (rows, columns) = (spans(rows, input.0), spans(columns, input.1));
        let (row_holders, column_holders) = (holders(&rows, input.0), holders(&columns, input.1));
        let largest = (longest(&rows), longest(&columns));
        Self { input, rows, columns, largest, row_holders, column_holders }
    }

    /// Height and width of the output.
    pub fn output(&self) -> (usize, usize) {
        (self.rows.len(), self.columns.len())
    }

    /// Elements of the largest window.
    pub fn area(&self) -> usize {
        self.largest.0 * self.largest.1
    }

    /// Whether every pixel of the input lies in exactly one window.
    fn is_partition(&self) -> bool {
        self.row_holders.iter().chain(&self.column_holders).all(|holders| holders.len() == 1)
    }

    /// # Panics
    /// If the views do not fit the window and the arena.
    fn check(&self, arena: &Arena, input: View, out: View) -> usize {
        arena.check(input);
        arena.check(out);
        input.assert_disjoint(out);
        let batch = input.maps(self.input.0 * self.input.1);
        assert_eq!(out.pixels, product(&[batch, self.rows.len(), self.columns.len()]), "output pixels");
        assert_eq!(input.channels, out.channels, "channels");
        batch
    }

    /// Whether three windows above each other share a row, or more: maxima along rows are then taken once for them. For two that
    /// costs what it saves.
    fn shares_rows(&self) -> bool {
        self.row_holders.iter().any(|holders| holders.len() > 2)
    }
}

/// Places of the longest span.
fn longest(spans: &[Span]) -> usize {
    spans.iter().map(|s| s.end - s.start).max().unwrap_or(0)
}

/// For each of `size` places the spans that hold it.
///
/// # Panics
/// If the spans are not in order.
fn holders(spans: &[Span], size: usize) -> Vec<Range<usize>> {
    assert!(spans.is_sorted_by_key(|s| s.start) && spans.is_sorted_by_key(|s| s.end), "spans in order");
    (0..size)
        .map(|at| {
            let first = spans.partition_point(|s| s.end <= at);
            first..spans.partition_point(|s| s.start <= at).max(first)
        })
        .collect()
}

/// A pooling kernel's operands.
#[derive(Clone, Copy)]
struct Task<'a> {
    window: &'a PoolWindow,
    input: View,
    out: View,
    arena: Pointer,
    accumulate: bool,
}

impl Task<'_> {
    /// The first float of an input pixel of an image.
    ///
    /// # Safety
    /// The pixel lies in the input, which lies in the block of `arena`.
    #[inline(always)]
    unsafe fn input(&self, image: usize, y: usize, x: usize) -> *mut f32 {
        let (height, width) = self.window.input;
        // SAFETY: the caller gives a pixel of a view inside the block.
        unsafe { self.arena.at(self.input.pixel((image * height + y) * width + x).start) }
    }

    /// The first float of an output pixel.
    ///
    /// # Safety
    /// The pixel lies in the output, which lies in the block of `arena`.
    #[inline(always)]
    unsafe fn out(&self, pixel: usize) -> *mut f32 {
        // SAFETY: the caller gives a pixel of a view inside the block.
        unsafe { self.arena.at(self.out.pixel(pixel).start) }
    }
}
