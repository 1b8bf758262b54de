use convnet::train::RecipePatch;

use super::given;
use crate::args::whole;
use crate::error::Failure;

/// What a run logs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub(in crate::commands::train) struct Log {
    /// Write event files for TensorBoard: `tensorboard --logdir runs` shows them
    #[arg(long)]
    tensorboard: bool,

    /// Write loss and rate of single steps to steps.jsonl
    #[arg(long)]
    log_steps: bool,

    /// Which steps are logged: one of N [default: 10]
    #[arg(long, value_name = "N", value_parser = whole)]
    log_every: Option<u64>,
}

impl Log {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "log.tensorboard", self.tensorboard.then_some(true))?;
        given(patch, "log.steps", self.log_steps.then_some(true))?;
        given(patch, "log.every", self.log_every)
    }
}
