use serde::{Deserialize, Serialize};

use super::{Rule, below_one, from_zero};
use crate::optim::OptimizerError;

/// The sign of a mean of gradients (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms"), as timm's `Lion`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lion {
    /// What of the mean the step takes beside the gradient.
    pub beta1: f32,
    /// Decay of the mean that is kept.
    pub beta2: f32,
    /// What a step at a learning rate of 1 takes off each weight.
    pub weight_decay: f32,
}

impl Default for Lion {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl Rule for Lion {
    const NAME: &'static str = "lion";
    const TITLE: &'static str = "Lion";
    const SUMMARY: &'static str = "steps of one size, by the sign of a mean of gradients";
    const USUAL_LR: f64 = 0.0002;

    fn check(&self) -> Result<(), OptimizerError> {
        below_one("beta1", self.beta1)?;
        below_one("beta2", self.beta2)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        &["exp_avg"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
