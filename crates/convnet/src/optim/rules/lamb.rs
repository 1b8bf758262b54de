use serde::{Deserialize, Serialize};

use super::adam::check_means;
use super::{Rule, from_zero};
use crate::optim::OptimizerError;

/// Adam at a rate by the norm of each tensor (You et al. 2020), as timm's `Lamb`. A tensor without weight decay is updated at
/// the plain rate unless `always_adapt` is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lamb {
    /// Decay of the gradient's mean.
    pub beta1: f32,
    /// Decay of the squared gradient's mean.
    pub beta2: f32,
    /// Added to the root of the squared gradient's mean.
    pub eps: f32,
    /// What of the weights is added to the step.
    pub weight_decay: f32,
    /// The norm that all gradients together are brought down to, 0 for none.
    pub max_grad_norm: f32,
    /// Whether the ratio of norms is at most 1.
    pub trust_clip: bool,
    /// Whether tensors without weight decay go by their norm too.
    pub always_adapt: bool,
}

impl Default for Lamb {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-6,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            trust_clip: false,
            always_adapt: false,
        }
    }
}

impl Rule for Lamb {
    const NAME: &'static str = "lamb";
    const TITLE: &'static str = "LAMB";
    const SUMMARY: &'static str = "Adam at a rate by the norm of each tensor: large batches";
    const USUAL_LR: f64 = 0.005;

    fn check(&self) -> Result<(), OptimizerError> {
        check_means(self.beta1, self.beta2, self.eps)?;
        from_zero("max_grad_norm", self.max_grad_norm)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["step"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
