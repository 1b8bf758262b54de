//! The middle of an image.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::{check_sides, sides};
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Step};

/// The middle of an image, `size` (height, width). Of an odd number of rows or columns that are cut off, one more at
/// the near side. What is smaller than `size` lies in the middle of black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Height and width.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
}

impl CenterCrop {
    /// Where the middle of an axis of `size` begins.
    pub(super) fn start(size: usize, kept: usize) -> isize {
        if size >= kept { (size - kept).div_ceil(2) as isize } else { -(((kept - size) / 2) as isize) }
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
}

struct CenterCropStep {
    crop: CenterCrop,
    buffer: Buffer,
}

impl Step for CenterCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        let size = self.crop.size;
        let corner = [0, 1].map(|axis| CenterCrop::start(image.size[axis], size[axis]));
        window(image, corner, size, &mut self.buffer)
    }
}
