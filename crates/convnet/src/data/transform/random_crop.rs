//! A window of an image, anywhere.

use super::super::random::Random;
use super::view::{Buffer, View};
use super::window::window;
use super::{Parameters, Step};

/// A window of `size` (height, width), anywhere in the image with `padding` pixels of black added on each side.
/// Two draws, also where there is but one place for the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomCrop {
    /// Height and width.
    pub size: [usize; 2],
    /// Pixels of black on each side.
    pub padding: usize,
}

impl Parameters for RandomCrop {
    fn size(&self, _: Option<[usize; 2]>) -> Option<[usize; 2]> {
        Some(self.size)
    }

    fn step(&self) -> Box<dyn Step> {
        Box::new(RandomCropStep { crop: *self, buffer: Buffer::default() })
    }
}

struct RandomCropStep {
    crop: RandomCrop,
    buffer: Buffer,
}

impl Step for RandomCropStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        let RandomCrop { size, padding } = self.crop;
        let corner = [0, 1].map(|axis| {
            let places = (image.size[axis] + 2 * padding).saturating_sub(size[axis]) + 1;
            random.below(places) as isize - padding as isize
        });
        window(image, corner, size, &mut self.buffer)
    }
}
