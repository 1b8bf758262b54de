//! Rates by the norm of a whole tensor: LARS and LAMB.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::rules::{rest, taken_in};
use crate::arena::Pointer;
use crate::flat;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::flat::{BLOCK_FLOATS, BLOCK_SUMS, LEAST_TASK_FLOATS};

/// The trust ratio of LARS (You, Gitman and Ginsburg 2017): coefficient·‖p‖ / (‖g‖ + decay·‖p‖ + eps), 1 where a norm is
/// 0. With the rate of the step in `clip` it is min(ratio / rate, 1), so that the step is at most the ratio, as LARC has it.
pub fn trust_ratio(
    pool: &Pool,
    isa: Isa,
    [parameters, gradients]: [&[f32]; 2],
    (coefficient, weight_decay, eps): (f32, f32, f32),
    clip: Option<f32>,
) -> f32 {
    let [p, g] = [parameters, gradients].map(|values| flat::sum_of_squares(pool, isa, values).sqrt());
    let ratio = if p > 0.0 && g > 0.0 {
        f64::from(coefficient) * p / (g + p * f64::from(weight_decay) + f64::from(eps))
    } else {
        1.0
    };
    clip.map_or(ratio, |rate| (ratio / f64::from(rate)).min(1.0)) as f32
}

/// LAMB (You et al. 2020, algorithm 2): the step of Adam with the decay added, at a rate by the ratio of the norms of the
/// tensor and of its step, 1 where one is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamb {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the latter.
    pub eps: f32,
    /// What of the parameters is added to the step.
    pub weight_decay: f32,
    /// What the gradients are multiplied with first.
    pub scale: f32,
    /// Whether the rate goes by the norms.
    pub adapt: bool,
    /// Whether the ratio is at most 1.
    pub clip: bool,
}

/// What the loops of [`lamb`] take.
#[derive(Clone, Copy)]
struct Terms {
    lamb: Lamb,
    rests: [f32; 2],
    /// One over the bias of the mean, and over the root of that of the squares.
    mean: f32,
    root: f32,
}

/// Update number `step`, from 1, of one tensor by LAMB; the moments are the mean and the mean square of its gradients.
///
/// # Panics
/// If lengths differ.
pub fn lamb(
    pool: &Pool,
    isa: Isa,
    (lamb, step): (Lamb, u64),
    parameters: &mut [f32],
    gradients: &[f32],
    [mean, square]: [&mut [f32]; 2],
) {
    let len = parameters.len();
    let lengths = [gradients.len(), mean.len(), square.len()];
    assert_eq!(lengths, [len; 3], "a gradient and two moments for each parameter");
    let Lamb { beta1, beta2, .. } = lamb;
    let terms = Terms {
        lamb,
        rests: [rest(beta1), rest(beta2)],
        mean: (1.0 / taken_in(beta1, step)) as f32,
        root: (1.0 / taken_in(beta2, step).sqrt()) as f32,
    };
    let [p, m, v] = [parameters, mean, square].map(Pointer::of);
    let blocks = len.div_ceil(BLOCK_FLOATS);
    let sums: Vec<[AtomicU64; 2]> = (0..blocks).map(|_| [(); 2].map(|()| AtomicU64::new(0))).collect();
    let block = |index: usize| index * BLOCK_FLOATS..len.min((index + 1) * BLOCK_FLOATS);
    let least = LEAST_TASK_FLOATS / BLOCK_FLOATS;
    pool.ranges(blocks, least, &|range| {
        for index in range {
            let part: Range<usize> = block(index);
            // SAFETY: blocks are parts of `0..len` that share nothing; the buffers have that length and are borrowed
            // for the call.
            let (p, m, v) =
                unsafe { (p.slice(part.clone()), m.slice_mut(part.clone()), v.slice_mut(part.clone())) };
            let of_block = take_in(isa, terms, (p, &gradients[part]), [m, v]);
            for (sum, x) in sums[index].iter().zip(of_block) {
                sum.store(x.to_bits(), Ordering::Relaxed);
            }
        }
    });
    let norm = |which: usize| {
        let sum =
            |sum: f64, block: &[AtomicU64; 2]| sum + f64::from_bits(block[which].load(Ordering::Relaxed));
        sums.iter().fold(0.0, sum).sqrt()
    };
    let (weights, change) = (norm(0), norm(1));
    let mut ratio = if lamb.adapt && weights > 0.0 && change > 0.0 { weights / change } else { 1.0 };
    if lamb.adapt && lamb.clip {
        ratio = ratio.min(1.0);
    }
    let rate = (f64::from(lamb.lr) * ratio) as f32;
    pool.ranges(blocks, least, &|range| {
        for part in range.map(block) {
            // SAFETY: blocks are parts of `0..len` that share nothing, and only the parameters are written, each by
            // one thread; the buffers have that length and are borrowed for the call.
            let (p, m, v) =
                unsafe { (p.slice_mut(part.clone()), m.slice(part.clone()), v.slice(part.clone())) };
            move_by(isa, terms, rate, p, [m, v]);
        }
    });
}

/// The step of an element: what [`lamb`] measures and what it goes by.
#[inline(always)]
fn change(terms: &Terms, p: f32, m: f32, v: f32) -> f32 {
    m * terms.mean / (v.sqrt() * terms.root + terms.lamb.eps) + terms.lamb.weight_decay * p
}

/// Takes the gradients of a block in; gives Σ p² and Σ step².
fn take_in(isa: Isa, terms: Terms, (p, g): (&[f32], &[f32]), [m, v]: [&mut [f32]; 2]) -> [f64; 2] {
    let mut sums = [[0.0f64; BLOCK_SUMS]; 2];
    vectorized!(isa, |terms: Terms,
                      p: &[f32],
                      g: &[f32],
                      m: &mut [f32],
                      v: &mut [f32],
                      sums: &mut [[f64; BLOCK_SUMS]; 2]| {
        let lamb = &terms.lamb;
        for ((g, m), v) in g.iter().zip(&mut *m).zip(&mut *v) {
            let g = g * lamb.scale;
            *m = lamb.beta1 * *m + terms.rests[0] * g;
            *v = lamb.beta2 * *v + terms.rests[1] * g * g;
        }
        let [weights, changes] = sums;
        let parts = p.chunks(BLOCK_SUMS).zip(m.chunks(BLOCK_SUMS)).zip(v.chunks(BLOCK_SUMS));
        for ((p, m), v) in parts {
            let elements = p.iter().zip(m).zip(v);
            for (((p, m), v), (weight, step)) in elements.zip(weights.iter_mut().zip(changes.iter_mut())) {
                let change = f64::from(change(&terms, *p, *m, *v));
                *weight += f64::from(*p) * f64::from(*p);
                *step += change * change;
            }
        }
    }(
        terms, p, g, m, v, &mut sums
    ));
    sums.map(|sums| sums.iter().fold(0.0, |sum, x| sum + x))
}

fn move_by(isa: Isa, terms: Terms, rate: f32, p: &mut [f32], [m, v]: [&[f32]; 2]) {
    vectorized!(isa, |terms: Terms, rate: f32, p: &mut [f32], m: &[f32], v: &[f32]| {
        for ((p, m), v) in p.iter_mut().zip(m).zip(v) {
            *p -= rate * change(&terms, *p, *m, *v);
        }
    }(
        terms, rate, p, m, v
    ));
}
