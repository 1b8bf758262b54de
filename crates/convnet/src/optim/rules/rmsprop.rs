use serde::{Deserialize, Serialize};

use super::{Rule, above_zero, below_one, from_zero};
use crate::optim::OptimizerError;

/// The gradient over the root of its mean square (Hinton 2012), as PyTorch's `RMSprop`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rmsprop {
    /// Decay of the mean square.
    pub alpha: f32,
    /// Added to its root.
    pub eps: f32,
    /// What is kept of the last update.
    pub momentum: f32,
    /// Whether the variance of the gradient takes the place of its mean square (Graves 2013).
    pub centered: bool,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f32,
}

impl Default for Rmsprop {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false, weight_decay: 0.0 }
    }
}

impl Rule for Rmsprop {
    const NAME: &'static str = "rmsprop";
    const TITLE: &'static str = "RMSprop";
    const SUMMARY: &'static str = "the gradient over the root of its mean square";
    const USUAL_LR: f64 = 0.001;

    fn check(&self) -> Result<(), OptimizerError> {
        below_one("alpha", self.alpha)?;
        above_zero("eps", self.eps)?;
        below_one("momentum", self.momentum)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["square_avg"],
            (false, true) => &["square_avg", "momentum_buffer"],
            (true, false) => &["square_avg", "grad_avg"],
            (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
        }
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
