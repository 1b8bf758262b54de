//! Parameter updates over flat buffers.

use crate::arena::Pointer;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;

/// The fewest parameters worth a task of their own.
const LEAST: usize = 16_384;

/// Stochastic gradient descent as PyTorch defines it: g += decay·p; v = momentum·v + g (v = g at first);
/// p −= lr·v, or p −= lr·(g + momentum·v) with Nesterov.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// Share of the old velocity.
    pub momentum: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Whether the step looks ahead (Nesterov 1983).
    pub nesterov: bool,
}

impl Sgd {
    /// One update of parameters by gradients; `velocity` starts at zero and may be empty without momentum.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn step(
        self,
        pool: &Pool,
        isa: Isa,
        parameters: &mut [f32],
        gradients: &[f32],
        velocity: &mut [f32],
    ) {
        assert_eq!(parameters.len(), gradients.len(), "a gradient for each parameter");
        let plain = self.momentum == 0.0;
        assert!(plain || velocity.len() == parameters.len(), "a velocity for each parameter");
        let (p, v) = (Pointer::of(parameters), Pointer::of(velocity));
        pool.ranges(gradients.len(), LEAST, &|range| {
            let g = &gradients[range.clone()];
            // SAFETY: ranges are disjoint and inside the slices.
            let p = unsafe { p.slice_mut(range.clone()) };
            if plain {
                vectorized!(isa, |sgd: Sgd, p: &mut [f32], g: &[f32]| {
                    for (p, g) in p.iter_mut().zip(g) {
                        *p -= sgd.lr * (g + sgd.weight_decay * *p);
                    }
                }(self, p, g));
                return;
            }
            // SAFETY: as above.
            let v = unsafe { v.slice_mut(range) };
            vectorized!(isa, |sgd: Sgd, p: &mut [f32], g: &[f32], v: &mut [f32]| {
                let ahead = if sgd.nesterov { 1.0 } else { 0.0 };
                for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
                    let g = g + sgd.weight_decay * *p;
                    *v = sgd.momentum * *v + g;
                    let step = if ahead > 0.0 { g + sgd.momentum * *v } else { *v };
                    *p -= sgd.lr * step;
                }
            }(self, p, g, v));
        });
    }
}

/// Adam (Kingma and Ba 2015, algorithm 1), or AdamW with decoupled decay (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the latter.
    pub eps: f32,
    /// L2 penalty, or decoupled decay.
    pub weight_decay: f32,
    /// Whether decay acts on the parameters and not through the gradient.
    pub decoupled: bool,
}

impl Adam {
    /// Update number `step` (from 1) of parameters by gradients; both `means` start at zero.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn step(
        self,
        pool: &Pool,
        isa: Isa,
        step: u64,
        parameters: &mut [f32],
        gradients: &[f32],
        [mean, square]: [&mut [f32]; 2],
    ) {
        let len = parameters.len();
        assert!(gradients.len() == len && mean.len() == len && square.len() == len, "buffers of {len}");
        let power = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let rate = (f64::from(self.lr) / power(self.beta1)) as f32;
        let root = (1.0 / power(self.beta2).sqrt()) as f32;
        let (p, m, v) = (Pointer::of(parameters), Pointer::of(mean), Pointer::of(square));
        pool.ranges(len, LEAST, &|range| {
            let g = &gradients[range.clone()];
            // SAFETY: ranges are disjoint and inside the slices.
            let (p, m, v) =
                unsafe { (p.slice_mut(range.clone()), m.slice_mut(range.clone()), v.slice_mut(range)) };
            vectorized!(isa, |adam: Adam,
                              rate: f32,
                              root: f32,
                              p: &mut [f32],
                              g: &[f32],
                              m: &mut [f32],
                              v: &mut [f32]| {
                let (coupled, keep) = if adam.decoupled {
                    (0.0, 1.0 - adam.lr * adam.weight_decay)
                } else {
                    (adam.weight_decay, 1.0)
                };
                for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                    let g = g + coupled * *p;
                    *m = adam.beta1 * *m + (1.0 - adam.beta1) * g;
                    *v = adam.beta2 * *v + (1.0 - adam.beta2) * g * g;
                    *p = keep * *p - rate * *m / (v.sqrt() * root + adam.eps);
                }
            }(
                self, rate, root, p, g, m, v
            ));
        });
    }
}
