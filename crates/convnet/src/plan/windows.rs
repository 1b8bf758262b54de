//! The windows of poolings, row by row and column by column.

use crate::graph::Shape;
use crate::ops::{AvgPool2d, Window, adaptive_span};

/// The input rows (or columns) of one output row (or column), and what an average divides by along this axis.
pub(crate) type Span = (usize, usize, usize);

/// A pooling's rows and columns, clipped to the map; divisors by PyTorch's rules for an average.
pub(crate) fn pool_spans(
    window: &Window,
    input: Shape,
    output: Shape,
    average: Option<&AvgPool2d>,
) -> [Vec<Span>; 2] {
    let spans = |size: usize, out: usize, kernel: usize, stride: usize, (padding, behind): (usize, usize)| {
        (0..out)
            .map(|i| {
                let start = i * stride;
                let end = (start + kernel).min(size + padding + behind);
                let clipped = (start.saturating_sub(padding), (end - padding.min(end)).min(size));
                let whole = average.is_some_and(|pool| pool.count_include_pad);
                let divisor = if whole { end - start } else { clipped.1 - clipped.0 };
                (clipped.0, clipped.1, divisor)
            })
            .collect()
    };
    let ((h, w), (oh, ow)) = (input.spatial(), output.spatial());
    [
        spans(h, oh, window.kernel.h, window.stride.h, (window.padding.h, window.end.h)),
        spans(w, ow, window.kernel.w, window.stride.w, (window.padding.w, window.end.w)),
    ]
}

/// The rows and columns of an adaptive pooling.
pub(crate) fn adaptive_spans(input: Shape, output: Shape) -> [Vec<Span>; 2] {
    let spans = |size: usize, out: usize| {
        let span = |i| adaptive_span(i, out, size);
        (0..out).map(span).map(|s| (s.start, s.end, s.len())).collect()
    };
    let ((h, w), (oh, ow)) = (input.spatial(), output.spatial());
    [spans(h, oh), spans(w, ow)]
}
