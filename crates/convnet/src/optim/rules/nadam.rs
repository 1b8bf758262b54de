use serde::{Deserialize, Serialize};

use super::adam::check_means;
use super::{Rule, from_zero};
use crate::optim::OptimizerError;

/// Adam with Nesterov's momentum (Dozat 2016), as PyTorch's `NAdam`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nadam {
    /// Decay of the gradient's mean.
    pub beta1: f32,
    /// Decay of the squared gradient's mean.
    pub beta2: f32,
    /// Added to the root of the squared gradient's mean.
    pub eps: f32,
    /// L2 penalty, or what a step at a learning rate of 1 takes off each weight.
    pub weight_decay: f32,
    /// How fast the momentum grows to β₁: it is β₁·(1 − ½·0.96^(step·decay)).
    pub momentum_decay: f32,
    /// Whether the weight decay is apart from the gradient, as AdamW's.
    pub decoupled_weight_decay: bool,
}

impl Default for Nadam {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 0.004,
            decoupled_weight_decay: false,
        }
    }
}

impl Rule for Nadam {
    const NAME: &'static str = "nadam";
    const TITLE: &'static str = "NAdam";
    const SUMMARY: &'static str = "Adam with Nesterov's momentum";
    const USUAL_LR: f64 = 0.002;

    fn check(&self) -> Result<(), OptimizerError> {
        check_means(self.beta1, self.beta2, self.eps)?;
        from_zero("momentum_decay", self.momentum_decay)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["step", "mu_product"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
