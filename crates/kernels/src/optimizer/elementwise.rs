//! The loops of the rules that are applied element by element.

use super::rules::NadamStep;
use super::{Adagrad, Adam, Lion, RmsProp, Sgd};
use crate::isa::Isa;
use crate::simd::vectorized;

pub(super) fn descend(isa: Isa, sgd: Sgd, p: &mut [f32], g: &[f32]) {
    vectorized!(isa, |sgd: Sgd, p: &mut [f32], g: &[f32]| {
        for (p, g) in p.iter_mut().zip(g) {
            *p -= sgd.lr * (sgd.trust * (g + sgd.weight_decay * *p));
        }
    }(sgd, p, g));
}

pub(super) fn roll(isa: Isa, (sgd, taken): (Sgd, f32), p: &mut [f32], g: &[f32], v: &mut [f32]) {
    let ahead = if sgd.nesterov { 1.0 } else { 0.0 };
    vectorized!(isa, |sgd: Sgd, ahead: f32, taken: f32, p: &mut [f32], g: &[f32], v: &mut [f32]| {
        for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
            let g = sgd.trust * (g + sgd.weight_decay * *p);
            *v = sgd.momentum * *v + taken * g;
            let step = if ahead > 0.0 { g + sgd.momentum * *v } else { *v };
            *p -= sgd.lr * step;
        }
    }(
        sgd, ahead, taken, p, g, v
    ));
}

pub(super) fn adapt(
    isa: Isa,
    (adam, rate, root): (Adam, f32, f32),
    p: &mut [f32],
    g: &[f32],
    [m, v]: [&mut [f32]; 2],
) {
    vectorized!(isa, |adam: Adam,
                      rate: f32,
                      root: f32,
                      p: &mut [f32],
                      g: &[f32],
                      m: &mut [f32],
                      v: &mut [f32]| {
        let (coupled, keep) =
            if adam.decoupled { (0.0, 1.0 - adam.lr * adam.weight_decay) } else { (adam.weight_decay, 1.0) };
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = g + coupled * *p;
            *m = adam.beta1 * *m + (1.0 - adam.beta1) * g;
            *v = adam.beta2 * *v + (1.0 - adam.beta2) * g * g;
            *p = keep * *p - rate * *m / (v.sqrt() * root + adam.eps);
        }
    }(adam, rate, root, p, g, m, v));
}

pub(super) fn adapt_to_largest(
    isa: Isa,
    adam: (Adam, f32, f32),
    p: &mut [f32],
    g: &[f32],
    [m, v, largest]: [&mut [f32]; 3],
) {
    vectorized!(isa, |adam: (Adam, f32, f32),
                      p: &mut [f32],
                      g: &[f32],
                      m: &mut [f32],
                      v: &mut [f32],
                      largest: &mut [f32]| {
        let (adam, rate, root) = adam;
        let (coupled, keep) =
            if adam.decoupled { (0.0, 1.0 - adam.lr * adam.weight_decay) } else { (adam.weight_decay, 1.0) };
        for ((((p, g), m), v), largest) in p.iter_mut().zip(g).zip(m).zip(v).zip(largest) {
            let g = g + coupled * *p;
            *m = adam.beta1 * *m + (1.0 - adam.beta1) * g;
            *v = adam.beta2 * *v + (1.0 - adam.beta2) * g * g;
            *largest = largest.max(*v);
            *p = keep * *p - rate * *m / (largest.sqrt() * root + adam.eps);
        }
    }(adam, p, g, m, v, largest));
}

pub(super) fn look_ahead(isa: Isa, step: NadamStep, p: &mut [f32], g: &[f32], [m, v]: [&mut [f32]; 2]) {
    vectorized!(isa, |step: NadamStep, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]| {
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = g + step.coupled * *p;
            *m = step.beta1 * *m + step.rests[0] * g;
            *v = step.beta2 * *v + step.rests[1] * g * g;
            let change = step.of_gradient * g + step.of_mean * *m;
            *p -= step.decay * *p + change / (v.sqrt() * step.root + step.eps);
        }
    }(
        step, p, g, m, v
    ));
}

/// Floats that RMSprop works on at a time, between its loops.
const CHUNK: usize = 256;

