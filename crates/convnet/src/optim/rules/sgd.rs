use serde::{Deserialize, Serialize};

use super::{Rule, check_momentum, from_zero};
use crate::optim::OptimizerError;

/// Stochastic gradient descent with momentum, as PyTorch's `SGD`; its momentum is 0.9 where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// What is kept of the last update.
    pub momentum: f32,
    /// What of the gradient is left out of the momentum, after the first step.
    #[serde(skip_serializing_if = "is_zero")]
    pub dampening: f32,
    /// Nesterov's momentum: the gradient is looked up ahead (Sutskever et al. 2013).
    pub nesterov: bool,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f32,
}

fn is_zero(x: &f32) -> bool {
    *x == 0.0
}

impl Default for Sgd {
    fn default() -> Self {
        Self { momentum: 0.9, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl Sgd {
    /// Without momentum.
    pub fn plain() -> Self {
        Self { momentum: 0.0, ..Self::default() }
    }
}

impl Rule for Sgd {
    const NAME: &'static str = "sgd";
    const TITLE: &'static str = "SGD";
    const SUMMARY: &'static str = "gradient descent with momentum";
    const USUAL_LR: f64 = 0.05;

    fn check(&self) -> Result<(), OptimizerError> {
        check_momentum(self.momentum, self.dampening, self.nesterov)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn scalars(&self) -> &'static [&'static str] {
        // The first update is not dampened.
        if self.dampening == 0.0 { &[] } else { &["step"] }
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
