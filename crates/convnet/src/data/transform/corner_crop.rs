//! A corner of an image.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::{check_sides, sides};
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Placed, Step};

/// Which corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corner {
    /// Upper left.
    TopLeft,
    /// Upper right.
    TopRight,
    /// Lower left.
    BottomLeft,
    /// Lower right.
    BottomRight,
}

impl Corner {
    /// In torchvision's order (`FiveCrop`).
    pub const ALL: [Self; 4] = [Self::TopLeft, Self::TopRight, Self::BottomLeft, Self::BottomRight];
}

/// The window of `size` (height, width) in a corner; black where the image is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CornerCrop {
    /// Height and width.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
    /// Where the window lies.
    pub corner: Corner,
}

impl CornerCrop {
    /// Where the window begins in an image.
    fn place(self, image: [usize; 2]) -> [isize; 2] {
        let far = [0, 1].map(|axis| image[axis] as isize - self.size[axis] as isize);
        match self.corner {
            Corner::TopLeft => [0, 0],
            Corner::TopRight => [0, far[1]],
            Corner::BottomLeft => [far[0], 0],
            Corner::BottomRight => far,
        }
    }
}

impl Parameters for CornerCrop {
    fn check(&self) -> Result<(), String> {
        check_sides("size", self.size)
    }

    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(CornerCropStep { crop: *self, buffer: Buffer::default() }))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        let place = self.place(image.size());
        Some(image.window(place, self.size))
    }
}

struct CornerCropStep {
    crop: CornerCrop,
    buffer: Buffer,
}

impl Step for CornerCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        window(image, self.crop.place(image.size), self.crop.size, &mut self.buffer)
    }
}
