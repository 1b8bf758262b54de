//! The mean of each window.

use super::{PoolWindow, Span, Task};
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::pooling::{LEAST_PART_FLOATS, LEAST_TASK_ROWS, MOST_PARTS};

/// out = the mean of each window. A window that is all of its map's output, and large, is summed in parts that follow from its
/// shape alone.
///
/// # Panics
/// If views do not fit.
pub fn avg_pool(pool: &Pool, isa: Isa, arena: &mut Arena, window: &PoolWindow, [input, out]: [View; 2]) {
    let batch = window.check(arena, input, out);
    let task = Task { window, input, out, arena: arena.pointer(), accumulate: false };
    let parts = match window.output() {
        (1, 1) => (window.area().saturating_mul(out.channels) / LEAST_PART_FLOATS)
            .min(window.rows[0].end - window.rows[0].start)
            .min(MOST_PARTS),
        _ => 1,
    };
    if parts > 1 {
        mean_by_parts((pool, isa), task, batch, parts);
        return;
    }
    pool.ranges(batch * window.rows.len(), LEAST_TASK_ROWS, &|rows| {
        for index in rows {
            vectorized!(isa, |task: Task<'_>, index: usize| {
                let (height, width) = task.window.output();
                let (image, row) = (index / height, task.window.rows[index % height]);
                for (x, &column) in task.window.columns.iter().enumerate() {
                    // SAFETY: the pixel lies in the output, which `window.check` has inside the arena; tasks have
                    // different rows of it.
                    let out = unsafe { task.arena.slice_mut(task.out.pixel(index * width + x)) };
                    out.fill(0.0);
                    for y in row.start..row.end {
                        // SAFETY: the pixels lie in the window, so in the input; tasks write different rows of the output.
                        unsafe { add_row(task, (image, y), column, out) };
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

/// The means of maps that are one window each, whose rows are summed in so many parts.
fn mean_by_parts((pool, isa): (&Pool, Isa), task: Task<'_>, batch: usize, parts: usize) {
    let (channels, window) = (task.out.channels, task.window);
    let mut sums = vec![0.0f32; product(&[batch, parts, channels])];
    let of_parts = Pointer::of(&mut sums);
    pool.run(batch * parts, &|index| {
        vectorized!(isa, |task: Task<'_>, of_parts: Pointer, index: usize, parts: usize| {
            let (row, column) = (task.window.rows[0], task.window.columns[0]);
            let (image, part, rows) = (index / parts, index % parts, row.end - row.start);
            let channels = task.out.channels;
            // SAFETY: there are as many sums for each part, and tasks have different ones.
            let sums = unsafe { of_parts.slice_mut(index * channels..(index + 1) * channels) };
            for y in part * rows / parts..(part + 1) * rows / parts {
                // SAFETY: the pixels lie in the window, so in the input, which nothing writes.
                unsafe { add_row(task, (image, row.start + y), column, sums) };
            }
        }(
            task, of_parts, index, parts
        ));
    });
    let share = 1.0 / (window.rows[0].divisor * window.columns[0].divisor) as f32;
    for (image, sums) in sums.chunks_exact(parts * channels).enumerate() {
        // SAFETY: the pixel lies in the output, which `PoolWindow::check` has inside the arena; no task runs any more.
        let out = unsafe { task.arena.slice_mut(task.out.pixel(image)) };
        out.fill(0.0);
        for part in sums.chunks_exact(channels) {
            out.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
        }
        out.iter_mut().for_each(|sum| *sum *= share);
    }
}

/// Adds the pixels of some columns of a row of an image, channel by channel.
///
/// # Safety
/// The pixels lie in the task's input, which lies in the block of its arena apart from `sums`; nothing writes them meanwhile.
#[inline(always)]
unsafe fn add_row(task: Task<'_>, (image, y): (usize, usize), column: Span, sums: &mut [f32]) {
    let (height, width) = task.window.input;
    for x in column.start..column.end {
        // SAFETY: the caller's pixel.
        let values = unsafe { task.arena.slice(task.input.pixel((image * height + y) * width + x)) };
        for (sum, v) in sums.iter_mut().zip(values) {
            *sum += v;
        }
    }
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
    pool.ranges(batch * window.input.0, LEAST_TASK_ROWS, &|rows| {
        for index in rows {
            vectorized!(isa, |task: Task<'_>, index: usize| {
                let ((height, width), (rows, columns)) = (task.window.input, task.window.output());
                let (image, y) = (index / height, index % height);
                for x in 0..width {
                    // SAFETY: the pixel lies in the input's gradient, which `window.check` has inside the arena;
                    // tasks have different rows of it.
                    let dx = unsafe { task.arena.slice_mut(task.input.pixel(index * width + x)) };
                    if !task.accumulate {
                        dx.fill(0.0);
                    }
                    for oy in task.window.row_holders[y].clone() {
                        for ox in task.window.column_holders[x].clone() {
                            let (row, column) = (task.window.rows[oy], task.window.columns[ox]);
                            let share = 1.0 / (row.divisor * column.divisor) as f32;
                            let pixel = (image * rows + oy) * columns + ox;
                            // SAFETY: the pixel lies in the output's gradient, which `window.check` has inside the
                            // arena and apart from the input's.
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
