//! The largest or the smallest element over channels, rows, or columns, and its gradient.

use crate::arena::{Arena, View};
use crate::arithmetic::Maps;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// out = the largest element of those of the input that go with it, `sign` being 1, or the smallest, `sign` being −1: of
/// the output's sizes, each is the input's or 1. NaN where one is.
///
/// # Panics
/// If views do not fit, reach beyond the arena, or overlap.
pub fn extremum(pool: &Pool, arena: &mut Arena, sign: f32, [input, out]: [Maps; 2]) {
    let images = input.check_within(arena, out);
    let pointer = arena.pointer();
    pool.ranges(images * out.height * out.width, LEAST_TASK_FLOATS / out.view.channels.max(1), &|pixels| {
        for pixel in pixels {
            // SAFETY: the view is inside the arena and apart from the input; tasks have different pixels of it.
            let row = unsafe { pointer.slice_mut(out.view.pixel(pixel)) };
            row.fill(f32::NEG_INFINITY);
            for read in input.readers(out, pixel) {
                // SAFETY: a reader is a pixel of the input, whose view is inside the arena; nothing writes it.
                let pixel = unsafe { pointer.slice(input.view.pixel(read)) };
                for (c, &x) in pixel.iter().enumerate() {
                    let best = &mut row[if out.view.channels == 1 { 0 } else { c }];
                    let x = sign * x;
                    *best = if x > *best || x.is_nan() { x } else { *best };
                }
            }
            row.iter_mut().for_each(|x| *x *= sign);
        }
    });
}

/// The gradient of [`extremum`]: the output's, in equal shares to all elements that are equal to the output. `views` are
/// the input, the output and the output's gradient; `gradient` has the input's sizes.
///
/// # Panics
/// As [`extremum`].
pub fn extremum_backward(
    pool: &Pool,
    arena: &mut Arena,
    [input, output, output_gradient]: [Maps; 3],
    gradient: View,
    accumulate: bool,
) {
    let images = input.check_within(arena, output);
    arena.check_alike(output.view, &[output_gradient.view]);
    arena.check_alike(input.view, &[gradient]);
    [input, output, output_gradient].iter().for_each(|maps| gradient.assert_disjoint(maps.view));
    let pointer = arena.pointer();
    pool.ranges(
        images * output.height * output.width,
        LEAST_TASK_FLOATS / output.view.channels.max(1),
        &|pixels| {
            for pixel in pixels {
                // SAFETY: the views are inside the arena, and nothing writes them.
                let (y, dy) = unsafe {
                    (
                        pointer.slice(output.view.pixel(pixel)),
                        pointer.slice(output_gradient.view.pixel(pixel)),
                    )
                };
                let mut shares = vec![0usize; y.len()];
                let of = |c: usize| if y.len() == 1 { 0 } else { c };
                for read in input.readers(output, pixel) {
                    // SAFETY: a reader is a pixel of the input, whose view is inside the arena; nothing writes it.
                    let x = unsafe { pointer.slice(input.view.pixel(read)) };
                    x.iter().enumerate().for_each(|(c, x)| shares[of(c)] += usize::from(*x == y[of(c)]));
                }
                for read in input.readers(output, pixel) {
                    // SAFETY: a reader is a pixel of the input, and the gradient has its sizes; both are inside the arena and apart.
                    // Each pixel is read for one pixel of the output alone, and tasks have different ones of these.
                    let (x, dx) = unsafe {
                        (pointer.slice(input.view.pixel(read)), pointer.slice_mut(gradient.pixel(read)))
                    };
                    for (c, (x, dx)) in x.iter().zip(dx).enumerate() {
                        let share = if *x == y[of(c)] { dy[of(c)] / shares[of(c)] as f32 } else { 0.0 };
                        *dx = if accumulate { *dx } else { 0.0 } + share;
                    }
                }
            }
        },
    );
}
