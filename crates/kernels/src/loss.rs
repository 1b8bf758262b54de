//! Softmax and cross-entropy over rows of logits.

use crate::arena::{Arena, View};
use crate::isa::Isa;
use crate::threads::Pool;
use crate::tuning::pixels::LEAST_TASK_PIXELS;

/// out = softmax of each row.
///
/// # Panics
/// If views do not fit.
pub fn softmax(pool: &Pool, _isa: Isa, arena: &mut Arena, views: [View; 2]) {
    rows(pool, arena, views, |y| {
        normalize(y);
    });
}

/// Copies each row of the input to the output and calls `f` with it there.
fn rows(pool: &Pool, arena: &mut Arena, [input, out]: [View; 2], f: impl Fn(&mut [f32]) + Sync) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, LEAST_TASK_PIXELS, &|pixels| {
        for pixel in pixels {
            // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
            // pixels.
            let (x, y) = unsafe { (pointer.slice(input.pixel(pixel)), pointer.slice_mut(out.pixel(pixel))) };
            y.copy_from_slice(x);
            f(y);
        }
    });
}

/// Softmax of a row in place; returns the logarithm of the sum of exponentials.
fn normalize(row: &mut [f32]) -> f64 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0f64;
    for x in row.iter_mut() {
        *x = (*x - max).exp();
        sum += f64::from(*x);
    }
    let share = (1.0 / sum) as f32;
    for x in row.iter_mut() {
        *x *= share;
    }
    f64::from(max) + sum.ln()
}

/// input_gradient (+)= y·(dy − Σ dy·y), y the softmax. `views` are y, dy and the input's gradient.
///
/// # Panics
/// If views do not fit.
pub fn softmax_backward(arena: &mut Arena, views: [View; 3], accumulate: bool) {
    rows_backward(arena, views, |[y, dy], dx| {
        let dot: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = if accumulate { *dx } else { 0.0 } + y * (dy - dot);
        }
    });
}

/// out = input − ln Σ e^input over the channels of each row.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn log_softmax(pool: &Pool, arena: &mut Arena, views: [View; 2]) {
    rows(pool, arena, views, |y| {
        let max = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = y.iter().map(|x| f64::from((x - max).exp())).sum();
        let log_sum = f64::from(max) + sum.ln();
        y.iter_mut().for_each(|x| *x = (f64::from(*x) - log_sum) as f32);
    });
}

/// input_gradient (+)= dy − e^y · Σ dy, y the logarithm of the softmax. `views` are y, dy and the input's gradient.
///
/// # Panics
/// If views do not fit.
pub fn log_softmax_backward(arena: &mut Arena, views: [View; 3], accumulate: bool) {
    rows_backward(arena, views, |[y, dy], dx| {
        let sum: f32 = dy.iter().sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = if accumulate { *dx } else { 0.0 } + dy - y.exp() * sum;
        }
    });
}

/// Calls `f` with each row of an output, of its gradient and of the input's gradient.
fn rows_backward(arena: &mut Arena, views: [View; 3], f: impl Fn([&[f32]; 2], &mut [f32])) {
    let [output, output_gradient, input_gradient] = views;
    arena.check_alike(output, &[output_gradient, input_gradient]);
    input_gradient.assert_disjoint(output);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    for pixel in 0..output.pixels {
        // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` the written one apart from the
        // others.
        let (y, dy, dx) = unsafe {
            (
                pointer.slice(output.pixel(pixel)),
                pointer.slice(output_gradient.pixel(pixel)),
                pointer.slice_mut(input_gradient.pixel(pixel)),
            )
        };
        f([y, dy], dx);
    }
}

/// What rows of logits are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class for each row.
    Classes(&'a [u32]),
    /// A share for each class of each row (N, classes): soft labels. The shares of a row need not sum to one.
    Distributions(&'a [f32]),
}

impl Targets<'_> {
    /// # Panics
    /// If there is not a target for each row of `logits`, a class is not below their number, or a share is negative
    /// or not finite.
    pub(crate) fn check(self, logits: View) {
        let View { pixels, channels, .. } = logits;
        match self {
            Self::Classes(classes) => {
                assert_eq!(classes.len(), pixels, "a class for each row");
                assert!(classes.iter().all(|&class| (class as usize) < channels), "classes below {channels}");
            }
            Self::Distributions(shares) => {
                assert_eq!(
                    Some(shares.len()),
                    pixels.checked_mul(channels),
                    "a share for each class of each row"
                );
                assert!(shares.iter().all(|&share| is_weight(share)), "shares from 0 on, and finite");
            }
        }
    }
}

