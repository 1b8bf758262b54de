//! Batch normalization with the batch's statistics, and its gradients.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::elementwise::affine;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::sums::{sums, totals};
use crate::threads::Pool;
use crate::tuning::batch_norm::LEAST_TASK_FLOATS;

/// Pixels × channels of a view.
fn part(view: View, pixels: &Range<usize>, channels: &Range<usize>) -> View {
    View {
        offset: view.offset + pixels.start * view.stride + channels.start,
        pixels: pixels.len(),
        channels: channels.len(),
        stride: view.stride,
    }
}

/// The per-channel vectors of a batch normalization.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// γ.
    pub weight: &'a [f32],
    /// β.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
    /// The batch's mean.
    pub mean: &'a [f32],
    /// Its biased variance.
    pub variance: &'a [f32],
}

/// Normalizes with the batch's statistics: out = γ·(x − mean)/√(var + eps) + β, with max(·, 0) where `relu`.
///
/// `inverse` (1/√(var + eps)), `scale` and `shift` (out = scale·x + shift) are written for the backward pass.
///
/// # Panics
/// If views do not fit or a vector is shorter than the channels.
pub fn batch_norm(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    norm: BatchNorm<'_>,
    [input, out]: [View; 2],
    [inverse, scale, shift]: [&mut [f32]; 3],
    relu: bool,
) {
    for channel in 0..input.channels {
        let (mean, weight) = (f64::from(norm.mean[channel]), f64::from(norm.weight[channel]));
        let factor = 1.0 / (f64::from(norm.variance[channel]) + f64::from(norm.eps)).sqrt();
        inverse[channel] = factor as f32;
        scale[channel] = (weight * factor) as f32;
        shift[channel] = (f64::from(norm.bias[channel]) - mean * factor * weight) as f32;
    }
    affine(pool, isa, arena, [input, out], [scale, shift], relu);
}

/// The backward pass of [`batch_norm`].
#[derive(Clone, Copy, Debug)]
pub struct BatchNormBackward<'a> {
    /// What was normalized.
    pub input: View,
    /// The gradient of the output.
    pub output_gradient: View,
    /// Where the input's gradient goes, if it is wanted, and whether it is added to what is there.
    pub input_gradient: Option<(View, bool)>,
    /// γ.
    pub weight: &'a [f32],
    /// The batch's mean.
    pub mean: &'a [f32],
    /// 1/√(var + eps).
    pub inverse: &'a [f32],
    /// The scale and the shift that gave the output.
    pub scale: &'a [f32],
    /// See `scale`.
    pub shift: &'a [f32],
    /// Whether ReLU followed: no gradient passes where scale and shift give nothing positive.
    pub relu: bool,
    /// The pixels that mean and variance are of: the input's own, or more where it is a part of a larger batch.
    pub count: f64,
}

/// What makes of sums over a part of a batch those over all of it.
pub type Join<'a> = dyn FnMut(&mut [f64]) + 'a;

/// The gradients of [`batch_norm`]: writes those of γ and β, and
/// input_gradient (+)= γ/√(var + eps) · (dy − mean(dy) − x̂·mean(dy·x̂)).
///
/// Where the input is a part of a larger batch, `join` makes of Σ dy and Σ dy·(x − mean), a number a channel of each, the
/// sums over all of it, which the input's gradient is of; those of γ and β are the part's own.
///
/// # Panics
/// If views do not fit or a vector is shorter than the channels.
pub fn batch_norm_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &BatchNormBackward<'_>,
    [weight_gradient, bias_gradient]: [&mut [f32]; 2],
    join: Option<&mut Join<'_>>,
) {
    let BatchNormBackward { input, output_gradient, input_gradient, relu, count, .. } = *call;
    arena.check_alike(input, &[output_gradient]);
    let c = input.channels;
    let (mean, inverse, weight) = (&call.mean[..c], &call.inverse[..c], &call.weight[..c]);
    let affine = [&call.scale[..c], &call.shift[..c]];
    let pointer = arena.pointer();
    let partial = sums(pool, (1, input.pixels, input.channels), true, |pixels, channels, sums| {
        let views = [input, output_gradient].map(|view| part(view, &pixels, &channels));
        let mean = &mean[channels.clone()];
        let affine = affine.map(|vector| &vector[channels.clone()]);
        vectorized!(isa, |p: Pointer,
                          views: [View; 2],
                          mean: &[f32],
                          affine: [&[f32]; 2],
                          relu: bool,
                          sums: [&mut [f32]; 2]| {
            let [sums, products] = sums;
            for pixel in 0..views[0].pixels {
                // SAFETY: `check_alike` has the views inside the arena, of which these are parts; this pass writes
                // none.
                let [x, dy] = unsafe { views.map(|view| p.slice(view.pixel(pixel))) };
                let sums = sums.iter_mut().zip(&mut *products);
                let factors = mean.iter().zip(affine[0]).zip(affine[1]);
                for (((sum, product), (x, dy)), ((mean, scale), shift)) in
                    sums.zip(x.iter().zip(dy)).zip(factors)
                {
                    let dy = if !relu || x * scale + shift > 0.0 { *dy } else { 0.0 };
                    *sum += dy;
                    *product += dy * (x - mean);
                }
            }
        }(
            pointer, views, mean, affine, relu, sums
        ));
    });
    let mut coefficients = vec![0.0f32; 3 * c];
    let (a, rest) = coefficients.split_at_mut(c);
    let (b, d) = rest.split_at_mut(c);
    let mut totals = totals(&partial, c);
    for channel in 0..c {
        bias_gradient[channel] = totals[channel] as f32;
        weight_gradient[channel] = (totals[c + channel] * f64::from(inverse[channel])) as f32;
    }
    if let Some(join) = join {
        join(&mut totals);
    }
    for channel in 0..c {
        let (sum, product) = (totals[channel], totals[c + channel]);
        let factor = f64::from(inverse[channel]);
        // dx = a·dy + b·x + d.
        let scale = f64::from(weight[channel]) * factor;
        let slope = -scale * factor * factor * product / count;
        a[channel] = scale as f32;
        b[channel] = slope as f32;
        d[channel] = (-scale * sum / count - slope * f64::from(mean[channel])) as f32;
    }
    let Some((input_gradient, accumulate)) = input_gradient else { return };
    arena.check_alike(input, &[input_gradient]);
    input_gradient.assert_disjoint(input);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    let coefficients = [&*a, &*b, &*d];
    pool.ranges(input.pixels, LEAST_TASK_FLOATS / c.max(1), &|pixels| {
        let views = [input, output_gradient, input_gradient];
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 3],
                          factors: [&[f32]; 3],
                          affine: [&[f32]; 2],
                          relu: bool,
                          accumulate: bool| {
            let [x, dy, dx] = views;
            let [a, b, d] = factors;
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from
                // the others; tasks have different pixels.
                let (x, dy, dx) = unsafe {
                    (p.slice(x.pixel(pixel)), p.slice(dy.pixel(pixel)), p.slice_mut(dx.pixel(pixel)))
                };
                let factors = a.iter().zip(b).zip(d).zip(affine[0].iter().zip(affine[1]));
                for ((dx, (x, dy)), (((a, b), d), (scale, shift))) in
                    dx.iter_mut().zip(x.iter().zip(dy)).zip(factors)
                {
                    let dy = if !relu || x * scale + shift > 0.0 { *dy } else { 0.0 };
                    *dx = if accumulate { *dx } else { 0.0 } + (a * dy + b * x + d);
                }
            }
        }(
            pointer,
            pixels,
            views,
            coefficients,
            affine,
            relu,
            accumulate
        ));
    });
}
