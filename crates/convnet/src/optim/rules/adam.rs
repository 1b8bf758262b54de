use serde::{Deserialize, Serialize};

use super::{Rule, above_zero, below_one, from_zero};
use crate::optim::OptimizerError;

/// Adam (Kingma and Ba 2015), as PyTorch's `Adam`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Decay of the gradient's mean.
    pub beta1: f32,
    /// Decay of the squared gradient's mean.
    pub beta2: f32,
    /// Added to the root of the squared gradient's mean.
    pub eps: f32,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f32,
    /// Whether the largest mean so far divides (Reddi, Kale and Kumar 2018).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub amsgrad: bool,
}

/// Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019), as PyTorch's `AdamW`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adamw {
    /// Decay of the gradient's mean.
    pub beta1: f32,
    /// Decay of the squared gradient's mean.
    pub beta2: f32,
    /// Added to the root of the squared gradient's mean.
    pub eps: f32,
    /// What a step at a learning rate of 1 takes off each weight.
    pub weight_decay: f32,
    /// Whether the largest mean so far divides (Reddi, Kale and Kumar 2018).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, amsgrad: false }
    }
}

impl Default for Adamw {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, amsgrad: false }
    }
}

/// Refuses decays of means, and an epsilon, that cannot be followed.
pub(super) fn check_means(beta1: f32, beta2: f32, eps: f32) -> Result<(), OptimizerError> {
    below_one("beta1", beta1)?;
    below_one("beta2", beta2)?;
    above_zero("eps", eps)
}

fn buffers(amsgrad: bool) -> &'static [&'static str] {
    if amsgrad { &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] } else { &["exp_avg", "exp_avg_sq"] }
}

impl Rule for Adam {
    const NAME: &'static str = "adam";
    const TITLE: &'static str = "Adam";
    const SUMMARY: &'static str = "steps of a size of their own for each weight";
    const USUAL_LR: f64 = 0.002;

    fn check(&self) -> Result<(), OptimizerError> {
        check_means(self.beta1, self.beta2, self.eps)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        buffers(self.amsgrad)
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["step"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}

impl Rule for Adamw {
    const NAME: &'static str = "adamw";
    const TITLE: &'static str = "AdamW";
    const SUMMARY: &'static str = "Adam with the weight decay apart from the gradient";
    const USUAL_LR: f64 = 0.002;

    fn check(&self) -> Result<(), OptimizerError> {
        check_means(self.beta1, self.beta2, self.eps)?;
        from_zero("weight_decay", self.weight_decay)
    }

    fn buffers(&self) -> &'static [&'static str] {
        buffers(self.amsgrad)
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["step"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
