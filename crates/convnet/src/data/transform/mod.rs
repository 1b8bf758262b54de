//! What is done to an image before it enters a network: a [`Pipeline`] of [`Transform`]s, by torchvision's names.
//!
//! torchvision's training of ImageNet:
//!
//! ```
//! use convnet::data::transform::{Draw, Normalize, Pipeline, RandomErasing, RandomResizedCrop, TrivialAugmentWide};
//! use convnet::data::transform::{RandomHorizontalFlip, Transform};
//! use convnet::data::Image;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let normalize = Normalize { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225] };
//! let transforms = vec![
//!     RandomResizedCrop::new([176, 176]).into(),
//!     RandomHorizontalFlip::default().into(),
//!     TrivialAugmentWide::default().into(),
//!     RandomErasing { p: 0.1, ..RandomErasing::default() }.into(),
//! ];
//! let pipeline = Pipeline::new(transforms, normalize)?;
//! assert_eq!(pipeline.output(), [3, 176, 176]);
//!
//! let photo = Image::new((3, 60, 80), vec![200; 3 * 60 * 80])?;
//! let input = pipeline.apply(&photo, Draw { seed: 7, epoch: 0, index: 0 });
//! assert_eq!(input.len(), 3 * 176 * 176);
//! // The same seed, epoch and place in the set: the same bits.
//! assert_eq!(input, pipeline.apply(&photo, Draw { seed: 7, epoch: 0, index: 0 }));
//!
//! // As a recipe has it: what is not told is torchvision's default.
//! let rotation: Transform = toml::from_str("name = \"RandomRotation\"\ndegrees = 15")?;
//! rotation.check()?;
//! assert!(toml::from_str::<Transform>("name = \"RandomRotation\"\nangle = 15").is_err());
//! # Ok(())
//! # }
//! ```
//!
//! Parameters, defaults and results are those of torchvision's `transforms.v2` on uint8 tensors, also where it
//! does otherwise with PIL images: levels are cut, not rounded, by changes of brightness and colour; what is
//! turned or sheared knows `nearest` and `bilinear`. Results are within one level of torchvision's, and mostly
//! the same. They differ where
//!
//! - a resized image is not rounded, unless a step behind it wants whole levels: the normalization takes it as it is;
//! - [`Grayscale`] rounds as Pillow does;
//! - an image is too small: a [`RandomCrop`] that is larger than it and a border or blur that reaches beyond
//!   its other side, which torchvision refuses, take what lies around it, or mirror it again;
//! - a grey image stays one plane, which is read as three of the same, until a colour is filled in.

mod aug_mix;
mod augment_op;
mod auto_augment;
mod auto_policies;
mod blur;
mod border;
mod by_chance;
mod canvas;
mod center_crop;
mod choice;
mod color;
mod color_jitter;
mod corner_crop;
mod gaussian_blur;
#[cfg(test)]
mod golden;
mod grayscale;
mod levels;
mod mover;
mod normalize;
mod pad;
mod pad_to;
mod pipeline;
#[cfg(test)]
mod properties;
mod random_affine;
mod random_crop;
mod random_erasing;
mod random_flip;
mod random_perspective;
mod random_resized_crop;
mod random_rotation;
#[cfg(test)]
mod recipes;
mod resize;
mod resizer;
mod round;
mod values;
mod view;
mod warp;
mod window;

use serde::{Deserialize, Serialize};

pub use aug_mix::AugMix;
pub use auto_augment::{AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide};
pub use border::PaddingMode;
pub use by_chance::{
    RandomAdjustSharpness, RandomAutocontrast, RandomEqualize, RandomGrayscale, RandomInvert,
    RandomPosterize, RandomSolarize,
};
use canvas::painted;
pub use center_crop::CenterCrop;
pub use choice::{RandomApply, RandomChoice, RandomOrder};
pub use color_jitter::ColorJitter;
pub use corner_crop::{Corner, CornerCrop};
pub use gaussian_blur::GaussianBlur;
pub use grayscale::Grayscale;
pub(super) use mover::Mover;
use mover::Placed;
pub use normalize::Normalize;
pub use pad::Pad;
pub use pad_to::PadTo;
pub use pipeline::Pipeline;
pub(super) use pipeline::{Chain, Runner};
pub use random_affine::RandomAffine;
pub use random_crop::RandomCrop;
pub use random_erasing::{Drawn, Erased, RandomErasing};
pub use random_flip::{RandomHorizontalFlip, RandomVerticalFlip};
pub use random_perspective::RandomPerspective;
pub use random_resized_crop::RandomResizedCrop;
pub use random_rotation::RandomRotation;
pub use resize::{Resize, ResizeTo};
pub use round::Round;
pub use values::{Fill, Interpolation};
use view::View;

use super::DataError;
pub use super::random::Draw;
use super::random::Random;

