//! What is done to an image before it enters a network: a [`Pipeline`] of [`Transform`]s.
//!
//! ```
//! use convnet::data::transform::{CenterCrop, Draw, Normalize, Pipeline, RandomHorizontalFlip, Resize};
//! use convnet::data::{Image, Transform};
//!
//! # fn main() -> Result<(), convnet::data::DataError> {
//! let pipeline = Pipeline::new(
//!     vec![
//!         Transform::Resize(Resize::Shorter(8)),
//!         Transform::CenterCrop(CenterCrop { size: [6, 6] }),
//!         Transform::RandomHorizontalFlip(RandomHorizontalFlip),
//!     ],
//!     Normalize { mean: vec![0.5; 3], std: vec![0.5; 3] },
//! )?;
//! let white = Image::new((3, 10, 20), vec![255; 600])?;
//! let input = pipeline.apply(&white, Draw { seed: 7, epoch: 0, index: 0 });
//! assert_eq!(input.len(), 3 * 6 * 6);
//! assert!(input.iter().all(|x| (x - 1.0).abs() < 1e-5));
//! # Ok(())
//! # }
//! ```

mod center_crop;
mod corner_crop;
mod grayscale;
mod normalize;
mod pad;
mod pipeline;
mod random_crop;
mod random_horizontal_flip;
mod resize;
mod resizer;
mod round;
mod view;
mod window;

pub use center_crop::CenterCrop;
pub use corner_crop::{Corner, CornerCrop};
pub use grayscale::Grayscale;
pub use normalize::Normalize;
pub use pad::Pad;
pub use pipeline::Pipeline;
pub(super) use pipeline::{Chain, Runner};
pub use random_crop::RandomCrop;
pub use random_horizontal_flip::RandomHorizontalFlip;
pub use resize::Resize;
pub use round::Round;
use view::View;

pub use super::random::Draw;
use super::random::Random;

/// One step of a [`Pipeline`]: from levels of 0 to 255 to such levels.
///
/// A new one is a file with its parameters and its `Step`, a variant here and an arm below.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// Another size, by bilinear interpolation.
    Resize(Resize),
    /// The middle.
    CenterCrop(CenterCrop),
    /// A corner.
    CornerCrop(CornerCrop),
    /// The image in the middle of black.
    Pad(Pad),
    /// A window anywhere.
    RandomCrop(RandomCrop),
    /// Mirrored left to right, half of the time.
    RandomHorizontalFlip(RandomHorizontalFlip),
    /// One channel.
    Grayscale(Grayscale),
    /// Whole levels.
    Round(Round),
}

impl Transform {
    fn parameters(&self) -> &dyn Parameters {
        match self {
            Self::Resize(resize) => resize,
            Self::CenterCrop(crop) => crop,
            Self::CornerCrop(crop) => crop,
            Self::Pad(pad) => pad,
            Self::RandomCrop(crop) => crop,
            Self::RandomHorizontalFlip(flip) => flip,
            Self::Grayscale(grayscale) => grayscale,
            Self::Round(round) => round,
        }
    }
}

/// What a transform is told by: its rule of sizes, and how it is carried out.
trait Parameters {
    /// Height and width afterwards, where they do not depend on the image; `before` is the same of what comes in.
    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]>;

    /// The transform with memory of its own, for one thread.
    fn step(&self) -> Box<dyn Step>;
}

/// A transform at work.
trait Step: Send {
    /// The changed image, in the step's own memory where it is another one. What is drawn at random comes from
    /// `random` alone.
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a>;
}
