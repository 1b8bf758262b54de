//! The images that a training step takes.

use crate::gpu;
use crate::moved::MovedBatch;

/// Images (N, C, H, W) of a batch: in memory (`&[f32]`, `&Vec<f32>`), or where a GPU has them already.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a>(pub(super) gpu::Images<'a>);

impl<'a> From<&'a [f32]> for Images<'a> {
    fn from(images: &'a [f32]) -> Self {
        Self(gpu::Images::Host(images))
    }
}

impl<'a> From<&'a Vec<f32>> for Images<'a> {
    fn from(images: &'a Vec<f32>) -> Self {
        images.as_slice().into()
    }
}

impl<'a, const FLOATS: usize> From<&'a [f32; FLOATS]> for Images<'a> {
    fn from(images: &'a [f32; FLOATS]) -> Self {
        images.as_slice().into()
    }
}

impl<'a> Images<'a> {
    /// Images that [`Ahead`](super::Ahead) sent.
    pub fn sent(images: &'a gpu::Sent) -> Self {
        Self(gpu::Images::Sent(images))
    }

    /// Images of the set that the GPU keeps ([`TrainingStep::keep`](super::TrainingStep::keep)).
    pub fn kept(batch: &'a MovedBatch) -> Self {
        Self(gpu::Images::Kept(batch))
    }

    /// Those in the host's memory; `None` where a GPU has them.
    pub(super) fn host(self) -> Option<&'a [f32]> {
        match self.0 {
            gpu::Images::Host(images) => Some(images),
            gpu::Images::Sent(_) | gpu::Images::Kept(_) => None,
        }
    }

    /// Floats of all of them, each of `image`.
    pub(super) fn floats(self, image: usize) -> usize {
        match self.0 {
            gpu::Images::Host(images) => images.len(),
            gpu::Images::Sent(sent) => sent.floats(),
            gpu::Images::Kept(batch) => batch.len() * image,
        }
    }
}
