use serde::{Deserialize, Serialize};

use super::adam::check_means;
use super::{Adamw, Rule, above_zero, below_one, from_zero};
use crate::optim::OptimizerError;

/// Momentum made orthogonal (Jordan 2024, "Muon: An optimizer for hidden layers in neural networks"), as PyTorch's `Muon` in
/// single precision.
///
/// It updates the weights of convolutions and Linear layers as matrices of outputs × inputs. What is no matrix (biases,
/// normalizations, convolutions with a channel a group) and, unless the settings say otherwise, the first and the last
/// layer are updated by AdamW, at a rate of their own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Muon {
    /// Decay of the gradient's mean.
    pub momentum: f32,
    /// Nesterov's momentum.
    pub nesterov: bool,
    /// What a step at a learning rate of 1 takes off each weight.
    pub weight_decay: f32,
    /// Newton–Schulz iterations that make a step orthogonal.
    pub ns_steps: u32,
    /// The least norm that a step is divided by.
    pub eps: f32,
    /// What the rate of a matrix is multiplied with.
    pub adjust: Adjust,
    /// Whether the first layer's weights are updated as the others'.
    pub first_layer: bool,
    /// Whether the last layer's weights are, those before each output.
    pub last_layer: bool,
    /// AdamW's learning rate over that of the step.
    pub adamw_lr: f32,
    /// AdamW's decay of the gradient's mean.
    pub adamw_beta1: f32,
    /// AdamW's decay of the squared gradient's mean.
    pub adamw_beta2: f32,
    /// AdamW's summand to the root.
    pub adamw_eps: f32,
}

/// What the learning rate of a matrix of O outputs and I inputs is multiplied with in [`Muon`], by PyTorch's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjust {
    /// √max(1, O / I): Jordan's.
    Original,
    /// 0.2·√max(O, I): steps as large as AdamW's (Liu et al. 2025, "Muon is scalable for LLM training").
    MatchRmsAdamw,
    /// √(O / I) (Bernstein 2025, "Deriving Muon").
    SpectralUnclamped,
    /// 1.
    None,
}

impl Adjust {
    /// The factor for a matrix.
    pub(crate) fn factor(self, outputs: usize, inputs: usize) -> f32 {
        let (outputs, inputs) = (outputs as f64, inputs as f64);
        let factor = match self {
            Self::Original => (outputs / inputs).max(1.0).sqrt(),
            Self::MatchRmsAdamw => 0.2 * outputs.max(inputs).sqrt(),
            Self::SpectralUnclamped => (outputs / inputs).sqrt(),
            Self::None => 1.0,
        };
        factor as f32
    }
}

impl Default for Muon {
    fn default() -> Self {
        Self {
            momentum: 0.95,
            nesterov: true,
            weight_decay: 0.1,
            ns_steps: 5,
            eps: 1e-7,
            adjust: Adjust::Original,
            first_layer: false,
            last_layer: false,
            // Jordan's 3e-4 where Muon's is 0.02.
            adamw_lr: 0.015,
            adamw_beta1: 0.9,
            adamw_beta2: 0.95,
            adamw_eps: 1e-10,
        }
    }
}

/// PyTorch's limit.
const MOST_STEPS: u32 = 99;

impl Muon {
    /// The rule of what is no matrix.
    pub(crate) fn adamw(&self) -> Adamw {
        let Self { adamw_beta1, adamw_beta2, adamw_eps, weight_decay, .. } = *self;
        Adamw { beta1: adamw_beta1, beta2: adamw_beta2, eps: adamw_eps, weight_decay, amsgrad: false }
    }
}

impl Rule for Muon {
    const NAME: &'static str = "muon";
    const TITLE: &'static str = "Muon";
    const SUMMARY: &'static str = "momentum made orthogonal, AdamW for what is no matrix";
    const USUAL_LR: f64 = 0.02;

    fn check(&self) -> Result<(), OptimizerError> {
        below_one("momentum", self.momentum)?;
        from_zero("weight_decay", self.weight_decay)?;
        if self.ns_steps > MOST_STEPS {
            let found = self.ns_steps.to_string();
            return Err(OptimizerError { name: "ns_steps", found, expected: "a whole number from 0 to 99" });
        }
        above_zero("eps", self.eps)?;
        from_zero("adamw_lr", self.adamw_lr)?;
        let named = |error: OptimizerError| {
            let name = match error.name {
                "beta1" => "adamw_beta1",
                "beta2" => "adamw_beta2",
                _ => "adamw_eps",
            };
            OptimizerError { name, ..error }
        };
        check_means(self.adamw_beta1, self.adamw_beta2, self.adamw_eps).map_err(named)
    }

    fn buffers(&self) -> &'static [&'static str] {
        &["momentum_buffer"]
    }

    fn weight_decay(&mut self) -> &mut f32 {
        &mut self.weight_decay
    }
}
