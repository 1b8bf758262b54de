use convnet::train::{self, RecipePatch};

use super::given;
use crate::error::Failure;

/// The learning rate over the run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Schedule {
    /// Learning rate over the run
    #[arg(long, value_name = "NAME", value_parser = train::Schedule::NAMES)]
    schedule: Option<String>,
}

impl Schedule {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "schedule", self.schedule.as_deref().and_then(train::Schedule::named))
    }
}
