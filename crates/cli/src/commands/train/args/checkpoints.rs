use convnet::train::RecipePatch;

use super::given;
use crate::args::{number, positive, whole};
use crate::error::Failure;

/// When a run is saved.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub(in crate::commands::train) struct Checkpoints {
    /// Save a checkpoint after every N steps too, besides the end of every epoch
    #[arg(long, value_name = "N", value_parser = whole)]
    checkpoint_steps: Option<u64>,

    /// Save a checkpoint after so many minutes within an epoch [default: 5]
    #[arg(long, value_name = "MINUTES", value_parser = number)]
    checkpoint_minutes: Option<f64>,

    /// Keep the last N checkpoints, in checkpoints/ [default: 1, the latest alone]
    #[arg(long, value_name = "N", value_parser = positive)]
    keep: Option<usize>,
}

impl Checkpoints {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "checkpoints.every_steps", self.checkpoint_steps)?;
        given(patch, "checkpoints.every_minutes", self.checkpoint_minutes)?;
        given(patch, "checkpoints.keep", self.keep)
    }
}
