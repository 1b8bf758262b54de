//! Normalization of each image over its pixels and groups of its channels, and its gradients: GroupNorm, InstanceNorm.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::sums::{chunks, sums, totals};
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// What is normalized together, and the vectors by channel.
#[derive(Clone, Copy, Debug)]
pub struct GroupNorm<'a> {
    /// Pixels of an image.
    pub pixels: usize,
    /// Groups of as many channels.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f32,
    /// γ.
    pub weight: &'a [f32],
    /// β.
    pub bias: &'a [f32],
}

/// Means, and 1/√(variance + eps), of each channel's group of each image: `[image][channel]`.
struct Moments {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

/// Sums over the pixels of each image, by channel: Σ dy, then Σ dy·(x − mean), the means being `[image][channel]`.
fn image_sums(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [x, dy]: [View; 2],
    pixels: usize,
    mean: &[f32],
) -> Vec<Vec<f64>> {
    let (images, channels) = (x.pixels / pixels, x.channels);
    let pointer = arena.pointer();
    let partial = sums(pool, (images, pixels, channels), false, |range, _, parts| {
        let mean = &mean[range.start / pixels * channels..][..channels];
        vectorized!(isa, |p: Pointer,
                          range: Range<usize>,
                          views: [View; 2],
                          mean: &[f32],
                          parts: [&mut [f32]; 2]| {
            let [sums, products] = parts;
            for pixel in range {
                // SAFETY: the caller of `image_sums` has checked both views against the arena; this pass writes none.
                let [x, dy] = unsafe { views.map(|view| p.slice(view.pixel(pixel))) };
                let sums = sums.iter_mut().zip(&mut *products);
                for ((sum, product), ((x, dy), mean)) in sums.zip(x.iter().zip(dy).zip(mean)) {
                    *sum += dy;
                    *product += dy * (x - mean);
                }
            }
        }(
            pointer,
            range,
            [x, dy],
            mean,
            parts
        ));
    });
    partial
        .chunks_exact((chunks(pixels) * 2 * channels).max(1))
        .map(|image| totals(image, channels))
        .collect()
}

impl GroupNorm<'_> {
    /// The images of a view.
    ///
    /// # Panics
    /// If it has no whole number of them, or channels are no multiple of the groups.
    fn images(&self, arena: &Arena, view: View) -> usize {
        arena.check(view);
        assert!(
            self.groups > 0 && view.channels.is_multiple_of(self.groups),
            "{view:?} in {} groups",
            self.groups
        );
        view.maps(self.pixels)
    }

    /// The mean over each group of what a sum of each channel is over all pixels, in each channel's place.
    fn spread(&self, sums: &[f64]) -> impl Iterator<Item = f64> {
        let of_group = sums.len() / self.groups;
        let count = (of_group * self.pixels) as f64;
        let means: Vec<f64> =
            sums.chunks_exact(of_group).map(|sums| sums.iter().sum::<f64>() / count).collect();
        means.into_iter().flat_map(move |mean| std::iter::repeat_n(mean, of_group))
    }

    /// Mean and deviation of each group of each image.
    fn moments(&self, pool: &Pool, isa: Isa, arena: &mut Arena, input: View) -> Moments {
        let channels = input.channels;
        let zeros = vec![0.0; input.pixels / self.pixels * channels];
        let views = [input, input];
        // Σx is the first sum; with the means known, Σx·(x − mean) is that of the squared deviations.
        let sums = image_sums(pool, isa, arena, views, self.pixels, &zeros);
        let mean: Vec<f32> =
            sums.iter().flat_map(|sums| self.spread(&sums[..channels])).map(|mean| mean as f32).collect();
        let sums = image_sums(pool, isa, arena, views, self.pixels, &mean);
        let variances = sums.iter().zip(mean.chunks_exact(channels.max(1))).flat_map(|(sums, mean)| {
            // Less mean·Σ(x − mean), which is what the mean's own rounding leaves.
            let (totals, products) = sums.split_at(channels);
            let squares: Vec<f64> = (0..channels)
                .map(|c| {
                    let mean = f64::from(mean[c]);
                    products[c] - mean * (totals[c] - mean * self.pixels as f64)
                })
                .collect();
            self.spread(&squares).collect::<Vec<_>>()
        });
        let inverse =
            variances.map(|variance| (1.0 / (variance + f64::from(self.eps)).sqrt()) as f32).collect();
        Moments { mean, inverse }
    }
}

