//! Normalization of each pixel over its channels, and its gradients: LayerNorm.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::sums::{fold, sums};
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// Partial sums of a row, so that they become vectors.
const LANES: usize = 16;

/// The sum of `f` over pairs of elements.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| f(*a, *b)).sum();
    for (a, b) in a.zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(*a, *b);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The mean of a row, and 1/√(its biased variance + eps).
#[inline(always)]
fn measure(row: &[f32], eps: f32) -> [f32; 2] {
    let share = 1.0 / row.len() as f32;
    let mean = sum_of(row, row, |x, _| x) * share;
    let variance = sum_of(row, row, |x, _| (x - mean) * (x - mean)) * share;
    [mean, 1.0 / (variance + eps).sqrt()]
}

/// out = γ·(x − mean)/√(var + eps) + β, mean and biased variance being those of the pixel's channels.
///
/// # Panics
/// If views do not fit, or γ or β are shorter than the channels.
pub fn row_norm(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [input, out]: [View; 2],
    [weight, bias]: [&[f32]; 2],
    eps: f32,
) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let (weight, bias) = (&weight[..out.channels], &bias[..out.channels]);
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 2],
                          vectors: [&[f32]; 2],
                          eps: f32| {
            let ([input, out], [weight, bias]) = (views, vectors);
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                let [mean, inverse] = measure(x, eps);
                for ((y, x), (weight, bias)) in y.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
                    *y = (x - mean) * inverse * weight + bias;
                }
            }
        }(
            pointer,
            pixels,
            [input, out],
            [weight, bias],
            eps
        ));
    });
}

/// The gradients of [`row_norm`]: writes those of γ and β, and
/// input_gradient (+)= (γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂))/√(var + eps).
///
/// `views` are the input and the output's gradient; `target` is the input's gradient, if it is wanted, and whether it is
/// added to what is there.
///
/// # Panics
/// As [`row_norm`], or if the gradients of γ and β are shorter than the channels.
pub fn row_norm_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [input, output_gradient]: [View; 2],
    target: Option<(View, bool)>,
    (weight, eps): (&[f32], f32),
    gradients: [&mut [f32]; 2],
) {
    arena.check_alike(input, &[output_gradient]);
    let views = [input, output_gradient];
    let weight = &weight[..input.channels];
    let pointer = arena.pointer();
    let partial = sums(pool, (1, input.pixels, input.channels), false, |pixels, _, parts| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 2],
                          eps: f32,
                          parts: [&mut [f32]; 2]| {
            let [products, sums] = parts;
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena; this pass writes none.
                let [x, dy] = unsafe { views.map(|view| p.slice(view.pixel(pixel))) };
                let [mean, inverse] = measure(x, eps);
                for ((product, sum), (x, dy)) in products.iter_mut().zip(&mut *sums).zip(x.iter().zip(dy)) {
                    *product += dy * (x - mean) * inverse;
                    *sum += dy;
                }
            }
        }(
            pointer, pixels, views, eps, parts
        ));
    });
    fold(&partial, gradients);
    let Some((target, accumulate)) = target else { return };
    arena.check_alike(input, &[target]);
    views.iter().for_each(|&view| target.assert_disjoint(view));
    pool.ranges(input.pixels, LEAST_TASK_FLOATS / input.channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 3],
                          norm: (&[f32], f32),
                          accumulate: bool| {
            let ([input, output_gradient, target], (weight, eps)) = (views, norm);
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from the
                // others; tasks have different pixels.
                let (x, dy, dx) = unsafe {
                    (
                        p.slice(input.pixel(pixel)),
                        p.slice(output_gradient.pixel(pixel)),
                        p.slice_mut(target.pixel(pixel)),
                    )
                };
                let [mean, inverse] = measure(x, eps);
                let share = 1.0 / x.len() as f32;
                let sum = sum_of(dy, weight, |dy, weight| dy * weight) * share;
                let mut lanes = [0.0f32; LANES];
                for ((x, dy), weight) in x.chunks(LANES).zip(dy.chunks(LANES)).zip(weight.chunks(LANES)) {
                    for (((lane, x), dy), weight) in lanes.iter_mut().zip(x).zip(dy).zip(weight) {
                        *lane += dy * weight * (x - mean);
                    }
                }
                let slope = lanes.iter().sum::<f32>() * inverse * inverse * share;
                for (((dx, x), dy), weight) in dx.iter_mut().zip(x).zip(dy).zip(weight) {
                    let gradient = inverse * (dy * weight - sum - (x - mean) * slope);
                    *dx = if accumulate { *dx } else { 0.0 } + gradient;
                }
            }
        }(
            pointer,
            pixels,
            [input, output_gradient, target],
            (weight, eps),
            accumulate
        ));
    });
}
