//! Images seen from aside by chance.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::random_crop::black;
use super::resize::bilinear;
use super::values::{Fill, Interpolation, check_chance, check_lookup};
use super::warp::{Lookup, perspective};
use super::{Parameters, Step, painted};

/// Each corner moved inwards by up to a share of half the side, with a chance of `p`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomPerspective {
    /// The share.
    pub distortion_scale: f64,
    /// The chance.
    pub p: f64,
    /// `Nearest` or `Bilinear`.
    pub interpolation: Interpolation,
    /// The level outside of the image.
    pub fill: Fill,
}

impl Default for RandomPerspective {
    fn default() -> Self {
        Self { distortion_scale: 0.5, p: 0.5, interpolation: bilinear(), fill: black() }
    }
}

/// The corners (x, y) of an image, clockwise from the upper left one.
fn corners([height, width]: [usize; 2]) -> [[f64; 2]; 4] {
    let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
    [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]]
}

/// Where the corners come to lie.
fn moved(share: f64, size: [usize; 2], random: &mut Random) -> [[f64; 2]; 4] {
    let [rows, columns] = size.map(|side| (share * (side / 2) as f64) as usize + 1);
    let [height, width] = size;
    let mut near = |bound: usize| random.below(bound) as f64;
    let top_left = [near(columns), near(rows)];
    let top_right = [(width - columns) as f64 + near(columns), near(rows)];
    let bottom_right = [(width - columns) as f64 + near(columns), (height - rows) as f64 + near(rows)];
    let bottom_left = [near(columns), (height - rows) as f64 + near(rows)];
    [top_left, top_right, bottom_right, bottom_left]
}

impl Parameters for RandomPerspective {
    fn check(&self) -> Result<(), String> {
        check_chance("distortion_scale", self.distortion_scale)?;
        check_chance("p", self.p)?;
        check_lookup(self.interpolation, Some(self.fill), None)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        Some(self.fill)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { distortion_scale, p, interpolation, fill } = *self;
        let lookup = Lookup { interpolation, fill: Some(fill) };
        painted(p, move |canvas, random| {
            let to = moved(distortion_scale, canvas.size, random);
            // An image of one row or column has no corners that could be moved.
            if let Some(coefficients) = perspective(corners(canvas.size), to) {
                canvas.perspective(coefficients, lookup);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_move_inwards_to_every_place_of_their_range() {
        let mut random = Random::new(2, 0);
        let mut seen = [[f64::MAX, f64::MIN]; 8];
        for index in 0..3000 {
            random.start(index);
            let moved = moved(0.5, [9, 21], &mut random);
            for (seen, place) in seen.iter_mut().zip(moved.into_iter().flatten()) {
                *seen = [seen[0].min(place), seen[1].max(place)];
            }
        }
        // torchvision's bounds: int(0.5 · 10) + 1 columns and int(0.5 · 4) + 1 rows.
        let (left, right, top, bottom) = ([0.0, 5.0], [15.0, 20.0], [0.0, 2.0], [6.0, 8.0]);
        assert_eq!(seen, [left, top, right, top, right, bottom, left, bottom]);
    }
}
