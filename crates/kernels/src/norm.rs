//! Batch normalization with batch statistics, and local response normalization.

use crate::arena::{Arena, Pointer, View};
use crate::elementwise::affine;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;

/// Pixels whose partial statistics are computed together; fixed, so that sums do not depend on threads.
const CHUNK: usize = 512;
/// Channels of one task.
const CHANNELS: usize = 256;

/// The per-channel vectors of a batch normalization.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// γ.
    pub weight: &'a [f32],
    /// β.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

/// Splits pixels × channels in tasks of fixed size and calls `task` with the part's view, its chunk and its
/// first channel.
fn chunks(pool: &Pool, view: View, task: &(dyn Fn(std::ops::Range<usize>, std::ops::Range<usize>) + Sync)) {
    let blocks = view.channels.div_ceil(CHANNELS);
    pool.run(view.pixels.div_ceil(CHUNK) * blocks, &|i| {
        let (chunk, block) = (i / blocks, i % blocks);
        let pixels = chunk * CHUNK..((chunk + 1) * CHUNK).min(view.pixels);
        let channels = block * CHANNELS..((block + 1) * CHANNELS).min(view.channels);
        task(pixels, channels);
    });
}

/// Normalizes with the batch's statistics: out = γ·(x − mean)/√(var + eps) + β, with max(·, 0) where `relu`.
///
/// `mean` and `inverse` (1/√(var + eps)) are written for the backward pass, `variance` (biased) for the
/// running statistics.
///
/// # Panics
/// If views do not fit or a vector is shorter than the channels.
pub fn batch_norm(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    norm: BatchNorm<'_>,
    [input, out]: [View; 2],
    [mean, variance, inverse]: [&mut [f32]; 3],
    relu: bool,
) {
    arena.check(input);
    let c = input.channels;
    let count = input.pixels.div_ceil(CHUNK);
    let mut partial = vec![0.0f32; count * 2 * c];
    let (pointer, parts) = (arena.pointer(), Pointer::of(&mut partial));
    chunks(pool, input, &|pixels, channels| {
        let at = pixels.start / CHUNK * 2 * c + channels.start;
        // SAFETY: each task has its own part of `partial`.
        let (sums, squares) = unsafe {
            (parts.slice_mut(at..at + channels.len()), parts.slice_mut(at + c..at + c + channels.len()))
        };
        let view = View {
            offset: input.offset + pixels.start * input.stride + channels.start,
            pixels: pixels.len(),
            channels: channels.len(),
            stride: input.stride,
        };
        vectorized!(isa, |p: Pointer, view: View, mean: &mut [f32], squares: &mut [f32]| {
            for pixel in 0..view.pixels {
                // SAFETY: the view lies in the arena and nothing writes it meanwhile.
                let row = unsafe { p.slice(view.pixel(pixel)) };
                for (sum, x) in mean.iter_mut().zip(row) {
                    *sum += x;
                }
            }
            let share = 1.0 / view.pixels as f32;
            for sum in mean.iter_mut() {
                *sum *= share;
            }
            for pixel in 0..view.pixels {
                // SAFETY: as above.
                let row = unsafe { p.slice(view.pixel(pixel)) };
                for ((square, x), mean) in squares.iter_mut().zip(row).zip(&*mean) {
                    *square += (x - mean) * (x - mean);
                }
            }
        }(
            pointer, view, sums, squares
        ));
    });
    let mut scale = vec![0.0f32; c];
    let mut shift = vec![0.0f32; c];
    for channel in 0..c {
        let (m, v) = combine(&partial, c, channel, input.pixels);
        let factor = 1.0 / (v + f64::from(norm.eps)).sqrt();
        mean[channel] = m as f32;
        variance[channel] = v as f32;
        inverse[channel] = factor as f32;
        scale[channel] = (f64::from(norm.weight[channel]) * factor) as f32;
        shift[channel] =
            (f64::from(norm.bias[channel]) - m * factor * f64::from(norm.weight[channel])) as f32;
    }
    affine(pool, isa, arena, [input, out], [&scale, &shift], relu);
}

/// Mean and biased variance of a channel from its chunks (Chan, Golub and LeVeque 1979).
fn combine(partial: &[f32], channels: usize, channel: usize, pixels: usize) -> (f64, f64) {
    let (mut n, mut mean, mut square) = (0.0f64, 0.0f64, 0.0f64);
    for (chunk, values) in partial.chunks_exact(2 * channels).enumerate() {
        let size = CHUNK.min(pixels - chunk * CHUNK) as f64;
        let (m, s) = (f64::from(values[channel]), f64::from(values[channels + channel]));
        let (delta, total) = (m - mean, n + size);
        mean += delta * size / total;
        square += s + delta * delta * n * size / total;
        n = total;
    }
    (mean, if n > 0.0 { square / n } else { 0.0 })
}

