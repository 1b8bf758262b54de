//! Max and average pooling over spans of rows and columns.

use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;

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
}

impl PoolWindow {
    /// Windows from the rows and columns of each output: (start, end, divisor), clipped to the input.
    ///
    /// # Panics
    /// If a span is empty or leaves the input, or a divisor is zero.
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
        Self { input, rows: spans(rows, input.0), columns: spans(columns, input.1) }
    }

    /// Height and width of the output.
    pub fn output(&self) -> (usize, usize) {
        (self.rows.len(), self.columns.len())
    }

    /// Elements of the largest window.
    pub fn area(&self) -> usize {
        let longest = |spans: &[Span]| spans.iter().map(|s| s.end - s.start).max().unwrap_or(0);
        longest(&self.rows) * longest(&self.columns)
    }

    /// # Panics
    /// If the views do not fit the window and the arena.
    fn check(&self, arena: &Arena, input: View, out: View) -> usize {
        arena.check(input);
        arena.check(out);
        input.assert_disjoint(out);
        let map = self.input.0 * self.input.1;
        assert!(map > 0 && input.pixels.is_multiple_of(map), "{input:?} of maps of {map} pixels");
        let batch = input.pixels / map;
        assert_eq!(out.pixels, batch * self.rows.len() * self.columns.len(), "output pixels");
        assert_eq!(input.channels, out.channels, "channels");
        batch
    }

    fn width(&self) -> usize {
        self.columns.iter().map(|s| s.end - s.start).max().unwrap_or(0)
    }
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
    /// The pixels of a window: (code within the window, pixel).
    #[inline(always)]
    fn window_pixels(&self, image: usize, row: Span, column: Span) -> impl Iterator<Item = (usize, usize)> {
        let (height, width) = self.window.input;
        let stride = self.window.width();
        (row.start..row.end).flat_map(move |y| {
            (column.start..column.end)
                .map(move |x| ((y - row.start) * stride + x - column.start, (image * height + y) * width + x))
        })
    }
}

/// out = the maximum of each window; `argmax`, one byte an output element in dense order, remembers where
/// it was (the first, row by row).
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
    let (height, width) = window.output();
    let row_length = width * out.channels;
    let codes = argmax.map(|codes| {
        assert!(window.area() <= 256, "windows of at most 256 elements have a byte's argmax");
        assert_eq!(codes.len(), out.pixels * out.channels, "length of argmax");
        Codes(codes.as_mut_ptr())
    });
    pool.ranges(batch * height, 1, &|rows| {
        for index in rows {
            match codes {
                None => vectorized!(isa, |task: Task<'_>, index: usize| {
                    max_row(task, index);
                }(task, index)),
                Some(codes) => {
                    // SAFETY: rows are different parts of `argmax`, whose length was checked.
                    let codes = unsafe { codes.row(index * row_length, row_length) };
                    vectorized!(isa, |task: Task<'_>, index: usize, codes: &mut [u8]| {
                        argmax_row(task, index, codes);
                    }(
                        task, index, codes
                    ));
                }
            }
        }
    });
}

#[derive(Clone, Copy)]
struct Codes(*mut u8);

// SAFETY: tasks use different rows.
unsafe impl Send for Codes {}
// SAFETY: as above.
unsafe impl Sync for Codes {}

impl Codes {
    /// # Safety
    /// The range lies in the slice and nothing else uses it meanwhile.
    unsafe fn row<'a>(self, start: usize, len: usize) -> &'a mut [u8] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

#[inline(always)]
fn max_row(task: Task<'_>, index: usize) {
    let (height, width) = task.window.output();
    let (image, row) = (index / height, task.window.rows[index % height]);
    for x in 0..width {
        // SAFETY: pixels lie in the views, which were checked; output rows belong to one task each.
        let out = unsafe { task.arena.slice_mut(task.out.pixel(index * width + x)) };
        let mut first = true;
        for (_, pixel) in task.window_pixels(image, row, task.window.columns[x]) {
            // SAFETY: as above; the input shares nothing with the output.
            let values = unsafe { task.arena.slice(task.input.pixel(pixel)) };
            if first {
                out.copy_from_slice(values);
                first = false;
            } else {
                for (best, &v) in out.iter_mut().zip(values) {
                    *best = if v > *best { v } else { *best };
                }
            }
        }
    }
}

#[inline(always)]
fn argmax_row(task: Task<'_>, index: usize, codes: &mut [u8]) {
    let (height, width) = task.window.output();
    let (image, row) = (index / height, task.window.rows[index % height]);
    for (x, codes) in (0..width).zip(codes.chunks_exact_mut(task.out.channels)) {
        // SAFETY: pixels lie in the views, which were checked; output rows belong to one task each.
        let out = unsafe { task.arena.slice_mut(task.out.pixel(index * width + x)) };
        let mut first = true;
        for (code, pixel) in task.window_pixels(image, row, task.window.columns[x]) {
            // SAFETY: as above; the input shares nothing with the output.
            let values = unsafe { task.arena.slice(task.input.pixel(pixel)) };
            if first {
                out.copy_from_slice(values);
                codes.fill(code as u8);
                first = false;
            } else {
                for ((best, &v), at) in out.iter_mut().zip(values).zip(&mut *codes) {
                    let better = v > *best;
                    *best = if better { v } else { *best };
                    *at = if better { code as u8 } else { *at };
                }
            }
        }
    }
}

/// input_gradient (+)= the output gradients of the windows in which the pixel was the maximum.
///
/// # Panics
/// If views do not fit or `argmax` has the wrong length.
pub fn max_pool_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    window: &PoolWindow,
    [output_gradient, input_gradient]: [View; 2],
    argmax: &[u8],
    accumulate: bool,
) {
    let batch = window.check(arena, input_gradient, output_gradient);
    assert_eq!(argmax.len(), output_gradient.pixels * output_gradient.channels, "length of argmax");
    let task =
        Task { window, input: input_gradient, out: output_gradient, arena: arena.pointer(), accumulate };
    pool.ranges(batch * window.input.0, 1, &|rows| {
        for index in rows {
            vectorized!(isa, |task: Task<'_>, index: usize, argmax: &[u8]| {
                max_row_backward(task, index, argmax);
            }(task, index, argmax));
        }
    });
}

