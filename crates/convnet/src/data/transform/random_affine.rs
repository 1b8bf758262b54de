//! Images turned, shifted, scaled and sheared by chance.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::random_crop::black;
use super::values::{
    Fill, Interpolation, around_zero, check_lookup, check_number, check_range, nearest, shear,
};
use super::warp::{Affine, Lookup};
use super::{Parameters, Step, painted};

/// Turned clockwise, shifted, scaled and sheared at once, each by an amount of its range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomAffine {
    /// The range of angles; a number for what lies between its negative and itself.
    #[serde(deserialize_with = "around_zero")]
    pub degrees: [f64; 2],
    /// The farthest shift in either direction along x and y, as a share of the width and of the height.
    #[serde(default)]
    pub translate: [f64; 2],
    /// The range of factors.
    #[serde(default = "same_size")]
    pub scale: [f64; 2],
    /// The ranges of degrees along x and along y, `[x, x, y, y]`; two numbers or one are along x alone.
    #[serde(default, deserialize_with = "shear")]
    pub shear: [f64; 4],
    /// `Nearest` or `Bilinear`.
    #[serde(default = "nearest")]
    pub interpolation: Interpolation,
    /// The level outside of the image.
    #[serde(default = "black")]
    pub fill: Fill,
    /// The place (x, y) that stays, in pixels from the upper left corner; the middle if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<[f64; 2]>,
}

fn same_size() -> [f64; 2] {
    [1.0; 2]
}

/// The most degrees of a shear: at 90 an image has no width.
const MAX_SHEAR: f64 = 89.0;

impl RandomAffine {
    /// Turned by up to so many degrees in either direction, and nothing else.
    pub fn new(degrees: f64) -> Self {
        Self {
            degrees: [-degrees, degrees],
            translate: [0.0; 2],
            scale: same_size(),
            shear: [0.0; 4],
            interpolation: nearest(),
            fill: black(),
            center: None,
        }
    }

    fn draw(&self, [height, width]: [usize; 2], random: &mut Random) -> Affine {
        let angle = random.uniform(self.degrees);
        let most = [self.translate[0] * width as f64, self.translate[1] * height as f64];
        let translate = most.map(|most| random.uniform([-most, most]).round_ties_even());
        let scale = random.uniform(self.scale);
        let [x0, x1, y0, y1] = self.shear;
        let shear = [random.uniform([x0, x1]), random.uniform([y0, y1])];
        Affine { angle, translate, scale, shear, center: self.center }
    }
}

impl Parameters for RandomAffine {
    fn check(&self) -> Result<(), String> {
        check_range("degrees", self.degrees, -360.0..=360.0)?;
        self.translate.iter().try_for_each(|&share| check_number("translate", share, 0.0..=1.0))?;
        check_range("scale", self.scale, f64::MIN_POSITIVE..=f64::MAX)?;
        let [x0, x1, y0, y1] = self.shear;
        check_range("shear", [x0, x1], -MAX_SHEAR..=MAX_SHEAR)?;
        check_range("shear", [y0, y1], -MAX_SHEAR..=MAX_SHEAR)?;
        check_lookup(self.interpolation, Some(self.fill), self.center)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        Some(self.fill)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let affine = *self;
        let lookup = Lookup { interpolation: self.interpolation, fill: Some(self.fill) };
        painted(None, move |canvas, random| canvas.affine(affine.draw(canvas.size, random), lookup))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_drawn_from_their_whole_ranges() {
        let affine = RandomAffine {
            translate: [0.1, 0.3],
            scale: [0.5, 2.0],
            shear: [-5.0, 10.0, 1.0, 2.0],
            ..RandomAffine::new(30.0)
        };
        let mut random = Random::new(1, 0);
        let mut seen = [[f64::MAX, f64::MIN]; 6];
        for index in 0..2000 {
            random.start(index);
            let Affine { angle, translate, scale, shear, .. } = affine.draw([40, 50], &mut random);
            let all = [angle, translate[0], translate[1], scale, shear[0], shear[1]];
            for (seen, found) in seen.iter_mut().zip(all) {
                *seen = [seen[0].min(found), seen[1].max(found)];
            }
            assert_eq!(translate, translate.map(f64::round));
        }
        let ranges = [[-30.0, 30.0], [-5.0, 5.0], [-12.0, 12.0], [0.5, 2.0], [-5.0, 10.0], [1.0, 2.0]];
        for (seen, range) in seen.iter().zip(ranges) {
            let near = 0.01 * (range[1] - range[0]);
            assert!(seen[0] >= range[0] && seen[0] < range[0] + near, "{seen:?} of {range:?}");
            assert!(seen[1] <= range[1] && seen[1] > range[1] - near, "{seen:?} of {range:?}");
        }
    }
}