impl Targets<'_> {
    /// The share of each class of a row.
    pub(crate) fn shares(self, row: usize, shares: &mut [f64]) {
        match self {
            Self::Classes(classes) => {
                shares.fill(0.0);
                shares[classes[row] as usize] = 1.0;
            }
            Self::Distributions(all) => {
                let own = &all[row * shares.len()..][..shares.len()];
                shares.iter_mut().zip(own).for_each(|(share, &own)| *share = f64::from(own));
            }
        }
    }
}

/// Whether a sample or a class may count that much.
pub(crate) fn is_weight(weight: f32) -> bool {
    weight >= 0.0 && weight.is_finite()
}

/// Cross-entropy lᵢ = −Σ_c q_c ln softmax(xᵢ)_c of logits (N, classes) with targets q. Returns the mean Σ wᵢ·lᵢ / Σ wᵢ
/// and how many rows have their largest logit at the class, or at the largest share (the first of equals in both;
/// whatever the row's weight); gradient (+)= weight·wᵢ·(softmax·Σ_c q_c − q) / Σ wᵢ.
///
/// `views` are the logits and their gradient; `sample_weights` are the wᵢ, one for each row, all 1 where there are
/// none. Where they sum to 0, so do loss and gradient.
///
/// # Panics
/// If views do not fit, there is not a target and a weight for each row, a class is not below the number of
/// classes, or a share or a weight is negative or not finite.
pub fn cross_entropy(
    arena: &mut Arena,
    views: [View; 2],
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
    weight: f32,
    accumulate: bool,
) -> (f64, usize) {
    cross_entropy_of(arena, views, (targets, sample_weights, None), weight, accumulate)
}

/// As [`cross_entropy`]; where the rows are a part of a batch, the mean is over its Σ wᵢ.
pub(crate) fn cross_entropy_of(
    arena: &mut Arena,
    [logits, gradient]: [View; 2],
    (targets, sample_weights, total): (Targets<'_>, Option<&[f32]>, Option<f64>),
    weight: f32,
    accumulate: bool,
) -> (f64, usize) {
    arena.check_alike(logits, &[gradient]);
    targets.check(logits);
    if let Some(weights) = sample_weights {
        assert_eq!(weights.len(), logits.pixels, "a weight for each row");
        assert!(weights.iter().all(|&weight| is_weight(weight)), "weights of samples from 0 on, and finite");
    }
    logits.assert_disjoint(gradient);
    let pointer = arena.pointer();
    let (classes, sample_weight) =
        (logits.channels, |pixel| sample_weights.map_or(1.0, |weights| f64::from(weights[pixel])));
    let total = total.unwrap_or_else(|| (0..logits.pixels).map(sample_weight).sum());
    // The mean of nothing.
    let total = if total > 0.0 { total } else { 1.0 };
    let (mut loss, mut correct) = (0.0, 0);
    let mut row = vec![0.0f32; classes];
    for pixel in 0..logits.pixels {
        // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart.
        let (x, dx) =
            unsafe { (pointer.slice(logits.pixel(pixel)), pointer.slice_mut(gradient.pixel(pixel))) };
        row.copy_from_slice(x);
        let log_sum = normalize(&mut row);
        let (entropy, class) = match targets {
            Targets::Classes(targets) => {
                let class = targets[pixel] as usize;
                row[class] -= 1.0;
                (log_sum - f64::from(x[class]), class)
            }
            Targets::Distributions(shares) => {
                let shares = &shares[pixel * classes..][..classes];
                let sum = shares.iter().copied().map(f64::from).sum::<f64>() as f32;
                row.iter_mut().zip(shares).for_each(|(p, share)| *p = *p * sum - share);
                // A class without a share may have an infinite loss.
                let entropies = shares.iter().zip(x).filter(|&(&share, _)| share > 0.0);
                let entropy = entropies.map(|(&share, &x)| f64::from(share) * (log_sum - f64::from(x))).sum();
                (entropy, first_largest(shares))
            }
        };
        let share = sample_weight(pixel);
        loss += share * entropy;
        correct += usize::from(first_largest(x) == class);
        let factor = (f64::from(weight) * share / total) as f32;
        for (dx, p) in dx.iter_mut().zip(&row) {
            *dx = if accumulate { *dx } else { 0.0 } + factor * p;
        }
    }
    (loss / total, correct)
}

/// The index of the largest value, the first of equals.
pub(crate) fn first_largest<T: PartialOrd>(values: &[T]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}
