use convnet::train::RecipePatch;

use super::given;
use crate::args::{number, positive};
use crate::error::Failure;

/// Training images that grow.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Image size")]
pub(in crate::commands::train) struct Progressive {
    /// Train on smaller images at first: the side of the first ones, as a part of the input's
    #[arg(long, value_name = "FROM", value_parser = number, num_args = 0..=1, default_missing_value = "0.5")]
    progressive: Option<f64>,

    /// Part of the epochs after which images have the full size [default: 0.7]
    #[arg(long, value_name = "PART", value_parser = number, requires = "progressive")]
    progressive_until: Option<f64>,

    /// How many smaller sizes there are on the way [default: 3]
    #[arg(long, value_name = "N", value_parser = positive, requires = "progressive")]
    progressive_steps: Option<usize>,
}

impl Progressive {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "progressive.from", self.progressive)?;
        given(patch, "progressive.until", self.progressive_until)?;
        given(patch, "progressive.steps", self.progressive_steps)
    }
}
