//! `[regularize]`: how steps are tamed and averaged, and when a run has learned enough.

use serde::{Deserialize, Serialize};

use super::super::TrainError;

/// How steps are tamed and averaged, and when a run ends early; nothing of it by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularize {
    /// Batches whose gradients make one update, their mean; 0 is 1. A step is an update, of `batch` times as many images.
    #[serde(skip_serializing_if = "super::is_default")]
    pub accumulate: usize,
    /// The largest norm of all gradients together (Pascanu et al. 2013), as PyTorch's `clip_grad_norm_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f32>,
    /// The largest element of a gradient, as PyTorch's `clip_grad_value_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f32>,
    /// The decay of an exponential moving average of weights and running statistics, which is validated and kept
    /// instead of the weights: average += (weights − average)·(1 − decay), after every update. As timm's, it starts as
    /// the weights and its decay is at most (1 + updates) / (10 + updates).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f32>,
    /// The run ends once so many epochs in a row were no better on the validation images than one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
}

/// The most batches of an update.
const MAX_ACCUMULATE: usize = 1 << 20;

impl Regularize {
    /// Batches of an update.
    pub fn batches(&self) -> usize {
        self.accumulate.max(1)
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let fail = |name: &str, found: String, expected| {
            Err(TrainError::setting(format!("regularize.{name}"), found, expected))
        };
        if self.accumulate > MAX_ACCUMULATE {
            return fail("accumulate", self.accumulate.to_string(), "at most 1048576 batches");
        }
        for (name, limit) in [("clip_norm", self.clip_norm), ("clip_value", self.clip_value)] {
            if let Some(limit) = limit.filter(|limit| !(limit.is_finite() && *limit > 0.0)) {
                return fail(name, limit.to_string(), "a number above 0");
            }
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return fail("ema", decay.to_string(), "a number from 0, below 1, such as 0.999");
        }
        if self.early_stopping == Some(0) {
            return fail("early_stopping", "0".to_owned(), "at least 1 epoch");
        }
        Ok(())
    }
}
