//! A window of an image, anywhere.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::border::{Border, Bordered, PaddingMode};
use super::values::{Fill, check_padding, check_sides, padding, sides};
use super::view::View;
use super::{Parameters, Placed, Step};

/// A window of `size`, anywhere in the image with `padding` pixels added on each side.
///
/// Two draws, also where there is but one place for the window. A window that is larger than the image with its
/// padding, which torchvision refuses, lies at the near corner unless `pad_if_needed`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Height and width.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
    /// Pixels that are added at the left, the top, the right and the bottom.
    #[serde(default, deserialize_with = "padding")]
    pub padding: [usize; 4],
    /// Add what a smaller image lacks, on each of its sides.
    #[serde(default)]
    pub pad_if_needed: bool,
    /// The level that is added.
    #[serde(default = "black")]
    pub fill: Fill,
    /// What is added in place of a level.
    #[serde(default)]
    pub padding_mode: PaddingMode,
}

pub(super) fn black() -> Fill {
    Fill::Same(0.0)
}

impl RandomCrop {
    /// A window of this height and width, without padding.
    pub fn new(size: [usize; 2]) -> Self {
        Self {
            size,
            padding: [0; 4],
            pad_if_needed: false,
            fill: black(),
            padding_mode: PaddingMode::Constant,
        }
    }

    /// Where the window begins in an image.
    fn corner(&self, image: [usize; 2], random: &mut Random) -> [isize; 2] {
        let [left, top, right, bottom] = self.padding;
        let axes = [(top, bottom), (left, right)];
        [0, 1].map(|axis| {
            let (near, far) = axes[axis];
            let (padded, window) = (image[axis] + near + far, self.size[axis]);
            let missing = if self.pad_if_needed { window.saturating_sub(padded) } else { 0 };
            let places = (padded + 2 * missing).saturating_sub(window) + 1;
            random.below(places) as isize - (near + missing) as isize
        })
    }
}

impl Parameters for RandomCrop {
    fn check(&self) -> Result<(), String> {
        check_sides("size", self.size)?;
        check_padding(self.padding)?;
        self.fill.check()
    }

    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn fill(&self) -> Option<Fill> {
        (self.padding_mode == PaddingMode::Constant).then_some(self.fill)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(RandomCropStep { crop: *self, bordered: Bordered::default() }))
    }

    fn moved(&self, image: Placed, random: &mut Random) -> Option<Placed> {
        let border = Border { mode: self.padding_mode, fill: self.fill };
        let corner = self.corner(image.size(), random);
        border.is_black().then(|| image.window(corner, self.size))
    }
}

struct RandomCropStep {
    crop: RandomCrop,
    bordered: Bordered,
}

impl Step for RandomCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        let crop = &self.crop;
        let corner = crop.corner(image.size, random);
        let border = Border { mode: crop.padding_mode, fill: crop.fill };
        self.bordered.window(image, corner, crop.size, border)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn corners(crop: RandomCrop, image: [usize; 2]) -> HashSet<[isize; 2]> {
        let mut random = Random::new(1, 0);
        let corner = |index| {
            random.start(index);
            crop.corner(image, &mut random)
        };
        (0..500).map(corner).collect()
    }

    #[test]
    fn every_place_in_the_padded_image_is_drawn() {
        let all = |rows: std::ops::RangeInclusive<isize>, columns: std::ops::RangeInclusive<isize>| {
            rows.flat_map(|row| columns.clone().map(move |column| [row, column])).collect::<HashSet<_>>()
        };
        let crop = RandomCrop { padding: [1, 2, 3, 0], ..RandomCrop::new([4, 5]) };
        assert_eq!(corners(crop, [4, 5]), all(-2..=0, -1..=3));
        assert_eq!(corners(RandomCrop::new([2, 3]), [4, 4]), all(0..=2, 0..=1));
        // torchvision's `pad_if_needed` adds what is missing on both sides.
        let needed = RandomCrop { pad_if_needed: true, ..RandomCrop::new([4, 2]) };
        assert_eq!(corners(needed, [2, 2]), all(-2..=0, 0..=0));
        assert_eq!(corners(RandomCrop::new([4, 2]), [2, 2]), all(0..=0, 0..=0));
    }
}
