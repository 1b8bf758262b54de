//! The middle of an image.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::{check_sides, sides};
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Placed, Step};

/// The middle of an image, `size` (height, width). What is smaller than `size` lies in the middle of black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Height and width.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
    /// Of an odd number of rows or columns that are cut off, always one more at the near side. torchvision, and so
    /// what is not told, rounds half of the number, to an even one where it lies between two.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub near: bool,
}

impl CenterCrop {
    /// The middle that torchvision takes.
    pub fn new(size: [usize; 2]) -> Self {
        Self { size, near: false }
    }

    /// The middle with one row or column more cut off at the near side.
    pub fn near(size: [usize; 2]) -> Self {
        Self { size, near: true }
    }

    /// Where the middle of an axis of `pixels` begins.
    pub(super) fn start(self, axis: usize, pixels: usize) -> isize {
        let kept = self.size[axis];
        if pixels < kept {
            return -(((kept - pixels) / 2) as isize);
        }
        let (half, odd) = ((pixels - kept) / 2, (pixels - kept) % 2);
        (if self.near || half % 2 == 1 { half + odd } else { half }) as isize
    }

    fn corner(self, image: [usize; 2]) -> [isize; 2] {
        [0, 1].map(|axis| self.start(axis, image[axis]))
    }
}

impl Parameters for CenterCrop {
    fn check(&self) -> Result<(), String> {
        check_sides("size", self.size)
    }

    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(CenterCropStep { crop: *self, buffer: Buffer::default() }))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        let corner = self.corner(image.size());
        Some(image.window(corner, self.size))
    }
}

struct CenterCropStep {
    crop: CenterCrop,
    buffer: Buffer,
}

impl Step for CenterCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        window(image, self.crop.corner(image.size), self.crop.size, &mut self.buffer)
    }
}
