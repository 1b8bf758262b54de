//! Random changes of training images, as a recipe keeps them.

mod check;
mod preset;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use preset::Preset;

use super::mix::Mix;
use super::transform::{
    AugMix, AutoAugment, ColorJitter, GaussianBlur, Interpolation, RandAugment, RandomApply, RandomCrop,
    RandomErasing, RandomHorizontalFlip, RandomResizedCrop, RandomRotation, RandomVerticalFlip, Transform,
    TrivialAugmentWide,
};

/// Random changes of the training images; none by default.
///
/// A preset, and what is changed of it key by key; or a list of transforms by torchvision's names in place of all that.
/// Images are changed in the order of the fields, erased behind the normalization and mixed as whole batches.
///
/// ```
/// use convnet::data::{Augment, Preset};
///
/// let augment: Augment = toml::from_str(
///     r#"
///     preset = "standard"
///     flip = false
///     color_jitter = 0.3
///     mixup = 0.2
///     "#,
/// )?;
/// assert_eq!((augment.preset, augment.flip), (Preset::Standard, Some(false)));
/// let listed: Augment = toml::from_str(
///     r#"
///     [[transforms]]
///     name = "RandomResizedCrop"
///     size = 96
///
///     [[transforms]]
///     name = "RandomRotation"
///     degrees = 15
///     "#,
/// )?;
/// assert!(listed.check().is_ok());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// What is done where no key below says otherwise.
    #[serde(skip_serializing_if = "Preset::is_none")]
    pub preset: Preset,
    /// Pixels of black that are added on each side before a window of the old size is cut out anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<usize>,
    /// A part of the image as it is in its file, of random area and proportions, resized to the network's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_resized_crop: Option<ResizedCrop>,
    /// Mirror half of the images left to right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<bool>,
    /// Mirror half of the images top to bottom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vertical_flip: Option<bool>,
    /// Turn images by up to so many degrees in either direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate: Option<f64>,
    /// Change brightness, contrast and saturation by up to this part, or as a table says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_jitter: Option<Jitter>,
    /// Changes that are chosen at random among many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto: Option<Auto>,
    /// The part of the images that is blurred, by a bell of 0.1 to 2 pixels' deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<f64>,
    /// The part of the images of which a rectangle is overwritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasing: Option<f64>,
    /// α of mixup; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
    /// α of CutMix; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<f64>,
    /// The part of the batches that is mixed; all if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix_probability: Option<f64>,
    /// The part of the mixed batches that gets CutMix where mixup is to be had too; half if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix_switch: Option<f64>,
    /// Transforms in place of all the above but mixup and CutMix. They see images as they are in their files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<Transform>,
}

/// Whether a part of an image is resized, and which.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "`random_resized_crop` is true, false or { scale = [0.08, 1.0], ratio = [0.75, 1.33] }"
)]
pub enum ResizedCrop {
    /// As torchvision does by default, or not.
    Switch(bool),
    /// By these bounds.
    Window {
        /// The part's share of the image's area.
        #[serde(default = "scale")]
        scale: [f64; 2],
        /// The part's width over its height.
        #[serde(default = "ratio")]
        ratio: [f64; 2],
    },
}

fn scale() -> [f64; 2] {
    [0.08, 1.0]
}

fn ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

impl ResizedCrop {
    /// Parts of so much of an image's area, of the usual proportions.
    pub fn of_area(scale: [f64; 2]) -> Self {
        Self::Window { scale, ratio: ratio() }
    }

    /// Bounds of the part's share of the area, and of its proportions.
    fn bounds(self) -> Option<[[f64; 2]; 2]> {
        match self {
            Self::Switch(false) => None,
            Self::Switch(true) => Some([scale(), ratio()]),
            Self::Window { scale, ratio } => Some([scale, ratio]),
        }
    }
}

/// How far brightness, contrast, saturation and hue are changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "`color_jitter` is a number, or { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }"
)]
pub enum Jitter {
    /// Brightness, contrast and saturation alike.
    Same(f64),
    /// Each by itself.
    Each(ColorJitter),
}

impl Jitter {
    fn transform(self) -> Option<ColorJitter> {
        let Self::Same(far) = self else {
            let Self::Each(jitter) = self else { return None };
            return (jitter != ColorJitter::default()).then_some(jitter);
        };
        let range = [(1.0 - far).max(0.0), 1.0 + far];
        let jitter =
            ColorJitter { brightness: range, contrast: range, saturation: range, ..ColorJitter::default() };
        (far != 0.0).then_some(jitter)
    }
}

/// Changes that are chosen at random among many, as torchvision has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// None of them.
    None,
    /// RandAugment (Cubuk et al. 2020): two changes of medium strength.
    Rand,
    /// TrivialAugment Wide (Müller and Hutter 2021): one change of any strength.
    Trivial,
    /// AugMix (Hendrycks et al. 2020): chains of changes mixed with the image.
    Augmix,
    /// AutoAugment (Cubuk et al. 2019): the policy that was found for ImageNet.
    Auto,
}

