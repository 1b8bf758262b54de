//! The maximum of each window, and where it was.

use std::ops::Range;

use super::{PoolWindow, Task};
use crate::arena::{Arena, View};
use crate::isa::Isa;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tuning::pooling::LEAST_TASK_ROWS;

/// Where each maximum was, as bytes; tasks use different rows.
#[derive(Clone, Copy)]
struct Codes(*mut u8);

// SAFETY: a pointer alone reads and writes nothing; whoever does so through `at` promises that no other thread uses
// that byte meanwhile.
unsafe impl Send for Codes {}
// SAFETY: `&Codes` gives no more than a copy of it, which may be sent.
unsafe impl Sync for Codes {}

impl Codes {
    /// The address of byte `index`.
    ///
    /// # Safety
    /// `index` is at most the length of the slice, which is still borrowed.
    #[inline(always)]
    unsafe fn at(self, index: usize) -> *mut u8 {
        // SAFETY: the caller gives an index inside the slice, or one past its end.
        unsafe { self.0.add(index) }
    }
}

/// Places that a byte tells apart.
const MOST_PLACES: usize = 256;

/// # Panics
/// If a byte cannot tell the places of a window apart.
fn check_argmax(window: &PoolWindow) {
    assert!(window.area() <= MOST_PLACES, "windows of at most {MOST_PLACES} elements have a byte's argmax");
}

/// out = the maximum of each window, NaN where it holds one; `argmax`, one byte an output element in dense order,
/// remembers where it was (the first of equals, row by row, but the last NaN, as in PyTorch).
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
    let height = window.output().0;
    let codes = argmax.map(|codes| {
        check_argmax(window);
        assert_eq!(codes.len(), out.pixels * out.channels, "length of argmax");
        Codes(codes.as_mut_ptr())
    });
    pool.ranges(batch * height, LEAST_TASK_ROWS, &|rows| {
        // SAFETY: `window.check` has the views inside the arena and apart, and the lengths were checked; tasks have
        // different rows of the output.
        unsafe { dispatch!(isa, max_rows(task: Task<'_>, rows: Range<usize>, codes: Option<Codes>)) };
    });
}

/// The maxima of some rows of the output.
///
/// # Safety
/// [`max_pool`] has checked the task's window and views, and the length of the codes; `rows` are rows of the output
/// of the batch. Meanwhile nothing writes the input, and nothing else uses these rows of the output and the codes.
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn max_rows<S: Simd>(task: Task<'_>, rows: Range<usize>, codes: Option<Codes>) {
    let (height, width) = task.window.output();
    let channels = task.out.channels;
    let steps = (task.window.input.1 * task.input.stride, task.input.stride);
    let stride = task.window.width();
    for index in rows {
        let (image, row) = (index / height, task.window.rows[index % height]);
        for (x, column) in task.window.columns.iter().enumerate() {
            let pixel = index * width + x;
            let size = (row.end - row.start, column.end - column.start);
            // SAFETY: the window's pixels lie in the input, as `PoolWindow` has them, at these steps; the pixel lies
            // in the output and its codes in `codes`, which are the caller's alone; all have `channels`, and `size`
            // is the window's.
            unsafe {
                let place = Place {
                    corner: task.input(image, row.start, column.start),
                    out: task.out(pixel),
                    codes: codes.map(|codes| codes.at(pixel * channels)),
                };
                match size {
                    (2, 2) => max_of::<S, 2>(place, channels, steps, size, stride),
                    (3, 3) => max_of::<S, 3>(place, channels, steps, size, stride),
                    _ => max_of::<S, 0>(place, channels, steps, size, stride),
                }
            }
        }
    }
}

/// Where a window's first pixel, its output and its codes lie.
#[derive(Clone, Copy)]
struct Place<C> {
    corner: *mut f32,
    out: *mut f32,
    codes: C,
}

/// One window's maximum: of `SIDE` × `SIDE` pixels, or of any size where that is 0.
///
/// # Safety
/// `place.corner` is the first of `size` rows and columns of pixels (`SIDE` of each, if it is not 0), `steps` floats
/// apart, each valid to read `channels` floats from; `place.out` is valid to write `channels` floats to, the codes as
/// many bytes. Meanwhile nothing writes the pixels, and nothing else uses the output and the codes. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn max_of<S: Simd, const SIDE: usize>(
    place: Place<Option<*mut u8>>,
    channels: usize,
    steps: (usize, usize),
    size: (usize, usize),
    stride: usize,
) {
    let (height, width) = if SIDE == 0 { size } else { (SIDE, SIDE) };
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        // SAFETY: the caller has `channels` floats in each pixel and the output, and bytes in the codes: `n` from `c`
        // on.
        unsafe {
            let mut best = S::load_first(place.corner.add(c), n);
            let mut at = S::splat(0.0);
            for y in 0..height {
                let line = place.corner.add(y * steps.0 + c);
                for x in 0..width {
                    let v = S::load_first(line.add(x * steps.1), n);
                    if place.codes.is_some() {
                        at = S::if_greater_or_nan(v, best, S::splat((y * stride + x) as f32), at);
                    }
                    best = S::if_greater_or_nan(v, best, v, best);
                }
            }
            S::store_first(place.out.add(c), best, n);
            if let Some(codes) = place.codes {
                S::store_bytes(codes.add(c), at, n);
            }
        }
    }
}

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
    let (stride, add) = (task.window.width(), task.accumulate);
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
                    out: task.out(pixel),
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

/// Writes, or adds, an output's gradient to its window: of `SIDE` × `SIDE` pixels, or of any size where that is 0.
///
/// # Safety
/// `place.corner` is the first of `size` rows and columns of pixels (`SIDE` of each, if it is not 0), `steps` floats
/// apart, each valid to read and write `channels` floats at; `place.out` is valid to read `channels` floats from, the
/// codes as many bytes. Meanwhile nothing else uses the pixels, and nothing writes the output's gradient. The CPU has
/// the instruction set.
#[inline(always)]
unsafe fn share_out<S: Simd, const SIDE: usize>(
    place: Place<*const u8>,
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
            let dy = S::load_first(place.out.add(c), n);
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
    let (channels, stride) = (task.out.channels, task.window.width());
    // The windows that hold a pixel: their outputs, and the pixel's place in them.
    let mut holders = Vec::new();
    for index in input_rows {
        let (image, y) = (index / height, index % height);
        for x in 0..width {
            holders.clear();
            for oy in task.window.row_holders[y].clone() {
                let down = (y - task.window.rows[oy].start) * stride;
                for ox in task.window.column_holders[x].clone() {
                    let code = (down + x - task.window.columns[ox].start) as f32;
                    holders.push(((image * rows + oy) * columns + ox, code));
                }
            }
            for c in (0..channels).step_by(S::LANES) {
                let n = (channels - c).min(S::LANES);
                // SAFETY: the pixel lies in its row, and its holders in the output, as `PoolWindow` has them; each
                // has `n` more channels, and `argmax` a byte for each element of the output.
                unsafe {
                    let target = task.input(image, y, x).add(c);
                    let mut sum = if task.accumulate { S::load_first(target, n) } else { S::splat(0.0) };
                    for &(pixel, code) in &holders {
                        let at = S::load_bytes(argmax.as_ptr().add(pixel * channels + c), n);
                        let dy = S::load_first(task.out(pixel).add(c), n);
                        sum = S::add(sum, S::if_equal(at, S::splat(code), dy, S::splat(0.0)));
                    }
                    S::store_first(target, sum, n);
                }
            }
        }
    }
}