/// out = γ·(x − mean)/√(var + eps) + β, mean and biased variance being those of the image's group of channels.
///
/// # Panics
/// If views do not fit, or γ or β are shorter than the channels.
pub fn group_norm(pool: &Pool, isa: Isa, arena: &mut Arena, norm: &GroupNorm<'_>, [input, out]: [View; 2]) {
    norm.images(arena, input);
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let Moments { mean, inverse } = norm.moments(pool, isa, arena, input);
    let channels = input.channels;
    let by_channel = |i: usize| (norm.weight[i % channels], norm.bias[i % channels]);
    let scale: Vec<f32> = inverse.iter().enumerate().map(|(i, inverse)| by_channel(i).0 * inverse).collect();
    let shift: Vec<f32> = (0..mean.len()).map(|i| by_channel(i).1 - mean[i] * scale[i]).collect();
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 2],
                          vectors: [&[f32]; 2],
                          of_image: usize| {
            let [input, out] = views;
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                let [scale, shift] = vectors.map(|v| &v[pixel / of_image * y.len()..][..y.len()]);
                for ((y, x), (scale, shift)) in y.iter_mut().zip(x).zip(scale.iter().zip(shift)) {
                    *y = x * scale + shift;
                }
            }
        }(
            pointer,
            pixels,
            [input, out],
            [&scale, &shift],
            norm.pixels
        ));
    });
}

/// The gradients of [`group_norm`]: writes those of γ and β, and
/// input_gradient (+)= (γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂))/√(var + eps).
///
/// `views` are the input and the output's gradient; `target` is the input's gradient, if it is wanted, and whether it is
/// added to what is there.
///
/// # Panics
/// As [`group_norm`], or if the gradients of γ and β are shorter than the channels.
pub fn group_norm_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    norm: &GroupNorm<'_>,
    [input, output_gradient]: [View; 2],
    target: Option<(View, bool)>,
    [weight_gradient, bias_gradient]: [&mut [f32]; 2],
) {
    norm.images(arena, input);
    arena.check_alike(input, &[output_gradient]);
    let channels = input.channels;
    let Moments { mean, inverse } = norm.moments(pool, isa, arena, input);
    let views = [input, output_gradient];
    let sums = image_sums(pool, isa, arena, views, norm.pixels, &mean);
    let (mut weights, mut biases) = (vec![0.0f64; channels], vec![0.0f64; channels]);
    // dx = a·dy + b·x + d.
    let mut factors = [const { Vec::new() }; 3];
    for (sums, at) in sums.iter().zip((0..).step_by(channels.max(1))) {
        let (sums, products) = sums.split_at(channels);
        let weighted = |values: &[f64]| -> Vec<f64> {
            let means: Vec<f64> =
                values.iter().zip(norm.weight).map(|(value, weight)| value * f64::from(*weight)).collect();
            norm.spread(&means).collect()
        };
        let (by_sum, by_product) = (weighted(sums), weighted(products));
        for c in 0..channels {
            let (mean, inverse) = (f64::from(mean[at + c]), f64::from(inverse[at + c]));
            weights[c] += products[c] * inverse;
            biases[c] += sums[c];
            let slope = -by_product[c] * inverse * inverse * inverse;
            factors[0].push((f64::from(norm.weight[c]) * inverse) as f32);
            factors[1].push(slope as f32);
            factors[2].push((-by_sum[c] * inverse - slope * mean) as f32);
        }
    }
    let write = |to: &mut [f32], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, x)| *to = *x as f32);
    write(&mut weight_gradient[..channels], &weights);
    write(&mut bias_gradient[..channels], &biases);
    let Some((target, accumulate)) = target else { return };
    arena.check_alike(input, &[target]);
    views.iter().for_each(|&view| target.assert_disjoint(view));
    let [a, b, d] = &factors;
    let pointer = arena.pointer();
    pool.ranges(input.pixels, LEAST_TASK_FLOATS / channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          views: [View; 3],
                          factors: [&[f32]; 3],
                          of_image: usize,
                          accumulate: bool| {
            let [x, dy, dx] = views;
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from the
                // others; tasks have different pixels.
                let (x, dy, dx) = unsafe {
                    (p.slice(x.pixel(pixel)), p.slice(dy.pixel(pixel)), p.slice_mut(dx.pixel(pixel)))
                };
                let [a, b, d] = factors.map(|v| &v[pixel / of_image * dx.len()..][..dx.len()]);
                for ((dx, (x, dy)), ((a, b), d)) in
                    dx.iter_mut().zip(x.iter().zip(dy)).zip(a.iter().zip(b).zip(d))
                {
                    *dx = if accumulate { *dx } else { 0.0 } + (a * dy + b * x + d);
                }
            }
        }(
            pointer,
            pixels,
            [input, output_gradient, target],
            [a, b, d],
            norm.pixels,
            accumulate
        ));
    });
}
