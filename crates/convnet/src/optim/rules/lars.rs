use serde::{Deserialize, Serialize};

use super::{Rule, above_zero, check_momentum, from_zero};
use crate::optim::OptimizerError;

/// SGD at a rate by the norms of each tensor and of its gradient (You, Gitman and Ginsburg 2017), as timm's `Lars`; momentum
/// and weight decay are the paper's. A tensor without weight decay is updated at the plain rate unless `always_adapt` is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lars {
    /// What is kept of the last update.
    pub momentum: f32,
    /// What of the gradient is left out of the momentum, after the first step.
    pub dampening: f32,
    /// Nesterov's momentum.
    pub nesterov: bool,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f32,
    /// What the ratio of norms is multiplied with.
    pub trust_coeff: f32,
    /// Added to the norm below.
    pub eps: f32,
    /// Whether the rate is at most that of the step (LARC).
    pub trust_clip: bool,
    /// Whether tensors without weight decay go by their norm too.
    pub always_adapt: bool,
}

impl Default for Lars {
    fn default() -> Self {
        Self {
            momentum: 0.9,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0005,
            trust_coeff: 0.001,
            eps: 1e-8,
            trust_clip: false,
            always_adapt: false,
        }
    }
}

impl Rule for Lars {
    const NAME: &'static str = "lars";
    const TITLE: &'static str = "LARS";
    const SUMMARY: &'static str = "SGD at a rate by the norm of each tensor: large batches";
    const USUAL_LR: f64 = 1.0;

    fn check(&self) -> Result<(), OptimizerError> {
        check_momentum(self.momentum, self.dampening, self.nesterov)?;
        above_zero("trust_coeff", self.trust_coeff)?;
        from_zero("eps", self.eps)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn scalars(&self) -> &'static [&'static str] {
        if self.dampening == 0.0 { &[] } else { &["step"] }
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
