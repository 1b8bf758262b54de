use convnet::train::{self, RecipePatch};

use super::given;
use crate::error::Failure;

/// The update rule.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Optimizer {
    /// Update rule, with its usual settings
    #[arg(long, value_name = "NAME", value_parser = train::Optimizer::NAMES)]
    optimizer: Option<String>,
}

impl Optimizer {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "optimizer", self.optimizer.as_deref().and_then(train::Optimizer::named))
    }
}