macro_rules! transforms {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// One step of a [`Pipeline`]: from levels of 0 to 255 to such levels. In a recipe it is a table with the
        /// transform's `name` and its parameters by torchvision's names: `{ name = "RandomRotation", degrees = 15 }`.
        ///
        /// A new one is a file with its parameters and its `Step`, and a line in this list.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name")]
        pub enum Transform {
            $($(#[$doc])+ $name($name),)+
        }

        impl Transform {
            /// The names of all transforms.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The name that a recipe has for it, torchvision's where that has it.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                }
            }

            fn parameters(&self) -> &dyn Parameters {
                match self {
                    $(Self::$name(parameters) => parameters,)+
                }
            }
        }

        $(
            impl From<$name> for Transform {
                fn from(parameters: $name) -> Self {
                    Self::$name(parameters)
                }
            }
        )+
    };
}

transforms! {
    /// Another size.
    Resize,
    /// The middle.
    CenterCrop,
    /// A corner.
    CornerCrop,
    /// Pixels around the image.
    Pad,
    /// The image in the middle of black of one size.
    PadTo,
    /// A window anywhere.
    RandomCrop,
    /// A window of random area and proportions, resized.
    RandomResizedCrop,
    /// Mirrored left to right, by chance.
    RandomHorizontalFlip,
    /// Mirrored top to bottom, by chance.
    RandomVerticalFlip,
    /// Turned, by chance.
    RandomRotation,
    /// Turned, shifted, scaled and sheared, by chance.
    RandomAffine,
    /// Seen from aside, by chance.
    RandomPerspective,
    /// Brightness, contrast, saturation and hue, by chance.
    ColorJitter,
    /// One channel.
    Grayscale,
    /// Colours as grey, by chance.
    RandomGrayscale,
    /// Blurred, by chance.
    GaussianBlur,
    /// Inverted, by chance.
    RandomInvert,
    /// Fewer levels, by chance.
    RandomPosterize,
    /// Bright levels inverted, by chance.
    RandomSolarize,
    /// Sharper or not so sharp, by chance.
    RandomAdjustSharpness,
    /// Levels from 0 to 255, by chance.
    RandomAutocontrast,
    /// Levels equally frequent, by chance.
    RandomEqualize,
    /// One of 25 pairs of changes.
    AutoAugment,
    /// Some changes of one strength.
    RandAugment,
    /// One change of any strength.
    TrivialAugmentWide,
    /// Mixed with changed ones.
    AugMix,
    /// A rectangle of the network's input overwritten, by chance.
    RandomErasing,
    /// All or none of some transforms.
    RandomApply,
    /// One of some transforms.
    RandomChoice,
    /// Some transforms in any order.
    RandomOrder,
    /// Whole levels.
    Round,
}

impl Transform {
    /// Whether its parameters can be used.
    ///
    /// # Errors
    /// What is out of range, by the transform's and the parameter's name.
    pub fn check(&self) -> Result<(), DataError> {
        self.problem().map_or(Ok(()), |problem| Err(DataError::Pipeline { problem }))
    }

    /// Whether it works on the network's input, behind the normalization, and so stands at the end of a pipeline.
    pub fn on_input(&self) -> bool {
        self.parameters().on_input().is_some()
    }

    /// What is wrong with its parameters.
    fn problem(&self) -> Option<String> {
        self.parameters().check().err().map(|problem| format!("{}: {problem}", self.name()))
    }
}

/// The size (height, width) that images have after some transforms, where it does not depend on the image; `before` is the
/// same of what comes in.
pub(super) fn size_after(transforms: &[Transform], before: Option<[usize; 2]>) -> Option<[usize; 2]> {
    transforms.iter().fold(before, |size, transform| transform.parameters().size(size))
}

/// What a transform is told by: its rule of sizes, and how it is carried out.
trait Parameters {
    /// What cannot be used: the parameter, what it is and what is expected.
    fn check(&self) -> Result<(), String>;

    /// Height and width afterwards, where they do not depend on the image; `before` is the same of what comes in.
    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]>;

    /// The level that it fills with, if it does.
    fn fill(&self) -> Option<Fill> {
        None
    }

    /// The transform, if it is done behind the normalization.
    fn on_input(&self) -> Option<&RandomErasing> {
        None
    }

    /// The transform with memory of its own, for one thread; `None` for what is done behind the normalization.
    fn step(&self) -> Option<Box<dyn Step>>;

    /// What the step makes of an image, by the same draws, where that is no more than moves of whole pixels over black.
    fn moved(&self, _image: Placed, _random: &mut Random) -> Option<Placed> {
        None
    }
}

/// A transform at work.
trait Step: Send {
    /// The changed image, in the step's own memory where it is another one. What is drawn at random comes from
    /// `random` alone.
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a>;
}
