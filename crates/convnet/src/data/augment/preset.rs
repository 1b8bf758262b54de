//! Presets: what is usually done to images of a size.

use serde::{Deserialize, Serialize};

use super::{Auto, ratio};

/// What is usually done to training images.
///
/// Images of a set whose shorter side has at most 64 pixels are small, others are photos.
///
/// | preset | small images | photos |
/// |---|---|---|
/// | `none` | nothing | nothing |
/// | `light` | `crop` by a sixteenth of the side, `flip` | `random_resized_crop` of half of the area or more, `flip` |
/// | `standard` | `crop` by an eighth of the side, `flip`: He et al. (2016) on CIFAR | `random_resized_crop`, `flip`: torchvision's ImageNet training |
/// | `strong` | the same, `auto = "trivial"`, `erasing = 0.1`: torchvision's newer training | likewise |
///
/// No preset mixes batches, which pays in long training alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Nothing.
    #[default]
    None,
    /// Little.
    Light,
    /// What most recipes do.
    Standard,
    /// Much: for long training.
    Strong,
}

/// What a preset does to images of a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) crop: usize,
    /// Bounds of area and proportions.
    pub(super) resized: Option<[[f64; 2]; 2]>,
    pub(super) flip: bool,
    pub(super) auto: Auto,
    pub(super) erasing: f64,
}

/// The longest shorter side of small images.
const SMALL: usize = 64;

/// Whether images of this size (height, width) are no photos.
pub(super) fn is_small([height, width]: [usize; 2]) -> bool {
    height.min(width) <= SMALL
}

impl Preset {
    /// The names that a recipe has for them.
    pub const NAMES: [&'static str; 4] = ["none", "light", "standard", "strong"];

    /// Whether images of this size (height, width) are photos to it.
    pub(crate) fn sees_photos(size: [usize; 2]) -> bool {
        !is_small(size)
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// For images of a size.
    pub(super) fn settings(self, size: [usize; 2]) -> Settings {
        let nothing = Settings { crop: 0, resized: None, flip: false, auto: Auto::None, erasing: 0.0 };
        let (part, least) = match self {
            Self::None => return nothing,
            Self::Light => (16, 0.5),
            Self::Standard | Self::Strong => (8, 0.08),
        };
        let window = match is_small(size) {
            true => Settings { crop: size[0].min(size[1]) / part, ..nothing },
            false => Settings { resized: Some([[least, 1.0], ratio()]), ..nothing },
        };
        let (auto, erasing) = if self == Self::Strong { (Auto::Trivial, 0.1) } else { (Auto::None, 0.0) };
        Settings { flip: true, auto, erasing, ..window }
    }
}
