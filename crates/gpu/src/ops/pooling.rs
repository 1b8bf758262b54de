//! Max and average pooling over spans of rows and columns.

use std::ops::Range;

use super::call::{Call, Walk, one_format, suffixed};
use super::elementwise::aligned;
use super::join::{Elements, Join};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Bytes, Vector, View};

/// The input rows (or columns) of one output row (or column), and what an average divides by along this axis.
type Span = (usize, usize, usize);

/// Windows over a map, given by their rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolWindow {
    input: (usize, usize),
    rows: Vec<Span>,
    columns: Vec<Span>,
}

/// A scale and a shift by channel before the maximum, and ReLU after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Before {
    /// By channel.
    pub scale: Vector,
    /// By channel.
    pub shift: Vector,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// Of a view of maps the tables that its kernels read.
struct Tables {
    batch: usize,
    spans: [Argument; 2],
    holders: [Argument; 2],
}

impl PoolWindow {
    /// Windows from the rows and columns of each output: (start, end, divisor), clipped to the input.
    ///
    /// # Panics
    /// If a span is empty or leaves the input, starts or ends before the one before it, a divisor is zero, or the input is
    /// empty or has 2³¹ rows or columns.
    pub fn new(input: (usize, usize), rows: &[Span], columns: &[Span]) -> Self {
        for (spans, size) in [(rows, input.0), (columns, input.1)] {
            assert!((1..1 << 31).contains(&size), "windows of an empty map");
            for &(start, end, divisor) in spans {
                assert!(start < end && end <= size, "span {start}..{end} of {size}");
                assert!(
                    (1..1 << 15).contains(&divisor),
                    "a divisor of span {start}..{end} from 1 to 2¹⁵, not {divisor}"
                );
            }
            assert!(spans.is_sorted_by_key(|s| s.0) && spans.is_sorted_by_key(|s| s.1), "spans in order");
        }
        Self { input, rows: rows.to_vec(), columns: columns.to_vec() }
    }

    /// Height and width of the output.
    pub fn output(&self) -> (usize, usize) {
        (self.rows.len(), self.columns.len())
    }

    /// Whether windows are 2 × 2 pixels, side by side from the first; an odd row or column at the end is in none.
    pub fn halves(&self) -> bool {
        let side = |spans: &[Span], size: usize| {
            let places = spans.iter().enumerate().all(|(i, span)| (span.0, span.1) == (2 * i, 2 * i + 2));
            places && spans.len() == size / 2
        };
        side(&self.rows, self.input.0) && side(&self.columns, self.input.1)
    }

    /// Elements of the largest window.
    pub fn area(&self) -> usize {
        longest(&self.rows) * longest(&self.columns)
    }
}

fn longest(spans: &[Span]) -> usize {
    spans.iter().map(|s| s.1 - s.0).max().unwrap_or(0)
}

/// For each of `size` places the spans that hold it.
fn holders(spans: &[Span], size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..size).map(move |at| {
        let first = spans.partition_point(|s| s.1 <= at);
        first..spans.partition_point(|s| s.0 <= at).max(first)
    })
}

impl List {
    fn tables(&mut self, window: &PoolWindow, input: View, out: View, backward: bool) -> Tables {
        self.check(input);
        self.check(out);
        input.assert_disjoint(out);
        let (height, width) = window.input;
        let map = height.checked_mul(width).expect("a map that fits memory");
        assert!(input.pixels.is_multiple_of(map), "{input:?} of maps of {map} pixels");
        let batch = input.pixels / map;
        let (rows, columns) = window.output();
        assert_eq!(Some(out.pixels), batch.checked_mul(rows * columns), "output pixels");
        assert_eq!(input.channels, out.channels, "channels");
        let word = |value: usize| value as u32;
        let mut spans = |spans: &[Span]| {
            let words: Vec<u32> = spans.iter().flat_map(|s| [word(s.0), word(s.1), word(s.2)]).collect();
            self.keep(&words)
        };
        let spans = [spans(&window.rows), spans(&window.columns)];
        let mut held = |of: &[Span], size: usize| {
            let words: Vec<u32> = holders(of, size).flat_map(|r| [word(r.start), word(r.end)]).collect();
            if backward { self.keep(&words) } else { Argument::Null }
        };
        let holders = [held(&window.rows, height), held(&window.columns, width)];
        Tables { batch, spans, holders }
    }

