//! A scale by channel that may be another below 0, and its gradients: PReLU, layer scale.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::sums::{fold, sums};
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// out = x·above where x is positive, x·below elsewhere, by channel.
///
/// # Panics
/// If views do not fit, or there are fewer factors than channels.
pub fn sided_scale(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [input, out]: [View; 2],
    [above, below]: [&[f32]; 2],
) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let factors = [&above[..out.channels], &below[..out.channels]];
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, views: [View; 2], factors: [&[f32]; 2]| {
            let ([input, out], [above, below]) = (views, factors);
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                for ((y, x), (above, below)) in y.iter_mut().zip(x).zip(above.iter().zip(below)) {
                    *y = x * if *x > 0.0 { *above } else { *below };
                }
            }
        }(
            pointer,
            pixels,
            [input, out],
            factors
        ));
    });
}

/// The gradients of [`sided_scale`]: writes those of both factors, and input_gradient (+)= dy·above or dy·below.
///
/// `views` are the input and the output's gradient; `target` is the input's gradient, if it is wanted, and whether it is
/// added to what is there.
///
/// # Panics
/// If views do not fit, or there are not as many gradients of factors as channels.
pub fn sided_scale_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [input, output_gradient]: [View; 2],
    target: Option<(View, bool)>,
    [above, below]: [&[f32]; 2],
    gradients: [&mut [f32]; 2],
) {
    arena.check_alike(input, &[output_gradient]);
    let views = [input, output_gradient];
    let pointer = arena.pointer();
    let partial = sums(pool, (1, input.pixels, input.channels), false, |pixels, _, parts| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, views: [View; 2], parts: [&mut [f32]; 2]| {
            let [above, below] = parts;
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena; this pass writes none.
                let [x, dy] = unsafe { views.map(|view| p.slice(view.pixel(pixel))) };
                for ((above, below), (x, dy)) in above.iter_mut().zip(&mut *below).zip(x.iter().zip(dy)) {
                    let product = x * dy;
                    *above += if *x > 0.0 { product } else { 0.0 };
                    *below += if *x > 0.0 { 0.0 } else { product };
                }
            }
        }(
            pointer, pixels, views, parts
        ));
    });
    fold(&partial, gradients);
    let Some((target, accumulate)) = target else { return };
    arena.check_alike(input, &[target]);
    views.iter().for_each(|&view| target.assert_disjoint(view));
    let factors = [&above[..input.channels], &below[..input.channels]];
    pool.ranges(input.pixels, LEAST_TASK_FLOATS / input.channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 3],
                          factors: [&[f32]; 2],
                          accumulate: bool| {
            let ([x, dy, dx], [above, below]) = (views, factors);
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from the
                // others; tasks have different pixels.
                let (x, dy, dx) = unsafe {
                    (p.slice(x.pixel(pixel)), p.slice(dy.pixel(pixel)), p.slice_mut(dx.pixel(pixel)))
                };
                for ((dx, (x, dy)), (above, below)) in
                    dx.iter_mut().zip(x.iter().zip(dy)).zip(above.iter().zip(below))
                {
                    let factor = if *x > 0.0 { *above } else { *below };
                    *dx = if accumulate { *dx } else { 0.0 } + dy * factor;
                }
            }
        }(
            pointer,
            pixels,
            [input, output_gradient, target],
            factors,
            accumulate
        ));
    });
}
