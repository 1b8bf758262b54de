//! A part of an image of any size and proportions, brought to one size.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::resize::{bilinear, resize_window, yes};
use super::resizer::{Filter, Resizer, Span};
use super::values::{Interpolation, check_range, check_sides, sides};
use super::view::{Buffer, Levels, View};
use super::window::window;
use super::{Parameters, Step};

/// A window of random area and proportions, anywhere in the image, resized to `size`; only the window is resized.
///
/// Up to ten windows are drawn until one lies in the image; else the largest middle whose proportions are allowed is
/// taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Height and width of what comes out.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
    /// The window's share of the image's area.
    #[serde(default = "scale")]
    pub scale: [f64; 2],
    /// The window's width over its height.
    #[serde(default = "ratio")]
    pub ratio: [f64; 2],
    /// How pixels between pixels are found.
    #[serde(default = "bilinear")]
    pub interpolation: Interpolation,
    /// Whether a smaller window takes in all pixels.
    #[serde(default = "yes")]
    pub antialias: bool,
}

fn scale() -> [f64; 2] {
    [0.08, 1.0]
}

fn ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

/// Windows that are drawn before the middle is taken.
const TRIES: usize = 10;

impl RandomResizedCrop {
    /// Of the usual areas and proportions.
    pub fn new(size: [usize; 2]) -> Self {
        Self { size, scale: scale(), ratio: ratio(), interpolation: Interpolation::Bilinear, antialias: true }
    }

    /// Corner and size of the window.
    pub(super) fn window(&self, [height, width]: [usize; 2], random: &mut Random) -> [[usize; 2]; 2] {
        let area = (height * width) as f64;
        let [least, most] = self.ratio;
        for _ in 0..TRIES {
            let area = area * random.uniform(self.scale);
            let ratio = random.uniform([least.ln(), most.ln()]).exp();
            let columns = (area * ratio).sqrt().round_ties_even() as usize;
            let rows = (area / ratio).sqrt().round_ties_even() as usize;
            if (1..=width).contains(&columns) && (1..=height).contains(&rows) {
                let top = random.below(height - rows + 1);
                let left = random.below(width - columns + 1);
                return [[top, left], [rows, columns]];
            }
        }
        let side = |side: f64, of: usize| (side.round_ties_even() as usize).clamp(1, of);
        let ratio = width as f64 / height as f64;
        let size = if ratio < least {
            [side(width as f64 / least, height), width]
        } else if ratio > most {
            [height, side(height as f64 * most, width)]
        } else {
            [height, width]
        };
        [[(height - size[0]) / 2, (width - size[1]) / 2], size]
    }
}

impl Parameters for RandomResizedCrop {
    fn check(&self) -> Result<(), String> {
        check_sides("size", self.size)?;
        check_range("scale", self.scale, f64::MIN_POSITIVE..=1.0)?;
        check_range("ratio", self.ratio, f64::MIN_POSITIVE..=f64::MAX)
    }

    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let (resizer, buffer) = (Resizer::default(), Buffer::default());
        Some(Box::new(RandomResizedCropStep { crop: *self, resizer, buffer }))
    }
}

struct RandomResizedCropStep {
    crop: RandomResizedCrop,
    resizer: Resizer,
    buffer: Buffer,
}

impl Step for RandomResizedCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        let RandomResizedCrop { size, interpolation, antialias, .. } = self.crop;
        let [corner, part] = self.crop.window(image.size, random);
        if part == size {
            return window(image, corner.map(|place| place as isize), size, &mut self.buffer);
        }
        let span = |axis: usize| Span { size: part[axis], resized: size[axis], offset: 0, kept: size[axis] };
        self.resizer.set(span(0), span(1), Filter { interpolation, antialias });
        resize_window(&mut self.resizer, image, corner, size, &mut self.buffer.floats);
        View { size, levels: Levels::Floats(&self.buffer.floats), ..image }
    }
}
