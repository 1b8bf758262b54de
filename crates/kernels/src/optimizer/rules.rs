//! The settings of updates that are made element by element, and what a step makes of them.

use super::{Rule, Update};

/// Stochastic gradient descent as PyTorch defines it: g = trust·(g + decay·p); v = momentum·v + (1 − dampening)·g, v = g at
/// first; p −= lr·v, or p −= lr·(g + momentum·v) with Nesterov.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f32,
    /// Share of the old velocity.
    pub momentum: f32,
    /// What of the gradient the velocity does not take in; 0 for the first update.
    pub dampening: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Whether the step looks ahead (Nesterov 1983).
    pub nesterov: bool,
    /// What the gradient and its penalty are multiplied with: 1, or the trust ratio of LARS.
    pub trust: f32,
}

impl Default for Sgd {
    /// Plain descent at a rate of 0.
    fn default() -> Self {
        Self { lr: 0.0, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, trust: 1.0 }
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
    /// Whether the largest mean square so far divides (Reddi, Kale and Kumar 2018).
    pub amsgrad: bool,
}

/// Adam with Nesterov's momentum (Dozat 2016) as PyTorch defines it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nadam {
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
    /// How fast the momentum of a step, μ = β₁·(1 − ½·0.96^(step·decay)), comes near β₁.
    pub momentum_decay: f32,
}

impl Nadam {
    /// The momentum of a step, from 1.
    pub fn momentum(&self, step: u64) -> f64 {
        let warm = 0.96f64.powf(step as f64 * decimal(self.momentum_decay));
        decimal(self.beta1) * (1.0 - 0.5 * warm)
    }
}

/// RMSprop (Hinton 2012) as PyTorch defines it: the gradient over the root of its mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the mean square.
    pub alpha: f32,
    /// Added to its root.
    pub eps: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Share of the old velocity.
    pub momentum: f32,
    /// Whether the square of the mean is taken off the mean square, which gives the variance (Graves 2013); never less
    /// than 0.
    pub centered: bool,
}

/// Adagrad (Duchi, Hazan and Singer 2011) as PyTorch defines it: the gradient over the root of the sum of its squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate.
    pub lr: f32,
    /// The rate of a step is lr / (1 + (step − 1)·decay).
    pub lr_decay: f32,
    /// Added to the root.
    pub eps: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// Lion (Chen et al. 2023): the sign of a mean of gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// Learning rate.
    pub lr: f32,
    /// What of the mean the step takes beside the gradient.
    pub beta1: f32,
    /// Decay of the mean that is kept.
    pub beta2: f32,
    /// Decoupled decay.
    pub weight_decay: f32,
}

/// The number that a setting was written as: 0.999 as float32 is off by so much that one less it is off by 1e-5.
pub(super) fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

/// What a decay leaves out: 1 − β, of the decay as it was written: 0.001 for 0.999.
pub fn rest(decay: f32) -> f32 {
    (1.0 - decimal(decay)) as f32
}

/// What `step` updates of a mean have taken in: 1 − βˢᵗᵉᵖ.
pub(super) fn taken_in(decay: f32, step: u64) -> f64 {
    1.0 - decimal(decay).powf(step as f64)
}

/// The factors of an update by [`Nadam`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NadamStep {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    /// 1 − β of each.
    pub(super) rests: [f32; 2],
    /// The L2 penalty, and what decoupled decay takes off a parameter: not 1 less it, which is rounded by more.
    pub(super) coupled: f32,
    pub(super) decay: f32,
    /// What the gradient and the mean are multiplied with.
    pub(super) of_gradient: f32,
    pub(super) of_mean: f32,
    /// One over the root of the squares' bias.
    pub(super) root: f32,
    pub(super) eps: f32,
}

impl Update {
    /// An update by stochastic gradient descent.
    pub fn sgd(sgd: Sgd) -> Self {
        Self(Rule::Sgd(sgd, rest(sgd.dampening)))
    }

    /// Update number `step`, from 1, by Adam: its means are corrected for their start at zero.
    pub fn adam(adam: Adam, step: u64) -> Self {
        let power = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let rate = (f64::from(adam.lr) / power(adam.beta1)) as f32;
        let root = (1.0 / power(adam.beta2).sqrt()) as f32;
        Self(Rule::Adam(adam, rate, root))
    }

    /// Update number `step`, from 1; `product` is that of the momenta of all updates up to this one.
    pub fn nadam(nadam: Nadam, step: u64, product: f32) -> Self {
        let Nadam { lr, beta1, beta2, eps, weight_decay, decoupled, .. } = nadam;
        let (lr, product) = (f64::from(lr), f64::from(product));
        let next = nadam.momentum(step + 1);
        let decay = (lr * f64::from(weight_decay)) as f32;
        Self(Rule::Nadam(NadamStep {
            beta1,
            beta2,
            rests: [rest(beta1), rest(beta2)],
            coupled: if decoupled { 0.0 } else { weight_decay },
            decay: if decoupled { decay } else { 0.0 },
            of_gradient: (lr * (1.0 - nadam.momentum(step)) / (1.0 - product)) as f32,
            of_mean: (lr * next / (1.0 - product * next)) as f32,
            root: (1.0 / taken_in(beta2, step).sqrt()) as f32,
            eps,
        }))
    }

    /// An update by RMSprop.
    pub fn rmsprop(rmsprop: RmsProp) -> Self {
        Self(Rule::RmsProp(rmsprop, rest(rmsprop.alpha)))
    }

    /// Update number `step`, from 1, by Adagrad.
    pub fn adagrad(adagrad: Adagrad, step: u64) -> Self {
        let fallen = 1.0 + step.saturating_sub(1) as f64 * f64::from(adagrad.lr_decay);
        Self(Rule::Adagrad(Adagrad { lr: (f64::from(adagrad.lr) / fallen) as f32, ..adagrad }))
    }

    /// An update by Lion.
    pub fn lion(lion: Lion) -> Self {
        Self(Rule::Lion(lion, [rest(lion.beta1), rest(lion.beta2)]))
    }
}
