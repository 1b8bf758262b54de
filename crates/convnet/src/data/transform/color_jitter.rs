//! Brightness, contrast, saturation and hue by chance.

use serde::{Deserialize, Serialize};

use super::values::{around_one, around_zero, check_range};
use super::{Parameters, Step, painted};

/// Brightness, contrast, saturation and hue changed in an order that is drawn, each by a factor of its range.
///
/// A number is how far a factor is from 1 at most, and for the hue the greatest part of a circle in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorJitter {
    /// The range of factors; from 1 to 1 leaves it out.
    #[serde(deserialize_with = "around_one")]
    pub brightness: [f64; 2],
    /// The range of factors; from 1 to 1 leaves it out.
    #[serde(deserialize_with = "around_one")]
    pub contrast: [f64; 2],
    /// The range of factors; from 1 to 1 leaves it out.
    #[serde(deserialize_with = "around_one")]
    pub saturation: [f64; 2],
    /// The range of parts of a circle, -0.5 to 0.5; from 0 to 0 leaves it out.
    #[serde(deserialize_with = "around_zero")]
    pub hue: [f64; 2],
}

impl Default for ColorJitter {
    fn default() -> Self {
        Self { brightness: [1.0; 2], contrast: [1.0; 2], saturation: [1.0; 2], hue: [0.0; 2] }
    }
}

impl Parameters for ColorJitter {
    fn check(&self) -> Result<(), String> {
        check_range("brightness", self.brightness, 0.0..=f64::MAX)?;
        check_range("contrast", self.contrast, 0.0..=f64::MAX)?;
        check_range("saturation", self.saturation, 0.0..=f64::MAX)?;
        check_range("hue", self.hue, -0.5..=0.5)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { brightness, contrast, saturation, hue } = *self;
        painted(None, move |canvas, random| {
            let mut order = [0, 1, 2, 3];
            random.shuffle(&mut order);
            let factors = [brightness, contrast, saturation, hue].map(|range| random.uniform(range));
            for change in order {
                let factor = factors[change];
                match change {
                    0 if brightness != [1.0; 2] => canvas.brightness(factor),
                    1 if contrast != [1.0; 2] => canvas.contrast(factor),
                    2 if saturation != [1.0; 2] => canvas.saturation(factor),
                    3 if hue != [0.0; 2] => canvas.hue(factor),
                    _ => {}
                }
            }
        })
    }
}
