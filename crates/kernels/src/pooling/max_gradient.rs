//! The gradient of the maximum of each window: where it was gets it.

use std::ops::Range;

use super::max::check_argmax;
use super::{PoolWindow, Task};
use crate::arena::{Arena, View};
use crate::isa::Isa;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tuning::pooling::LEAST_TASK_ROWS;

/// input_gradient (+)= the output gradients of the windows in which the pixel was the maximum.
///
/// # Panics
/// If views do not fit, or `argmax` has the wrong length or the windows more than 256 elements.
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
    check_argmax(window);
    assert_eq!(argmax.len(), output_gradient.pixels * output_gradient.channels, "length of argmax");
    let task =
        Task { window, input: input_gradient, out: output_gradient, arena: arena.pointer(), accumulate };
    let isa = isa.for_columns(output_gradient.channels);
    if window.is_partition() {
        pool.ranges(batch * window.output().0, LEAST_TASK_ROWS, &|rows| {
            // SAFETY: `window.check` has the views inside the arena and apart, and the lengths were checked; tasks have
            // different rows of windows, which share no row of the input where every pixel lies in one window.
            unsafe {
                dispatch!(isa, max_windows_backward(task: Task<'_>, rows: Range<usize>, argmax: &[u8]));
            };
        });
        return;
    }
    pool.ranges(batch * window.input.0, LEAST_TASK_ROWS, &|rows| {
        // SAFETY: `window.check` has the views inside the arena and apart, and the lengths were checked; tasks have
        // different rows of the input's gradient.
        unsafe { dispatch!(isa, max_rows_backward(task: Task<'_>, rows: Range<usize>, argmax: &[u8])) };
    });
}

/// The backward pass of windows that hold every pixel once: each output's gradient goes to its window.
///
/// # Safety
/// [`max_pool_backward`] has checked the task's window and views, and the length of `argmax`; `rows` are rows of the
/// output of the batch. Meanwhile nothing writes the output's gradient, and nothing else uses the input's gradient in
/// the windows of these rows. The CPU has the instruction set.
#[inline(always)]
unsafe fn max_windows_backward<S: Simd>(task: Task<'_>, rows: Range<usize>, argmax: &[u8]) {
    let (height, width) = task.window.output();
    let channels = task.out.channels;
    let steps = (task.window.input.1 * task.input.stride, task.input.stride);
    let (stride, add) = (task.window.largest.1, task.accumulate);
    for index in rows {
        let (image, row) = (index / height, task.window.rows[index % height]);
        for (x, column) in task.window.columns.iter().enumerate() {
            let pixel = index * width + x;
            let size = (row.end - row.start, column.end - column.start);
            // SAFETY: the window's pixels lie in the input's gradient, as `PoolWindow` has them, at these steps, and
            // are the caller's alone; the pixel lies in the output's gradient and its codes in `argmax`; all have
            // `channels`, and `size` is the window's.
            unsafe {
                let place = Place {
                    corner: task.input(image, row.start, column.start),
                    dy: task.out(pixel),
                    codes: argmax.as_ptr().add(pixel * channels),
                };
                match size {
                    (2, 2) => share_out::<S, 2>(place, channels, steps, size, stride, add),
                    (3, 3) => share_out::<S, 3>(place, channels, steps, size, stride, add),
                    _ => share_out::<S, 0>(place, channels, steps, size, stride, add),
                }
            }
        }
    }
}

/// Where a window's first pixel, its output's gradient and its codes lie.
#[derive(Clone, Copy)]
struct Place {
    corner: *mut f32,
    dy: *const f32,
    codes: *const u8,
}

/// Writes, or adds, an output's gradient to its window: of `SIDE` × `SIDE` pixels, or of any size where that is 0.
///
/// # Safety
/// `place.corner` is the first of `size` rows and columns of pixels (`SIDE` of each, if it is not 0), `steps` floats
/// apart, each valid to read and write `channels` floats at; `place.dy` is valid to read `channels` floats from, the
/// codes as many bytes. Meanwhile nothing else uses the pixels, and nothing writes the output's gradient. The CPU has
/// the instruction set.
#[inline(always)]
unsafe fn share_out<S: Simd, const SIDE: usize>(
    place: Place,
    channels: usize,
    steps: (usize, usize),
    size: (usize, usize),
    stride: usize,
    add: bool,
) {
    let (height, width) = if SIDE == 0 { size } else { (SIDE, SIDE) };
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        // SAFETY: the caller has `channels` floats in each pixel and the output, and bytes in the codes: `n` from `c`
        // on.
        unsafe {
            let at = S::load_bytes(place.codes.add(c), n);
            let dy = S::load_first(place.dy.add(c), n);
            for y in 0..height {
                let line = place.corner.add(y * steps.0 + c);
                for x in 0..width {
                    let target = line.add(x * steps.1);
                    let code = S::splat((y * stride + x) as f32);
                    let mut share = S::if_equal(at, code, dy, S::splat(0.0));
                    if add {
                        share = S::add(share, S::load_first(target, n));
                    }
                    S::store_first(target, share, n);
                }
            }
        }
    }
}

/// The backward pass of some rows of the input: each pixel gathers from the windows that hold it.
///
/// # Safety
/// [`max_pool_backward`] has checked the task's window and views, and the length of `argmax`; `input_rows` are rows
/// of the input of the batch. Meanwhile nothing writes the output's gradient, and nothing else uses these rows of the
/// input's. The CPU has the instruction set.
#[inline(always)]
unsafe fn max_rows_backward<S: Simd>(task: Task<'_>, input_rows: Range<usize>, argmax: &[u8]) {
    let ((height, width), (rows, columns)) = (task.window.input, task.window.output());
    let (channels, stride) = (task.out.channels, task.window.largest.1);
    let mut holders = Vec::new();
    for index in input_rows {
        let (image, y) = (index / height, index % height);
        for x in 0..width {
            holders.clear();
            for oy in task.window.row_holders[y].clone() {
                let down = (y - task.window.rows[oy].start) * stride;
                for ox in task.window.column_holders[x].clone() {
                    let pixel = (image * rows + oy) * columns + ox;
                    // SAFETY: the window's output lies in the gradient, as `PoolWindow` has it, and its codes in `argmax`.
                    let (dy, codes) =
                        unsafe { (task.out(pixel).cast_const(), argmax.as_ptr().add(pixel * channels)) };
                    let code = (down + x - task.window.columns[ox].start) as u8;
                    holders.push(Holder { dy, codes, code });
                }
            }
            // SAFETY: the pixel lies in its row, which is the caller's alone, and has as many channels as its holders.
            unsafe {
                let target = task.input(image, y, x);
                match holders.len() {
                    1 => gather::<S, 1>(&holders, channels, target, task.accumulate),
                    2 => gather::<S, 2>(&holders, channels, target, task.accumulate),
                    4 => gather::<S, 4>(&holders, channels, target, task.accumulate),
                    9 => gather::<S, 9>(&holders, channels, target, task.accumulate),
                    _ => gather::<S, 0>(&holders, channels, target, task.accumulate),
                }
            }
        }
    }
}

/// A window that holds a pixel: its output's gradient and codes, and the pixel's code in it.
#[derive(Clone, Copy)]
struct Holder {
    dy: *const f32,
    codes: *const u8,
    code: u8,
}

/// Writes, or adds, to a pixel the gradients of the windows whose maximum it was: of `COUNT` windows, or of any number
/// where that is 0.
///
/// # Safety
/// There are as many holders; each is valid to read `channels` floats and bytes from, `target` to read and write as many
/// floats. Meanwhile nothing writes the holders, and nothing else uses the target. The CPU has the instruction set.
#[inline(always)]
unsafe fn gather<S: Simd, const COUNT: usize>(
    holders: &[Holder],
    channels: usize,
    target: *mut f32,
    add: bool,
) {
    let holders = &holders[..if COUNT == 0 { holders.len() } else { COUNT }];
    let whole = channels - channels % S::LANES;
    // SAFETY: the caller has `channels` in each holder and the target: a vector at `c`, or the last ones.
    unsafe {
        for c in (0..whole).step_by(S::LANES) {
            gather_at::<S>(holders, c, S::LANES, target, add);
        }
        if whole < channels {
            gather_at::<S>(holders, whole, channels - whole, target, add);
        }
    }
}

/// [`gather`] for `n` channels from `c` on, at most a vector.
///
/// # Safety
/// That of [`gather`]; these are among its channels.
#[inline(always)]
unsafe fn gather_at<S: Simd>(holders: &[Holder], c: usize, n: usize, target: *mut f32, add: bool) {
    // SAFETY: the caller has these channels in each holder and in the target.
    unsafe {
        let target = target.add(c);
        let mut sum = if add { S::load_first(target, n) } else { S::splat(0.0) };
        for holder in holders {
            sum = S::add(sum, S::where_byte(holder.codes.add(c), holder.code, holder.dy.add(c), n));
        }
        S::store_first(target, sum, n);
    }
}