/// The gradients of [`batch_norm`]: writes those of γ and β, and
/// input_gradient (+)= γ/√(var + eps) · (dy − mean(dy) − x̂·mean(dy·x̂)).
///
/// `views` are the input, the output's gradient and the input's gradient, if that is wanted.
///
/// # Panics
/// If views do not fit or a vector is shorter than the channels.
pub fn batch_norm_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    (input, output_gradient, input_gradient): (View, View, Option<(View, bool)>),
    [weight, mean, inverse]: [&[f32]; 3],
    [weight_gradient, bias_gradient]: [&mut [f32]; 2],
) {
    arena.check(input);
    arena.check(output_gradient);
    assert_eq!((input.pixels, input.channels), (output_gradient.pixels, output_gradient.channels));
    let c = input.channels;
    let (mean, inverse, weight) = (&mean[..c], &inverse[..c], &weight[..c]);
    let mut partial = vec![0.0f32; input.pixels.div_ceil(CHUNK) * 2 * c];
    let (pointer, parts) = (arena.pointer(), Pointer::of(&mut partial));
    chunks(pool, input, &|pixels, channels| {
        let at = pixels.start / CHUNK * 2 * c + channels.start;
        // SAFETY: each task has its own part of `partial`.
        let (sums, products) = unsafe {
            (parts.slice_mut(at..at + channels.len()), parts.slice_mut(at + c..at + c + channels.len()))
        };
        let part = |view: View| View {
            offset: view.offset + pixels.start * view.stride + channels.start,
            pixels: pixels.len(),
            channels: channels.len(),
            stride: view.stride,
        };
        let (x, dy, mean) = (part(input), part(output_gradient), &mean[channels.clone()]);
        vectorized!(isa, |p: Pointer,
                          x: View,
                          dy: View,
                          mean: &[f32],
                          sums: &mut [f32],
                          products: &mut [f32]| {
            for pixel in 0..x.pixels {
                // SAFETY: the views lie in the arena and nothing writes them meanwhile.
                let (x, dy) = unsafe { (p.slice(x.pixel(pixel)), p.slice(dy.pixel(pixel))) };
                for ((((sum, product), x), dy), mean) in
                    sums.iter_mut().zip(&mut *products).zip(x).zip(dy).zip(mean)
                {
                    *sum += dy;
                    *product += dy * (x - mean);
                }
            }
        }(
            pointer, x, dy, mean, sums, products
        ));
    });
    let mut coefficients = vec![0.0f32; 3 * c];
    let (a, rest) = coefficients.split_at_mut(c);
    let (b, d) = rest.split_at_mut(c);
    let count = input.pixels as f64;
    for channel in 0..c {
        let (mut sum, mut product) = (0.0f64, 0.0f64);
        for values in partial.chunks_exact(2 * c) {
            sum += f64::from(values[channel]);
            product += f64::from(values[c + channel]);
        }
        let factor = f64::from(inverse[channel]);
        bias_gradient[channel] = sum as f32;
        weight_gradient[channel] = (product * factor) as f32;
        // dx = a·dy + b·x + d.
        let scale = f64::from(weight[channel]) * factor;
        let slope = -scale * factor * factor * product / count;
        a[channel] = scale as f32;
        b[channel] = slope as f32;
        d[channel] = (-scale * sum / count - slope * f64::from(mean[channel])) as f32;
    }
    let Some((input_gradient, accumulate)) = input_gradient else { return };
    arena.check(input_gradient);
    assert_eq!((input.pixels, input.channels), (input_gradient.pixels, input_gradient.channels));
    input_gradient.assert_disjoint(input);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    let (a, b, d) = (&*a, &*b, &*d);
    pool.ranges(input.pixels, 8192 / c.max(1), &|pixels| {
        let views = [input, output_gradient, input_gradient];
        let coefficients = [a, b, d];
        vectorized!(isa, |p: Pointer,
                          pixels: std::ops::Range<usize>,
                          views: [View; 3],
                          factors: [&[f32]; 3],
                          accumulate: bool| {
            let [x, dy, dx] = views;
            let [a, b, d] = factors;
            for pixel in pixels {
                // SAFETY: the views lie in the arena; the written one shares nothing with the others.
                let (x, dy, dx) = unsafe {
                    (p.slice(x.pixel(pixel)), p.slice(dy.pixel(pixel)), p.slice_mut(dx.pixel(pixel)))
                };
                for (((((dx, x), dy), a), b), d) in dx.iter_mut().zip(x).zip(dy).zip(a).zip(b).zip(d) {
                    *dx = if accumulate { *dx } else { 0.0 } + (a * dy + b * x + d);
                }
            }
        }(
            pointer,
            pixels,
            views,
            coefficients,
            accumulate
        ));
    });
}

