use convnet::train::RecipePatch;

use super::given;
use crate::args::number;
use crate::error::Failure;

/// Which images choose.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Split {
    /// Part of the training images that is kept to choose the best epoch by, where the data bring no validation images; 0
    /// trains on all and keeps the last epoch [default: 0.1]
    #[arg(long, value_name = "PART", value_parser = number)]
    validation: Option<f64>,
}

impl Split {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "split.validation", self.validation)
    }
}
