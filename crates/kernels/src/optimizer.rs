//! Parameter updates over flat buffers.

use crate::arena::Pointer;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::flat::LEAST_TASK_FLOATS;

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

/// One update of parameters by their gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update(Rule);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Sgd(Sgd),
    /// With the learning rate over the mean's bias, and one over the root of the squares' bias.
    Adam(Adam, f32, f32),
}

impl Update {
    /// An update by stochastic gradient descent.
    pub fn sgd(sgd: Sgd) -> Self {
        Self(Rule::Sgd(sgd))
    }

    /// Update number `step`, from 1, by Adam: its means are corrected for their start at zero.
    pub fn adam(adam: Adam, step: u64) -> Self {
        let power = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let rate = (f64::from(adam.lr) / power(adam.beta1)) as f32;
        let root = (1.0 / power(adam.beta2).sqrt()) as f32;
        Self(Rule::Adam(adam, rate, root))
    }

    /// Buffers of the parameters' length that it keeps; they start at zero.
    pub fn moments(&self) -> usize {
        match self.0 {
            Rule::Sgd(Sgd { momentum: 0.0, .. }) => 0,
            Rule::Sgd(_) => 1,
            Rule::Adam(..) => 2,
        }
    }

    /// Updates parameters and moments (the velocity, or the mean and the mean square) in place.
    ///
    /// # Panics
    /// If there are fewer moments than [`Update::moments`], or lengths differ.
    pub fn apply(
        &self,
        pool: &Pool,
        isa: Isa,
        parameters: &mut [f32],
        gradients: &[f32],
        moments: [&mut [f32]; 2],
    ) {
        let moments = self.check(parameters.len(), gradients.len(), moments);
        let parameters = Pointer::of(parameters);
        pool.ranges(gradients.len(), LEAST_TASK_FLOATS, &|range| {
            // SAFETY: `ranges` gives parts of `0..gradients.len()` that share nothing; `check` has the parameters and
            // the moments of that length, and they are borrowed for the call.
            unsafe { self.part(isa, parameters, moments, &gradients[range.clone()], range) };
        });
    }

    /// Checks the lengths of all buffers, and shares those of the moments.
    pub(crate) fn check(
        &self,
        parameters: usize,
        gradients: usize,
        moments: [&mut [f32]; 2],
    ) -> [Pointer; 2] {
        assert_eq!(parameters, gradients, "a gradient for each parameter");
        let lengths = moments.iter().take(self.moments()).all(|moment| moment.len() == parameters);
        assert!(lengths, "{} moments of {parameters} numbers", self.moments());
        moments.map(Pointer::of)
    }

    /// Updates the part `range` by its gradients.
    ///
    /// # Safety
    /// `parameters` and as many of the moments as [`Update::moments`] says are blocks that hold `range`, and nothing
    /// else uses that part of them meanwhile.
    pub(crate) unsafe fn part(
        &self,
        isa: Isa,
        parameters: Pointer,
        [first, second]: [Pointer; 2],
        gradients: &[f32],
        range: std::ops::Range<usize>,
    ) {
        // SAFETY: the caller gives blocks that hold the range and that nothing else uses; of the moments only those are
        // touched that the rule keeps.
        unsafe {
            let p = parameters.slice_mut(range.clone());
            match self.0 {
                Rule::Sgd(sgd) if sgd.momentum == 0.0 => descend(isa, sgd, p, gradients),
                Rule::Sgd(sgd) => roll(isa, sgd, p, gradients, first.slice_mut(range)),
                Rule::Adam(adam, rate, root) => {
                    let moments = [first.slice_mut(range.clone()), second.slice_mut(range)];
                    adapt(isa, (adam, rate, root), p, gradients, moments);
                }
            }
        }
    }
}

fn descend(isa: Isa, sgd: Sgd, p: &mut [f32], g: &[f32]) {
    vectorized!(isa, |sgd: Sgd, p: &mut [f32], g: &[f32]| {
        for (p, g) in p.iter_mut().zip(g) {
            *p -= sgd.lr * (g + sgd.weight_decay * *p);
        }
    }(sgd, p, g));
}

fn roll(isa: Isa, sgd: Sgd, p: &mut [f32], g: &[f32], v: &mut [f32]) {
    vectorized!(isa, |sgd: Sgd, p: &mut [f32], g: &[f32], v: &mut [f32]| {
        let ahead = if sgd.nesterov { 1.0 } else { 0.0 };
        for ((p, g), v) in p.iter_mut().zip(g).zip(v) {
            let g = g + sgd.weight_decay * *p;
            *v = sgd.momentum * *v + g;
            let step = if ahead > 0.0 { g + sgd.momentum * *v } else { *v };
            *p -= sgd.lr * step;
        }
    }(sgd, p, g, v));
}

fn adapt(isa: Isa, (adam, rate, root): (Adam, f32, f32), p: &mut [f32], g: &[f32], [m, v]: [&mut [f32]; 2]) {
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
