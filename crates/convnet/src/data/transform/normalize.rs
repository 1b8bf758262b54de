//! From levels to a network's input.

use super::view::{Levels, View};

/// Levels as numbers from 0 to 1, less `mean` and divided by `std`: the last step of every pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// Of each channel, of pixels from 0 to 1.
    pub mean: Vec<f32>,
    /// Of each channel, of pixels from 0 to 1; above 0.
    pub std: Vec<f32>,
}

/// A [`Normalize`] as one multiplication and one addition a pixel.
#[derive(Debug)]
pub(super) struct Affine(Vec<(f32, f32)>);

impl Affine {
    pub(super) fn new(normalize: &Normalize) -> Self {
        let channels = normalize.mean.iter().zip(&normalize.std);
        Self(channels.map(|(&mean, &std)| (1.0 / (255.0 * std), -mean / std)).collect())
    }

    /// Writes a plane a channel; an image of fewer planes has them repeated.
    pub(super) fn apply(&self, image: View, out: &mut [f32]) {
        let plane = image.size[0] * image.size[1];
        for (channel, (out, &(scale, offset))) in out.chunks_exact_mut(plane).zip(&self.0).enumerate() {
            let start = channel % image.channels * plane;
            match image.levels {
                Levels::Bytes(levels) => affine(&levels[start..][..plane], scale, offset, out),
                Levels::Floats(levels) => affine(&levels[start..][..plane], scale, offset, out),
            }
        }
    }
}

fn affine<T: Copy>(levels: &[T], scale: f32, offset: f32, out: &mut [f32])
where
    f32: From<T>,
{
    out.iter_mut().zip(levels).for_each(|(to, &from)| *to = f32::from(from) * scale + offset);
}
