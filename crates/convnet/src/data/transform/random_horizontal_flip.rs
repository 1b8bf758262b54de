//! Images mirrored left to right.

use super::super::random::Random;
use super::view::{Buffer, Levels, View};
use super::{Parameters, Step};

/// Mirrors left to right, half of the time. One draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomHorizontalFlip;

impl Parameters for RandomHorizontalFlip {
    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Box<dyn Step> {
        Box::new(FlipStep(Buffer::default()))
    }
}

struct FlipStep(Buffer);

impl Step for FlipStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        if random.below(2) == 0 {
            return image;
        }
        let levels = match image.levels {
            Levels::Bytes(pixels) => Levels::Bytes(mirrored(pixels, image.size[1], &mut self.0.bytes)),
            Levels::Floats(pixels) => Levels::Floats(mirrored(pixels, image.size[1], &mut self.0.floats)),
        };
        View { levels, ..image }
    }
}

fn mirrored<'a, T: Copy>(pixels: &[T], width: usize, out: &'a mut Vec<T>) -> &'a [T] {
    out.clear();
    out.extend_from_slice(pixels);
    out.chunks_exact_mut(width).for_each(<[T]>::reverse);
    out
}