/// The constants of a local response normalization: y = x / (k + α/size · Σ x²)^β.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Channels in the window.
    pub size: usize,
    /// Multiplier of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Additive constant.
    pub k: f32,
}

impl LocalResponse {
    /// The channels around `c` whose squares count.
    #[inline(always)]
    fn window(&self, c: usize, channels: usize) -> std::ops::Range<usize> {
        c.saturating_sub(self.size / 2)..(c + self.size.div_ceil(2)).min(channels)
    }

    /// The channels whose windows hold `c`.
    #[inline(always)]
    fn holders(&self, c: usize, channels: usize) -> std::ops::Range<usize> {
        (c + 1).saturating_sub(self.size.div_ceil(2))..(c + self.size / 2 + 1).min(channels)
    }

    /// base^−β.
    #[inline(always)]
    fn power(&self, base: f32) -> f32 {
        if self.beta == 0.75 {
            let root = base.sqrt();
            1.0 / (root * root.sqrt())
        } else {
            base.powf(-self.beta)
        }
    }

    /// Fills `base` with k + α/size · Σ x² at each channel.
    #[inline(always)]
    fn bases(&self, x: &[f32], base: &mut [f32]) {
        let scale = self.alpha / self.size as f32;
        for (c, base) in base.iter_mut().enumerate() {
            let sum: f32 = x[self.window(c, x.len())].iter().map(|x| x * x).sum();
            *base = self.k + scale * sum;
        }
    }
}

/// out = the local response normalization of input.
///
/// # Panics
/// If views do not fit.
pub fn local_response(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    norm: LocalResponse,
    [input, out]: [View; 2],
) {
    arena.check(input);
    arena.check(out);
    assert_eq!((input.pixels, input.channels), (out.pixels, out.channels), "views of one size");
    input.assert_disjoint(out);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, 64, &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: std::ops::Range<usize>,
                          norm: LocalResponse,
                          input: View,
                          out: View| {
            let mut base = vec![0.0f32; input.channels];
            for pixel in pixels {
                // SAFETY: the views lie in the arena and share nothing; tasks have different pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                norm.bases(x, &mut base);
                for ((y, x), base) in y.iter_mut().zip(x).zip(&base) {
                    *y = x * norm.power(*base);
                }
            }
        }(pointer, pixels, norm, input, out));
    });
}

/// input_gradient (+)= the gradient of [`local_response`]:
/// dx_i = dy_i·b_i^−β − 2αβ/size · x_i · Σ_{j whose window holds i} dy_j·x_j·b_j^{−β−1}.
///
/// `views` are the input, the output's gradient and the input's gradient.
///
/// # Panics
/// If views do not fit.
pub fn local_response_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    norm: LocalResponse,
    views: [View; 3],
    accumulate: bool,
) {
    let [input, output_gradient, input_gradient] = views;
    for view in views {
        arena.check(view);
        assert_eq!((view.pixels, view.channels), (input.pixels, input.channels), "views of one size");
    }
    input_gradient.assert_disjoint(input);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, 64, &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: std::ops::Range<usize>,
                          norm: LocalResponse,
                          views: [View; 3],
                          accumulate: bool| {
            let [input, output_gradient, input_gradient] = views;
            let c = input.channels;
            let (mut base, mut terms) = (vec![0.0f32; c], vec![0.0f32; c]);
            let factor = 2.0 * norm.alpha * norm.beta / norm.size as f32;
            for pixel in pixels {
                // SAFETY: the views lie in the arena; the written one shares nothing with the others.
                let (x, dy, dx) = unsafe {
                    (
                        p.slice(input.pixel(pixel)),
                        p.slice(output_gradient.pixel(pixel)),
                        p.slice_mut(input_gradient.pixel(pixel)),
                    )
                };
                norm.bases(x, &mut base);
                for (((term, x), dy), base) in terms.iter_mut().zip(x).zip(dy).zip(&base) {
                    *term = dy * x * norm.power(*base) / base;
                }
                for i in 0..c {
                    let sum: f32 = terms[norm.holders(i, c)].iter().sum();
                    let old = if accumulate { dx[i] } else { 0.0 };
                    dx[i] = old + dy[i] * norm.power(base[i]) - factor * x[i] * sum;
                }
            }
        }(
            pointer, pixels, norm, views, accumulate
        ));
    });
}
