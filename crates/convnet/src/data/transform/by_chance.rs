//! Changes of levels and colours with no amount to draw, done or not.

use serde::{Deserialize, Serialize};

use super::canvas::Canvas;
use super::values::{check_chance, check_number, wrong};
use super::{Parameters, Step, painted};

/// A transform that has a chance, and nothing else.
macro_rules! by_chance {
    ($(#[$doc:meta])+ $name:ident, $p:literal, $change:ident) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// The chance.
            pub p: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { p: $p }
            }
        }

        impl Parameters for $name {
            fn check(&self) -> Result<(), String> {
                check_chance("p", self.p)
            }

            fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
                before
            }

            fn step(&self) -> Option<Box<dyn Step>> {
                painted(self.p, |canvas, _| Canvas::$change(canvas))
            }
        }
    };
}

by_chance! {
    /// Colours as their brightness in each channel.
    RandomGrayscale, 0.1, grayscale
}

by_chance! {
    /// 255 less each level.
    RandomInvert, 0.5, invert
}

by_chance! {
    /// Each channel's levels spread from 0 to 255.
    RandomAutocontrast, 0.5, autocontrast
}

by_chance! {
    /// Each channel's levels changed so that all are about as frequent.
    RandomEqualize, 0.5, equalize
}

/// The upper bits of each level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomPosterize {
    /// How many, 0 to 8.
    pub bits: u32,
    /// The chance.
    #[serde(default = "half")]
    pub p: f64,
}

/// Levels from a threshold on inverted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomSolarize {
    /// The threshold, 0 to 255.
    pub threshold: f64,
    /// The chance.
    #[serde(default = "half")]
    pub p: f64,
}

/// Each level as far from the mean of its surroundings as a factor times what it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomAdjustSharpness {
    /// The factor: 0 blurs, 1 changes nothing, 2 sharpens.
    pub sharpness_factor: f64,
    /// The chance.
    #[serde(default = "half")]
    pub p: f64,
}

fn half() -> f64 {
    0.5
}

impl Parameters for RandomPosterize {
    fn check(&self) -> Result<(), String> {
        match self.bits {
            0..=8 => check_chance("p", self.p),
            bits => Err(wrong("bits", &bits, "0 to 8")),
        }
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let bits = self.bits;
        painted(self.p, move |canvas, _| canvas.posterize(bits))
    }
}

impl Parameters for RandomSolarize {
    fn check(&self) -> Result<(), String> {
        check_number("threshold", self.threshold, 0.0..=255.0)?;
        check_chance("p", self.p)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let threshold = self.threshold;
        painted(self.p, move |canvas, _| canvas.solarize(threshold))
    }
}

impl Parameters for RandomAdjustSharpness {
    fn check(&self) -> Result<(), String> {
        check_number("sharpness_factor", self.sharpness_factor, 0.0..=f64::MAX)?;
        check_chance("p", self.p)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let factor = self.sharpness_factor;
        painted(self.p, move |canvas, _| canvas.sharpness(factor))
    }
}
