//! Whole levels that a step changes in its own memory.

use super::super::random::Random;
use super::Step;
use super::view::{Levels, View};

/// Planes of whole levels, changed in place, and memory for what cannot be done in place.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    /// Planes.
    pub(super) channels: usize,
    /// Rows and columns.
    pub(super) size: [usize; 2],
    /// In the order C, H, W.
    pub(super) levels: Vec<u8>,
    /// What becomes the levels.
    pub(super) spare: Vec<u8>,
    /// Levels between two passes.
    pub(super) floats: Vec<f32>,
    /// Where pixels come from.
    pub(super) grid: super::warp::Grid,
}

impl Canvas {
    /// Takes over an image, rounded.
    pub(super) fn load(&mut self, image: View) {
        (self.channels, self.size) = (image.channels, image.size);
        self.levels.clear();
        match image.levels {
            Levels::Bytes(levels) => self.levels.extend_from_slice(levels),
            Levels::Floats(levels) => self.levels.extend(levels.iter().map(|level| level.round() as u8)),
        }
    }

    /// The image as it is now.
    pub(super) fn view(&self) -> View<'_> {
        View { channels: self.channels, size: self.size, levels: Levels::Bytes(&self.levels) }
    }

    /// Pixels of a plane.
    pub(super) fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Each plane.
    pub(super) fn planes(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let area = self.area();
        self.levels.chunks_exact_mut(area)
    }

    /// A grey image as one of `channels` planes.
    pub(super) fn widen(&mut self, channels: usize) {
        let area = self.area();
        for _ in self.channels..channels {
            self.levels.extend_from_within(..area);
        }
        self.channels = self.channels.max(channels);
    }

    /// The planes of red, green and blue; `None` of a grey image.
    pub(super) fn colours(&mut self) -> Option<[&mut [u8]; 3]> {
        let area = self.area();
        let (red, rest) = self.levels.split_at_mut_checked(area).filter(|_| self.channels == 3)?;
        let (green, blue) = rest.split_at_mut(area);
        Some([red, green, blue])
    }
}

/// A step that changes a canvas.
struct Painted<F> {
    /// The chance that it does; `None` for always, without a draw.
    p: Option<f64>,
    canvas: Canvas,
    change: F,
}

impl<F: FnMut(&mut Canvas, &mut Random) + Send> Step for Painted<F> {
    fn apply<'a>(&'a mut self, image: View<'a>, random: &mut Random) -> View<'a> {
        if self.p.is_some_and(|p| !random.chance(p)) {
            return image;
        }
        self.canvas.load(image);
        (self.change)(&mut self.canvas, random);
        self.canvas.view()
    }
}

/// The step that does `change` with a chance of `p`, or always without a draw for it.
pub(super) fn painted(
    p: impl Into<Option<f64>>,
    change: impl FnMut(&mut Canvas, &mut Random) + Send + 'static,
) -> Option<Box<dyn Step>> {
    Some(Box::new(Painted { p: p.into(), canvas: Canvas::default(), change }))
}
