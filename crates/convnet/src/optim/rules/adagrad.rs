use serde::{Deserialize, Serialize};

use super::{Rule, above_zero, from_zero};
use crate::optim::OptimizerError;

/// The gradient over the root of the sum of its squares (Duchi, Hazan and Singer 2011), as PyTorch's `Adagrad`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    /// A step's rate is the learning rate over 1 + (step − 1)·decay.
    pub lr_decay: f32,
    /// What the sum starts at.
    pub initial_accumulator_value: f32,
    /// Added to the root.
    pub eps: f32,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f32,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self { lr_decay: 0.0, initial_accumulator_value: 0.0, eps: 1e-10, weight_decay: 0.0 }
    }
}

impl Rule for Adagrad {
    const NAME: &'static str = "adagrad";
    const TITLE: &'static str = "Adagrad";
    const SUMMARY: &'static str = "the gradient over the root of the sum of its squares";
    const USUAL_LR: f64 = 0.01;

    fn check(&self) -> Result<(), OptimizerError> {
        from_zero("lr_decay", self.lr_decay)?;
        from_zero("initial_accumulator_value", self.initial_accumulator_value)?;
        above_zero("eps", self.eps)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["step"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
