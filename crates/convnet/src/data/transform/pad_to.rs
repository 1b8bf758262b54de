//! An image in a frame of black.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::{check_sides, sides};
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Placed, Step};

/// The image in the middle of black of `size` (height, width), or its middle where it is larger. Of an odd number of
/// rows or columns, one more at the far side. torchvision has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PadTo {
    /// Height and width.
    #[serde(deserialize_with = "sides")]
    pub size: [usize; 2],
}

impl PadTo {
    /// Where the window of `size` begins in an image of `image` (height, width).
    pub(super) fn corner(self, image: [usize; 2]) -> [isize; 2] {
        // Division of signed numbers rounds towards 0.
        [0, 1].map(|axis| (image[axis] as isize - self.size[axis] as isize) / 2)
    }
}

impl Parameters for PadTo {
    fn check(&self) -> Result<(), String> {
        check_sides("size", self.size)
    }

    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(PadToStep { pad: *self, buffer: Buffer::default() }))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        let corner = self.corner(image.size());
        Some(image.window(corner, self.size))
    }
}

struct PadToStep {
    pad: PadTo,
    buffer: Buffer,
}

impl Step for PadToStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        window(image, self.pad.corner(image.size), self.pad.size, &mut self.buffer)
    }
}
