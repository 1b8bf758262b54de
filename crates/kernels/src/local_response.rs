//! Local response normalization.

use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::pixels::LEAST_TASK_PIXELS;

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
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, LEAST_TASK_PIXELS, &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: std::ops::Range<usize>,
                          norm: LocalResponse,
                          input: View,
                          out: View| {
            let mut base = vec![0.0f32; input.channels];
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
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
    arena.check_alike(input, &[output_gradient, input_gradient]);
    input_gradient.assert_disjoint(input);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, LEAST_TASK_PIXELS, &|pixels| {
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
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from
                // the others; tasks have different pixels.
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