#[inline(always)]
fn max_row_backward(task: Task<'_>, index: usize, argmax: &[u8]) {
    let ((height, width), (rows, columns)) = (task.window.input, task.window.output());
    let (image, y, stride) = (index / height, index % height, task.window.width());
    let covering = |spans: &[Span], at: usize| {
        let first = spans.partition_point(|s| s.end <= at);
        first..spans.partition_point(|s| s.start <= at)
    };
    let windows = covering(&task.window.rows, y);
    for x in 0..width {
        // SAFETY: pixels lie in the views, which were checked; input rows belong to one task each.
        let dx = unsafe { task.arena.slice_mut(task.input.pixel(index * width + x)) };
        if !task.accumulate {
            dx.fill(0.0);
        }
        for oy in windows.clone() {
            for ox in covering(&task.window.columns, x) {
                let (row, column) = (task.window.rows[oy], task.window.columns[ox]);
                let code = ((y - row.start) * stride + x - column.start) as u8;
                let pixel = (image * rows + oy) * columns + ox;
                // SAFETY: as above; the output gradient shares nothing with the input gradient.
                let dy = unsafe { task.arena.slice(task.out.pixel(pixel)) };
                for ((dx, dy), &at) in dx.iter_mut().zip(dy).zip(&argmax[pixel * dy.len()..]) {
                    *dx += if at == code { *dy } else { 0.0 };
                }
            }
        }
    }
}

/// out = the mean of each window.
///
/// # Panics
/// If views do not fit.
pub fn avg_pool(pool: &Pool, isa: Isa, arena: &mut Arena, window: &PoolWindow, [input, out]: [View; 2]) {
    let batch = window.check(arena, input, out);
    let task = Task { window, input, out, arena: arena.pointer(), accumulate: false };
    pool.ranges(batch * window.rows.len(), 1, &|rows| {
        for index in rows {
            vectorized!(isa, |task: Task<'_>, index: usize| {
                let (height, width) = task.window.output();
                let (image, row) = (index / height, task.window.rows[index % height]);
                for (x, &column) in task.window.columns.iter().enumerate() {
                    // SAFETY: pixels lie in the views, which were checked; output rows belong to one task.
                    let out = unsafe { task.arena.slice_mut(task.out.pixel(index * width + x)) };
                    out.fill(0.0);
                    for (_, pixel) in task.window_pixels(image, row, column) {
                        // SAFETY: as above; the input shares nothing with the output.
                        let values = unsafe { task.arena.slice(task.input.pixel(pixel)) };
                        for (sum, v) in out.iter_mut().zip(values) {
                            *sum += v;
                        }
                    }
                    let share = 1.0 / (row.divisor * column.divisor) as f32;
                    for sum in out {
                        *sum *= share;
                    }
                }
            }(task, index));
        }
    });
}

/// input_gradient (+)= the output gradients of the windows that hold the pixel, over their divisors.
///
/// # Panics
/// If views do not fit.
pub fn avg_pool_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    window: &PoolWindow,
    [output_gradient, input_gradient]: [View; 2],
    accumulate: bool,
) {
    let batch = window.check(arena, input_gradient, output_gradient);
    let task =
        Task { window, input: input_gradient, out: output_gradient, arena: arena.pointer(), accumulate };
    pool.ranges(batch * window.input.0, 1, &|rows| {
        for index in rows {
            vectorized!(isa, |task: Task<'_>, index: usize| {
                let ((height, width), (rows, columns)) = (task.window.input, task.window.output());
                let (image, y) = (index / height, index % height);
                for x in 0..width {
                    // SAFETY: pixels lie in the views, which were checked; input rows belong to one task.
                    let dx = unsafe { task.arena.slice_mut(task.input.pixel(index * width + x)) };
                    if !task.accumulate {
                        dx.fill(0.0);
                    }
                    for (oy, row) in task.window.rows.iter().enumerate() {
                        if y < row.start || y >= row.end {
                            continue;
                        }
                        for (ox, column) in task.window.columns.iter().enumerate() {
                            if x < column.start || x >= column.end {
                                continue;
                            }
                            let share = 1.0 / (row.divisor * column.divisor) as f32;
                            let pixel = (image * rows + oy) * columns + ox;
                            // SAFETY: as above; the output gradient shares nothing with the input's.
                            let dy = unsafe { task.arena.slice(task.out.pixel(pixel)) };
                            for (dx, dy) in dx.iter_mut().zip(dy) {
                                *dx += dy * share;
                            }
                        }
                    }
                }
            }(task, index));
        }
    });
}
