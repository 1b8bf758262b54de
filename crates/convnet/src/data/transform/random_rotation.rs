//! Images turned by chance.

use serde::{Deserialize, Serialize};

use super::random_crop::black;
use super::values::{Fill, Interpolation, around_zero, check_lookup, check_range, nearest};
use super::warp::Lookup;
use super::{Parameters, Step, painted};

/// Turned counterclockwise by an angle of a range. One draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomRotation {
    /// The range of angles; a number for what lies between its negative and itself.
    #[serde(deserialize_with = "around_zero")]
    pub degrees: [f64; 2],
    /// `Nearest` or `Bilinear`.
    #[serde(default = "nearest")]
    pub interpolation: Interpolation,
    /// On as much space as the whole image takes.
    #[serde(default)]
    pub expand: bool,
    /// The place (x, y) that stays, in pixels from the upper left corner; the middle if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<[f64; 2]>,
    /// The level outside of the image.
    #[serde(default = "black")]
    pub fill: Fill,
}

impl RandomRotation {
    /// By up to so many degrees in either direction.
    pub fn new(degrees: f64) -> Self {
        Self {
            degrees: [-degrees, degrees],
            interpolation: nearest(),
            expand: false,
            center: None,
            fill: black(),
        }
    }
}

impl Parameters for RandomRotation {
    fn check(&self) -> Result<(), String> {
        check_range("degrees", self.degrees, -360.0..=360.0)?;
        check_lookup(self.interpolation, Some(self.fill), self.center)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before.filter(|_| !self.expand)
    }

    fn fill(&self) -> Option<Fill> {
        Some(self.fill)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { degrees, interpolation, expand, center, fill } = *self;
        let lookup = Lookup { interpolation, fill: Some(fill) };
        painted(None, move |canvas, random| canvas.rotate(random.uniform(degrees), expand, center, lookup))
    }
}
