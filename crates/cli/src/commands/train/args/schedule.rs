use convnet::train::{self, RecipePatch};

use super::given;
use crate::args::number;
use crate::error::Failure;

/// The learning rate over the run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Schedule {
    /// Learning rate over the run
    #[arg(long, value_name = "NAME", value_parser = train::Schedule::NAMES)]
    schedule: Option<String>,

    /// Part of the run over which the learning rate climbs to its peak in a line
    #[arg(long, value_name = "PART", value_parser = number)]
    warmup: Option<f64>,

    /// Learning rate at the end, as a part of its peak
    #[arg(long, value_name = "PART", value_parser = number)]
    lr_end: Option<f64>,
}

impl Schedule {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "schedule", self.schedule.as_deref().and_then(train::Schedule::named))?;
        given(patch, "schedule.warmup", self.warmup)?;
        given(patch, "schedule.end", self.lr_end)
    }
}
