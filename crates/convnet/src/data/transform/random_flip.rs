//! Images mirrored left to right, or top to bottom.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::check_chance;
use super::view::{Buffer, Levels, View};
use super::{Parameters, Placed, Step};

/// Mirrors left to right with a chance of `p`. One draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomHorizontalFlip {
    /// The chance.
    pub p: f64,
}

/// Mirrors top to bottom with a chance of `p`. One draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomVerticalFlip {
    /// The chance.
    pub p: f64,
}

impl Default for RandomHorizontalFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl Default for RandomVerticalFlip {
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl Parameters for RandomHorizontalFlip {
    fn check(&self) -> Result<(), String> {
        check_chance("p", self.p)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(FlipStep { p: self.p, vertical: false, buffer: Buffer::default() }))
    }

    fn moved(&self, image: Placed, random: &mut Random) -> Option<Placed> {
        Some(if random.chance(self.p) { image.flipped(1) } else { image })
    }
}

impl Parameters for RandomVerticalFlip {
    fn check(&self) -> Result<(), String> {
        check_chance("p", self.p)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(FlipStep { p: self.p, vertical: true, buffer: Buffer::default() }))
    }

    fn moved(&self, image: Placed, random: &mut Random) -> Option<Placed> {
        Some(if random.chance(self.p) { image.flipped(0) } else { image })
    }
}

struct FlipStep {
    p: f64,
    vertical: bool,
    buffer: Buffer,
}

impl Step for FlipStep {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        if !random.chance(self.p) {
            return image;
        }
        let (buffer, vertical, size) = (&mut self.buffer, self.vertical, image.size);
        let levels = match image.levels {
            Levels::Bytes(pixels) => Levels::Bytes(mirrored(pixels, size, vertical, &mut buffer.bytes)),
            Levels::Floats(pixels) => Levels::Floats(mirrored(pixels, size, vertical, &mut buffer.floats)),
        };
        View { levels, ..image }
    }
}

fn mirrored<'a, T: Copy>(
    pixels: &[T],
    [height, width]: [usize; 2],
    vertical: bool,
    out: &'a mut Vec<T>,
) -> &'a [T] {
    out.clear();
    if vertical {
        let planes = pixels.chunks_exact(height * width);
        planes.for_each(|plane| plane.rchunks_exact(width).for_each(|row| out.extend_from_slice(row)));
    } else {
        out.extend_from_slice(pixels);
        out.chunks_exact_mut(width).for_each(<[T]>::reverse);
    }
    out
}