impl Auto {
    /// The names that a recipe has for them.
    pub const NAMES: [&'static str; 5] = ["none", "rand", "trivial", "augmix", "auto"];

    fn transform(self) -> Option<Transform> {
        match self {
            Self::None => None,
            Self::Rand => Some(RandAugment::default().into()),
            Self::Trivial => Some(TrivialAugmentWide::default().into()),
            Self::Augmix => Some(AugMix::default().into()),
            Self::Auto => Some(AutoAugment::default().into()),
        }
    }
}

/// What is cut out of an image.
enum Window {
    /// A window of the old size, of the image with so many pixels of black on each side.
    Padded(usize),
    /// A part of the original, resized: bounds of area and proportions.
    Resized([[f64; 2]; 2]),
}

impl Augment {
    /// The steps that do it, to images of `size` (height, width); [`RandomErasing`] is the last. A part that is resized
    /// gets the size `resized`.
    pub fn transforms(
        &self,
        size: [usize; 2],
        resized: [usize; 2],
        interpolation: Interpolation,
    ) -> Vec<Transform> {
        if !self.transforms.is_empty() {
            return self.transforms.clone();
        }
        let of_preset = self.preset.settings(size);
        let flip = self.flip.unwrap_or(of_preset.flip);
        let mut steps = Vec::new();
        match self.window(size) {
            Window::Resized([scale, ratio]) => {
                let crop =
                    RandomResizedCrop { scale, ratio, interpolation, ..RandomResizedCrop::new(resized) };
                steps.push(crop.into());
            }
            // A crop without padding changes nothing, but draws: a seed mirrors the same images with and without it.
            Window::Padded(padding) if padding > 0 || flip => {
                steps.push(RandomCrop { padding: [padding; 4], ..RandomCrop::new(size) }.into());
            }
            Window::Padded(_) => {}
        }
        let mut add = |step: Option<Transform>| steps.extend(step);
        add(flip.then(|| RandomHorizontalFlip::default().into()));
        add(self.vertical_flip.unwrap_or(false).then(|| RandomVerticalFlip::default().into()));
        let rotation = |degrees| {
            RandomRotation { interpolation: Interpolation::Bilinear, ..RandomRotation::new(degrees) }.into()
        };
        add(self.rotate.filter(|degrees| *degrees > 0.0).map(rotation));
        add(self.color_jitter.and_then(Jitter::transform).map(Transform::from));
        add(self.auto.unwrap_or(of_preset.auto).transform());
        let blur = |p| RandomApply { transforms: vec![GaussianBlur::new(kernel(size)).into()], p }.into();
        add(self.blur.filter(|p| *p > 0.0).map(blur));
        let erasing = |p| RandomErasing { p, ..RandomErasing::default() }.into();
        add(Some(self.erasing.unwrap_or(of_preset.erasing)).filter(|p| *p > 0.0).map(erasing));
        steps
    }

    /// How batches are mixed, if they are.
    pub fn mix(&self) -> Option<Mix> {
        let (mixup, cutmix) = (self.mixup.unwrap_or(0.0), self.cutmix.unwrap_or(0.0));
        let (probability, switch) = (self.mix_probability.unwrap_or(1.0), self.mix_switch.unwrap_or(0.5));
        (mixup > 0.0 || cutmix > 0.0).then_some(Mix { mixup, cutmix, probability, switch })
    }

    /// Whether it works on images as they are in their files; a set brings images to `size`.
    pub fn takes_originals(&self, size: [usize; 2]) -> bool {
        !self.transforms.is_empty() || self.resizes(size)
    }

    /// Whether all that is to be done to an image's size is done by it.
    pub(super) fn resizes(&self, size: [usize; 2]) -> bool {
        self.transforms.is_empty() && matches!(self.window(size), Window::Resized(_))
    }

    /// Whether networks see resized parts of photos, and not of small images; a set brings images to `size`.
    pub(super) fn resizes_photos(&self, size: [usize; 2]) -> bool {
        let resizing = |step: &Transform| matches!(step, Transform::RandomResizedCrop(_));
        !preset::is_small(size) && (self.resizes(size) || self.transforms.iter().any(resizing))
    }

    /// What is cut out: what is asked for, before what the preset brings.
    fn window(&self, size: [usize; 2]) -> Window {
        let of_preset = self.preset.settings(size);
        let asked = self.random_resized_crop.and_then(ResizedCrop::bounds);
        let brought = of_preset.resized.filter(|_| self.random_resized_crop.is_none() && self.crop.is_none());
        match asked.or(brought) {
            Some(bounds) => Window::Resized(bounds),
            None => Window::Padded(self.crop.unwrap_or(of_preset.crop)),
        }
    }
}

/// The odd number of pixels that a bell reaches over: a tenth of an image, as SimCLR has it (Chen et al. 2020), and at
/// least 3.
fn kernel([height, width]: [usize; 2]) -> usize {
    (height.min(width) / 10).clamp(3, 63) | 1
}