    /// out = the maximum of each window, NaN where it holds one; `argmax`, one byte an output element in dense order,
    /// remembers where it was (the first of equals, row by row, but the last NaN). With `before` the maximum is of the scaled input, and ReLU may follow.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or `argmax` is given with the wrong length or windows of more than 256
    /// elements.
    pub fn max_pool(
        &mut self,
        window: &PoolWindow,
        [input, out]: [View; 2],
        argmax: Option<Bytes>,
        before: Option<Before>,
    ) {
        let tables = self.tables(window, input, out, false);
        let mut walk = Walk::by_channel([out, input]);
        if let Some(argmax) = argmax {
            self.check_argmax(window, argmax, out);
            walk.wide &= argmax.at.is_multiple_of(8);
        }
        if let Some(Before { scale, shift, .. }) = before {
            self.check_floats(scale, out.channels);
            self.check_floats(shift, out.channels);
            walk.wide &= aligned(&[scale, shift]);
        }
        let format = one_format(&[input, out]);
        let call = Call::walk(
            Family::Pooling,
            &suffixed("max_pool", format.name(), walk.wide),
            walk.vectors(format),
        );
        shape(call.view(input).view(out), window, &tables, out.channels)
            .raw(tables.spans[0])
            .raw(tables.spans[1])
            .maybe_bytes(argmax)
            .int(longest(&window.columns))
            .maybe_vector(before.map(|before| before.scale))
            .maybe_vector(before.map(|before| before.shift))
            .flag(before.is_some_and(|before| before.relu))
            .add(self);
    }

    /// input_gradient (+)= the output gradients of the windows in which the pixel was the maximum. `views` are the output's
    /// gradient and the input's; with `output`, only where that is positive: ReLU behind the maximum.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or `argmax` has the wrong length or the windows more than 256
    /// elements.
    pub fn max_pool_backward(
        &mut self,
        window: &PoolWindow,
        [output_gradient, input_gradient]: [View; 2],
        argmax: Bytes,
        output: Option<View>,
        accumulate: bool,
    ) {
        let tables = self.tables(window, input_gradient, output_gradient, true);
        self.check_argmax(window, argmax, output_gradient);
        let mut wide = [output_gradient, input_gradient].iter().all(|view| view.is_wide())
            && argmax.at.is_multiple_of(8);
        if let Some(output) = output {
            self.check_alike(output_gradient, &[output]);
            output.assert_disjoint(input_gradient);
            one_format(&[output, output_gradient]);
            wide &= output.is_wide();
        }
        let format = one_format(&[output_gradient, input_gradient]);
        let walk = Walk { views: [input_gradient], wide };
        let call =
            Call::walk(Family::Pooling, &walk.kernel("max_pool_backward", format), walk.vectors(format));
        let call = call.view(output_gradient).view(input_gradient);
        shape(call, window, &tables, output_gradient.channels)
            .raw(tables.spans[0])
            .raw(tables.spans[1])
            .raw(tables.holders[0])
            .raw(tables.holders[1])
            .maybe_bytes(Some(argmax))
            .int(longest(&window.columns))
            .maybe_view(output)
            .flag(accumulate)
            .add(self);
    }

    fn check_argmax(&self, window: &PoolWindow, argmax: Bytes, out: View) {
        assert!(window.area() <= 256, "windows of at most 256 elements have a byte's argmax");
        self.check_bytes(argmax, out.pixels * out.channels);
    }

    /// out = the mean of each window.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn avg_pool(&mut self, window: &PoolWindow, [input, out]: [View; 2]) {
        let tables = self.tables(window, input, out, false);
        let format = one_format(&[input, out]);
        let walk = Walk::by_channel([out, input]);
        let vector = if walk.wide { format.lanes() } else { 1 };
        let call = match Join::new(out, vector, Elements { pixels: window.area(), channels: None }) {
            Some(join) => join.call(self, Family::Pooling, &walk.kernel("avg_pool_many", format), 0),
            None => Call::walk(Family::Pooling, &walk.kernel("avg_pool", format), walk.vectors(format)),
        };
        shape(call.view(input).view(out), window, &tables, out.channels)
            .raw(tables.spans[0])
            .raw(tables.spans[1])
            .add(self);
    }

    /// input_gradient (+)= the output gradients of the windows that hold the pixel, over their divisors. `views` are the
    /// output's gradient and the input's.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn avg_pool_backward(&mut self, window: &PoolWindow, views: [View; 2], accumulate: bool) {
        let [output_gradient, input_gradient] = views;
        let tables = self.tables(window, input_gradient, output_gradient, true);
        let format = one_format(&views);
        let walk = Walk::by_channel([input_gradient, output_gradient]);
        let call =
            Call::walk(Family::Pooling, &walk.kernel("avg_pool_backward", format), walk.vectors(format));
        let call = call.view(output_gradient).view(input_gradient);
        shape(call, window, &tables, output_gradient.channels)
            .raw(tables.spans[0])
            .raw(tables.spans[1])
            .raw(tables.holders[0])
            .raw(tables.holders[1])
            .flag(accumulate)
            .add(self);
    }
}

/// Batch, channels, and the sizes of both maps.
fn shape(call: Call, window: &PoolWindow, tables: &Tables, channels: usize) -> Call {
    call.int(tables.batch)
        .int(channels)
        .int(window.input.0)
        .int(window.input.1)
        .int(window.rows.len())
        .int(window.columns.len())
}
