use convnet::train::RecipePatch;

use super::given;
use crate::args::whole;
use crate::error::Failure;

/// Random changes of the training images.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Augment {
    /// Crop training images at random places after padding them by N pixels
    #[arg(long, value_name = "N", value_parser = whole)]
    crop: Option<u64>,

    /// Mirror half of the training images
    #[arg(long)]
    flip: bool,
}

impl Augment {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "augment.crop", self.crop)?;
        given(patch, "augment.flip", self.flip.then_some(true))
    }
}
