use convnet::data::{Auto, Preset, ResizedCrop};
use convnet::train::RecipePatch;

use super::given;
use crate::args::{number, whole};
use crate::error::Failure;

/// Random changes of the training images.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Augmentation")]
pub(in crate::commands::train) struct Augment {
    /// Change training images at random as it is usually done, by their size; the options below change it
    #[arg(long, value_name = "PRESET", value_parser = Preset::NAMES)]
    augment: Option<String>,

    /// Crop training images at random places after padding them by N pixels
    #[arg(long, value_name = "N", value_parser = whole)]
    crop: Option<u64>,

    /// Cut a part out of each photo and resize it, of LEAST to MOST of its area [default: 0.08,1]; or false
    #[arg(long, value_name = "LEAST,MOST", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = resized)]
    random_resized_crop: Option<ResizedCrop>,

    /// Mirror half of the training images; or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    flip: Option<bool>,

    /// Turn training images by up to so many degrees
    #[arg(long, value_name = "DEGREES", value_parser = number)]
    rotate: Option<f64>,

    /// Change brightness, contrast and saturation by up to this part
    #[arg(long, value_name = "PART", value_parser = number)]
    color_jitter: Option<f64>,

    /// Changes that are chosen at random among many: RandAugment, TrivialAugment, AugMix or AutoAugment
    #[arg(long, value_name = "NAME", value_parser = Auto::NAMES)]
    auto_augment: Option<String>,

    /// Overwrite a rectangle of this part of the training images
    #[arg(long, value_name = "PART", value_parser = number)]
    erasing: Option<f64>,

    /// Add images to one another, by shares from Beta(A, A), as 0.2
    #[arg(long, value_name = "A", value_parser = number)]
    mixup: Option<f64>,

    /// Paste boxes of images into one another, by shares from Beta(A, A), as 1
    #[arg(long, value_name = "A", value_parser = number)]
    cutmix: Option<f64>,
}

impl Augment {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "augment.preset", self.augment.as_ref())?;
        given(patch, "augment.crop", self.crop)?;
        given(patch, "augment.random_resized_crop", self.random_resized_crop)?;
        given(patch, "augment.flip", self.flip)?;
        given(patch, "augment.rotate", self.rotate)?;
        given(patch, "augment.color_jitter", self.color_jitter)?;
        given(patch, "augment.auto", self.auto_augment.as_ref())?;
        given(patch, "augment.erasing", self.erasing)?;
        given(patch, "augment.mixup", self.mixup)?;
        given(patch, "augment.cutmix", self.cutmix)
    }
}

/// `true`, `false` or `0.25,1`.
fn resized(text: &str) -> Result<ResizedCrop, String> {
    if let Ok(switch) = text.parse() {
        return Ok(ResizedCrop::Switch(switch));
    }
    let scale = text
        .split_once(',')
        .and_then(|(least, most)| Some([least.trim().parse().ok()?, most.trim().parse().ok()?]));
    scale
        .map(ResizedCrop::of_area)
        .ok_or_else(|| "expected parts of the area, as 0.08,1, or false".to_owned())
}
