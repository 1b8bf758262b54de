use convnet::train::RecipePatch;

use super::given;
use crate::args::{number, positive};
use crate::error::Failure;

/// How steps are tamed and averaged, and when a run ends early.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Regularization")]
pub(in crate::commands::train) struct Regularize {
    /// Update the weights by the mean gradient of N batches
    #[arg(long, value_name = "N", value_parser = positive)]
    accumulate: Option<usize>,

    /// Scale gradients down to at most this norm of all together
    #[arg(long, value_name = "X", value_parser = number)]
    clip_norm: Option<f64>,

    /// Bring every gradient within ±X
    #[arg(long, value_name = "X", value_parser = number)]
    clip_value: Option<f64>,

    /// Validate and keep a moving average of the weights with this decay
    #[arg(long, value_name = "DECAY", value_parser = number, num_args = 0..=1, default_missing_value = "0.999")]
    ema: Option<f64>,

    /// End once N epochs in a row were no better on the validation images
    #[arg(long, value_name = "N", value_parser = positive)]
    early_stopping: Option<usize>,
}

impl Regularize {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "regularize.accumulate", self.accumulate)?;
        given(patch, "regularize.clip_norm", self.clip_norm)?;
        given(patch, "regularize.clip_value", self.clip_value)?;
        given(patch, "regularize.ema", self.ema)?;
        given(patch, "regularize.early_stopping", self.early_stopping)
    }
}
