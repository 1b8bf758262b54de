//! The images of a set that a page shows, each once.

use std::collections::HashMap;

use convnet::data::{Dataset, Image};
use image::RgbImage;

use crate::ExplainError;
use crate::paint::of_planes;
use crate::sprite::{Sprite, small};

/// The images that are shown, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Thumbs {
    /// Their places in the set.
    pub(crate) shown: Vec<usize>,
    slots: HashMap<usize, usize>,
}

impl Thumbs {
    /// The number of an image among those that are shown.
    pub(crate) fn slot(&mut self, index: usize) -> usize {
        *self.slots.entry(index).or_insert_with(|| {
            self.shown.push(index);
            self.shown.len() - 1
        })
    }

    /// All of them side by side.
    pub(crate) fn sprite(&self, images: &Dataset) -> Result<Sprite, ExplainError> {
        let picture = |&index: &usize| Ok(thumbnail(&images.image(index)?));
        Sprite::of(&self.shown.iter().map(picture).collect::<Result<Vec<_>, ExplainError>>()?)
    }
}

/// What an image is called: its file, or its number in the set.
pub(crate) fn image_name(images: &Dataset, index: usize) -> String {
    images.name_of(index).unwrap_or_else(|| format!("image {index}"))
}

/// A small picture of an image.
pub fn thumbnail(image: &Image<'_>) -> RgbImage {
    let (channels, height, width) = image.shape();
    small(of_planes([channels, height, width], |at| image.pixels()[at]))
}
