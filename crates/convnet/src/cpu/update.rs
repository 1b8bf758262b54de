//! How a parameter is updated: element by element, or by a look at its whole tensor.

use convnet_kernels::{
    self as kernels, Adagrad, Adam, Isa, Lamb, Lion, Muon, MuonMatrix, OrthogonalRoom, Pool, RmsProp, Sgd,
    Update,
};

use super::table::Parameter;
use crate::ops::ParamSpec;
use crate::optim::{Lars, Optimizer, Setting};
use crate::tracked::{Tracked, nadam};

impl Tracked {
    /// How the parameter is updated next; `None` where it stays as it is.
    pub(super) fn step(&self, spec: &ParamSpec, setting: Setting, rate: f32) -> Option<Step> {
        let Setting { rate: factor, weight_decay, frozen } = setting;
        if frozen {
            return None;
        }
        let rule = weight_decay.map_or(self.rule, |decay| self.rule.with_weight_decay(decay));
        let (lr, step) = (rate * factor * self.factor, self.count + 1);
        Some(match rule {
            Optimizer::Sgd(rule) => {
                let dampening = if self.count == 0 { 0.0 } else { rule.dampening };
                let (momentum, nesterov, weight_decay) = (rule.momentum, rule.nesterov, rule.weight_decay);
                let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov, trust: 1.0 };
                Step::Elements(Update::sgd(sgd))
            }
            Optimizer::Adam(rule) => {
                let (beta1, beta2, eps, weight_decay) = (rule.beta1, rule.beta2, rule.eps, rule.weight_decay);
                let (decoupled, amsgrad) = (false, rule.amsgrad);
                let adam = Adam { lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad };
                Step::Elements(Update::adam(adam, step))
            }
            Optimizer::Adamw(rule) => {
                let (beta1, beta2, eps, weight_decay) = (rule.beta1, rule.beta2, rule.eps, rule.weight_decay);
                let (decoupled, amsgrad) = (true, rule.amsgrad);
                let adam = Adam { lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad };
                Step::Elements(Update::adam(adam, step))
            }
            Optimizer::Nadam(rule) => {
                Step::Elements(Update::nadam(nadam(rule, lr), step, self.next_product()))
            }
            Optimizer::Rmsprop(rule) => {
                let (alpha, eps, weight_decay) = (rule.alpha, rule.eps, rule.weight_decay);
                let (momentum, centered) = (rule.momentum, rule.centered);
                let rmsprop = RmsProp { lr, alpha, eps, weight_decay, momentum, centered };
                Step::Elements(Update::rmsprop(rmsprop))
            }
            Optimizer::Adagrad(rule) => {
                let (lr_decay, eps, weight_decay) = (rule.lr_decay, rule.eps, rule.weight_decay);
                Step::Elements(Update::adagrad(Adagrad { lr, lr_decay, eps, weight_decay }, step))
            }
            Optimizer::Lion(rule) => {
                let (beta1, beta2, weight_decay) = (rule.beta1, rule.beta2, rule.weight_decay);
                Step::Elements(Update::lion(Lion { lr, beta1, beta2, weight_decay }))
            }
            Optimizer::Lamb(rule) => {
                let (beta1, beta2, eps, weight_decay) = (rule.beta1, rule.beta2, rule.eps, rule.weight_decay);
                let (adapt, clip) = (weight_decay != 0.0 || rule.always_adapt, rule.trust_clip);
                let lamb = Lamb { lr, beta1, beta2, eps, weight_decay, scale: 1.0, adapt, clip };
                Step::Lamb(lamb, step)
            }
            Optimizer::Lars(rule) => {
                let dampening = if self.count == 0 { 0.0 } else { rule.dampening };
                Step::Lars(Lars { dampening, ..rule }, lr)
            }
            Optimizer::Muon(rule) => {
                let outputs = spec.shape.first().copied().unwrap_or(1);
                let inputs = spec.elements() / outputs.max(1);
                Step::Muon(Muon {
                    lr,
                    weight_decay: rule.weight_decay,
                    momentum: rule.momentum,
                    nesterov: rule.nesterov,
                    steps: rule.ns_steps as usize,
                    eps: rule.eps,
                    scale: rule.adjust.factor(outputs, inputs),
                })
            }
        })
    }
}

/// The next update of a parameter.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Each element by its own gradient.
    Elements(Update),
    /// By the norms of the tensor and of its gradient, at a rate.
    Lars(Lars, f32),
    /// By the norms of the tensor and of its step.
    Lamb(Lamb, u64),
    /// By a matrix.
    Muon(Muon),
}

/// A parameter, its gradient and what the rule keeps of it.
pub(super) struct Tensors<'a> {
    pub(super) parameters: &'a mut [f32],
    pub(super) gradients: &'a [f32],
    pub(super) moments: [&'a mut [f32]; Update::MOST_MOMENTS],
    /// How it lies, if it is a matrix.
    pub(super) layout: Option<MuonMatrix>,
    /// What LAMB multiplies the gradients with.
    pub(super) scale: f32,
}

impl Step {
    /// The update, if it is one that may be made element by element.
    pub(super) fn elements(&self) -> Option<Update> {
        match self {
            Self::Elements(update) => Some(*update),
            Self::Lars(..) | Self::Lamb(..) | Self::Muon(_) => None,
        }
    }

    /// Updates a whole tensor.
    pub(super) fn apply(&self, pool: &Pool, isa: Isa, room: &mut OrthogonalRoom, tensors: Tensors<'_>) {
        let Tensors { parameters, gradients, moments, layout, scale } = tensors;
        match *self {
            Self::Elements(update) => update.apply(pool, isa, parameters, gradients, moments),
            Self::Lars(rule, lr) => {
                let Lars { momentum, dampening, nesterov, weight_decay, trust_coeff, eps, .. } = rule;
                let adapt = weight_decay != 0.0 || rule.always_adapt;
                let settings = (trust_coeff, weight_decay, eps);
                let clip = rule.trust_clip.then_some(lr);
                let ratio = || kernels::trust_ratio(pool, isa, [&*parameters, gradients], settings, clip);
                let trust = if adapt { ratio() } else { 1.0 };
                let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov, trust };
                Update::sgd(sgd).apply(pool, isa, parameters, gradients, moments);
            }
            Self::Lamb(lamb, step) => {
                let [mean, square, _] = moments;
                let lamb = Lamb { scale, ..lamb };
                kernels::lamb(pool, isa, (lamb, step), parameters, gradients, [mean, square]);
            }
            Self::Muon(muon) => {
                let [velocity, ..] = moments;
                let layout = layout.unwrap_or_else(|| unreachable!("convolutions and Linear are matrices"));
                kernels::muon(pool, isa, (muon, layout), room, [parameters, velocity], gradients);
            }
        }
    }
}

/// The floats of the room for the largest matrix that Muon updates; `None` if their number overflows.
pub(super) fn room(isa: Isa, table: &[Parameter], tracked: &[Tracked]) -> Option<[usize; 2]> {
    let mut most = [0; 2];
    let muon = |(parameter, tracked): &(&Parameter, &Tracked)| {
        !parameter.frozen && matches!(tracked.rule, Optimizer::Muon(_))
    };
    for (parameter, _) in table.iter().zip(tracked).filter(muon) {
        if let Some(layout) = parameter.layout() {
            let room = layout.room(isa)?;
            most = [most[0].max(room[0]), most[1].max(room[1])];
        }
    }
    Some(most)
}
