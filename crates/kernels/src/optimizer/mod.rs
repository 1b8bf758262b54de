//! Parameter updates over flat buffers.
//!
//! [`Update`] is made element by element, so that parts of parameters can be updated apart. Rules that look at a whole
//! tensor have functions of their own: [`trust_ratio`] and [`lamb`] at its norm, [`muon`] at its singular vectors.

mod elementwise;
mod muon;
mod orthogonal;
mod rules;
mod trust;

use crate::arena::Pointer;
use crate::isa::Isa;
use crate::threads::Pool;
use crate::tuning::flat::LEAST_TASK_FLOATS;

pub use muon::{Muon, MuonMatrix, muon};
pub use orthogonal::{NEWTON_SCHULZ, OrthogonalRoom, orthogonalize};
pub use rules::{Adagrad, Adam, Lion, Nadam, RmsProp, Sgd, rest};
pub use trust::{Lamb, lamb, trust_ratio};

use rules::NadamStep;

/// One update of parameters by their gradients, each element by its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update(Rule);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// With what the velocity takes of a gradient.
    Sgd(Sgd, f32),
    /// With the learning rate over the mean's bias, and one over the root of the squares' bias.
    Adam(Adam, f32, f32),
    Nadam(NadamStep),
    /// With what the means take of a gradient.
    RmsProp(RmsProp, f32),
    Adagrad(Adagrad),
    /// With what the step and the mean take of a gradient.
    Lion(Lion, [f32; 2]),
}

impl Update {
    /// The most buffers that a rule keeps.
    pub const MOST_MOMENTS: usize = 3;

    /// Buffers of the parameters' length that it keeps; they start at zero. In order: of SGD the velocity; of Adam and NAdam
    /// the mean and the mean square of gradients, and for AMSGrad the largest of the latter; of RMSprop the mean square, the
    /// mean if it is centered, the velocity if there is momentum; of Adagrad the sum of squares, which may start higher; of
    /// Lion the mean.
    pub fn moments(&self) -> usize {
        match self.0 {
            Rule::Sgd(Sgd { momentum: 0.0, .. }, _) => 0,
            Rule::Sgd(..) | Rule::Adagrad(_) | Rule::Lion(..) => 1,
            Rule::Adam(Adam { amsgrad, .. }, ..) => 2 + usize::from(amsgrad),
            Rule::Nadam(_) => 2,
            Rule::RmsProp(RmsProp { momentum, centered, .. }, _) => {
                1 + usize::from(centered) + usize::from(momentum > 0.0)
            }
        }
    }

    /// Updates parameters and moments in place.
    ///
    /// # Panics
    /// If there are fewer moments than [`Update::moments`], or lengths differ.
    pub fn apply(
        &self,
        pool: &Pool,
        isa: Isa,
        parameters: &mut [f32],
        gradients: &[f32],
        moments: [&mut [f32]; Self::MOST_MOMENTS],
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
        moments: [&mut [f32]; Self::MOST_MOMENTS],
    ) -> [Pointer; Self::MOST_MOMENTS] {
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
        [first, second, third]: [Pointer; Self::MOST_MOMENTS],
        gradients: &[f32],
        range: std::ops::Range<usize>,
    ) {
        // SAFETY: the caller gives blocks that hold the range and that nothing else uses; of the moments only those are
        // touched that the rule keeps.
        unsafe {
            let part = |moment: Pointer| moment.slice_mut(range.clone());
            let p = parameters.slice_mut(range.clone());
            match self.0 {
                Rule::Sgd(sgd, _) if sgd.momentum == 0.0 => elementwise::descend(isa, sgd, p, gradients),
                Rule::Sgd(sgd, taken) => elementwise::roll(isa, (sgd, taken), p, gradients, part(first)),
                Rule::Adam(adam, rate, root) if adam.amsgrad => {
                    let moments = [part(first), part(second), part(third)];
                    elementwise::adapt_to_largest(isa, (adam, rate, root), p, gradients, moments);
                }
                Rule::Adam(adam, rate, root) => {
                    let moments = [part(first), part(second)];
                    elementwise::adapt(isa, (adam, rate, root), p, gradients, moments);
                }
                Rule::Nadam(step) => {
                    elementwise::look_ahead(isa, step, p, gradients, [part(first), part(second)]);
                }
                Rule::RmsProp(rule, taken) => {
                    let mean = rule.centered.then(|| part(second));
                    let velocity = if rule.centered { third } else { second };
                    let velocity = (rule.momentum > 0.0).then(|| part(velocity));
                    elementwise::by_root(isa, (rule, taken), p, gradients, (part(first), mean, velocity));
                }
                Rule::Adagrad(rule) => elementwise::by_sum(isa, rule, p, gradients, part(first)),
                Rule::Lion(rule, taken) => {
                    elementwise::by_sign(isa, (rule, taken), p, gradients, part(first));
                }
            }
        }
    }
}
