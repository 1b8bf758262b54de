use convnet::train::RecipePatch;

use super::given;
use crate::args::{number, positive, whole};
use crate::error::Failure;

/// The run as a whole.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Training {
    /// Data set: a name, see `convnet data list`, or a directory [default: fashion-mnist-mini, bundled]
    #[arg(long, value_name = "NAME|DIR")]
    pub(in crate::commands::train) data: Option<String>,

    /// How often each training image is seen [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(in crate::commands::train) epochs: Option<usize>,

    /// Images of a step [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = positive)]
    batch: Option<usize>,

    /// Under mpirun: multiply batch and learning rate by the number of processes, and warm up for 5 epochs unless the schedule
    /// warms up (Goyal et al. 2017). Without it a batch is what all processes share
    #[arg(long, conflicts_with = "resume")]
    pub(in crate::commands::train) scale_to_ranks: bool,

    /// Peak of the learning rate [default: the recipe's]
    #[arg(long, value_name = "X", value_parser = number)]
    pub(in crate::commands::train) lr: Option<f64>,

    /// A named recipe or a TOML file [default: the one that suits the network]
    #[arg(long, value_name = "NAME|FILE.toml")]
    pub(in crate::commands::train) recipe: Option<String>,

    /// End after N steps, whatever the epochs
    #[arg(long, value_name = "N", value_parser = whole)]
    pub(in crate::commands::train) limit_steps: Option<u64>,

    /// Seed of all random numbers: the same seed gives the same weights [default: 0]
    #[arg(long, value_name = "N", value_parser = whole)]
    seed: Option<u64>,
}

impl Training {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "data", self.data.as_ref())?;
        given(patch, "epochs", self.epochs)?;
        given(patch, "batch", self.batch)?;
        given(patch, "lr", self.lr)?;
        given(patch, "limit_steps", self.limit_steps)?;
        given(patch, "seed", self.seed)
    }
}