/// RMSprop, whose buffers are the mean square, the mean and the velocity.
pub(super) fn by_root(
    isa: Isa,
    (rule, taken): (RmsProp, f32),
    p: &mut [f32],
    g: &[f32],
    (square, mut mean, mut velocity): (&mut [f32], Option<&mut [f32]>, Option<&mut [f32]>),
) {
    let chunks = p.chunks_mut(CHUNK).zip(g.chunks(CHUNK)).zip(square.chunks_mut(CHUNK));
    for (i, ((p, g), square)) in chunks.enumerate() {
        let range = i * CHUNK..i * CHUNK + p.len();
        // The gradient with its penalty, then the step; and what is under the root.
        let (mut step, mut under) = ([0.0; CHUNK], [0.0; CHUNK]);
        let (step, under) = (&mut step[..p.len()], &mut under[..p.len()]);
        vectorized!(isa, |rule: RmsProp,
                          taken: f32,
                          p: &[f32],
                          g: &[f32],
                          square: &mut [f32],
                          step: &mut [f32],
                          under: &mut [f32]| {
            for ((((p, g), square), step), under) in p.iter().zip(g).zip(square).zip(step).zip(under) {
                *step = g + rule.weight_decay * p;
                *square = rule.alpha * *square + taken * *step * *step;
                *under = *square;
            }
        }(
            rule, taken, p, g, square, step, under
        ));
        if let Some(mean) = &mut mean {
            vectorized!(isa, |rule: RmsProp,
                              taken: f32,
                              step: &[f32],
                              mean: &mut [f32],
                              under: &mut [f32]| {
                for ((step, mean), under) in step.iter().zip(mean).zip(under) {
                    *mean = rule.alpha * *mean + taken * step;
                    *under = (*under - *mean * *mean).max(0.0);
                }
            }(
                rule,
                taken,
                step,
                &mut mean[range.clone()],
                under
            ));
        }
        vectorized!(isa, |eps: f32, step: &mut [f32], under: &[f32]| {
            for (step, under) in step.iter_mut().zip(under) {
                *step /= under.sqrt() + eps;
            }
        }(rule.eps, step, under));
        if let Some(velocity) = &mut velocity {
            vectorized!(isa, |momentum: f32, step: &mut [f32], velocity: &mut [f32]| {
                for (step, velocity) in step.iter_mut().zip(velocity) {
                    *velocity = momentum * *velocity + *step;
                    *step = *velocity;
                }
            }(
                rule.momentum,
                step,
                &mut velocity[range]
            ));
        }
        vectorized!(isa, |lr: f32, p: &mut [f32], step: &[f32]| {
            for (p, step) in p.iter_mut().zip(step) {
                *p -= lr * step;
            }
        }(rule.lr, p, step));
    }
}

pub(super) fn by_sum(isa: Isa, rule: Adagrad, p: &mut [f32], g: &[f32], sum: &mut [f32]) {
    vectorized!(isa, |rule: Adagrad, p: &mut [f32], g: &[f32], sum: &mut [f32]| {
        for ((p, g), sum) in p.iter_mut().zip(g).zip(sum) {
            let g = g + rule.weight_decay * *p;
            *sum += g * g;
            *p -= rule.lr * g / (sum.sqrt() + rule.eps);
        }
    }(rule, p, g, sum));
}

pub(super) fn by_sign(
    isa: Isa,
    (rule, [rest1, rest2]): (Lion, [f32; 2]),
    p: &mut [f32],
    g: &[f32],
    m: &mut [f32],
) {
    let decay = rule.lr * rule.weight_decay;
    vectorized!(isa, |rule: Lion,
                      rest1: f32,
                      rest2: f32,
                      decay: f32,
                      p: &mut [f32],
                      g: &[f32],
                      m: &mut [f32]| {
        for ((p, g), m) in p.iter_mut().zip(g).zip(m) {
            let mean = rule.beta1 * *m + rest1 * g;
            // The sign of 0 is 0, and NaN stays.
            let sign = if mean > 0.0 {
                1.0
            } else if mean < 0.0 {
                -1.0
            } else {
                mean
            };
            *p -= decay * *p + rule.lr * sign;
            *m = rule.beta2 * *m + rest2 * g;
        }
    }(rule, rest1, rest2, decay, p, g, m));
}
