//! An image in a frame of black.

use super::super::random::Random;
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Step};

/// The image in the middle of black of `size` (height, width), or its middle where it is larger. Of an odd number of
/// rows or columns, one more at the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    /// Height and width.
    pub size: [usize; 2],
}

impl Parameters for Pad {
    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Box<dyn Step> {
        Box::new(PadStep { pad: *self, buffer: Buffer::default() })
    }
}

struct PadStep {
    pad: Pad,
    buffer: Buffer,
}

impl Step for PadStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        let size = self.pad.size;
        // Division of signed numbers rounds towards 0.
        let corner = [0, 1].map(|axis| (image.size[axis] as isize - size[axis] as isize) / 2);
        window(image, corner, size, &mut self.buffer)
    }
}
