//! Small pictures of the images that a page shows, each once.

use std::collections::HashMap;

use convnet::data::{Dataset, Image};
use image::{Rgb, RgbImage, imageops};

use super::data::SpriteData;
use crate::ExplainError;
use crate::page::encode;
use crate::paint::of_planes;

/// The images that are shown, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Thumbs {
    /// Their places in the set.
    pub(super) shown: Vec<usize>,
    slots: HashMap<usize, usize>,
}

/// The longest side of a thumbnail, and how many stand in a row.
const SIDE: u32 = 56;
const COLUMNS: usize = 24;

impl Thumbs {
    /// The number of an image among those that are shown.
    pub(super) fn slot(&mut self, index: usize) -> usize {
        *self.slots.entry(index).or_insert_with(|| {
            self.shown.push(index);
            self.shown.len() - 1
        })
    }

    /// All of them side by side.
    pub(super) fn sprite(&self, images: &Dataset) -> Result<SpriteData, ExplainError> {
        let mut pictures = Vec::with_capacity(self.shown.len());
        let mut colour = false;
        for &index in &self.shown {
            let image = images.image(index)?;
            colour |= image.shape().0 == 3;
            pictures.push(thumbnail(&image));
        }
        let size = |of: fn(&RgbImage) -> u32| pictures.iter().map(of).max().unwrap_or(1);
        let (width, height) = (size(RgbImage::width), size(RgbImage::height));
        let columns = pictures.len().clamp(1, COLUMNS);
        let rows = pictures.len().div_ceil(columns).max(1);
        let mut sheet = RgbImage::from_pixel(columns as u32 * width, rows as u32 * height, Rgb([255; 3]));
        for (slot, picture) in pictures.iter().enumerate() {
            let left = (slot % columns) as u32 * width + (width - picture.width()) / 2;
            let top = (slot / columns) as u32 * height + (height - picture.height()) / 2;
            imageops::replace(&mut sheet, picture, i64::from(left), i64::from(top));
        }
        // Drawings and digits stay sharp; photos may lose a little.
        let picture = if colour { encode::photo(&sheet)? } else { encode::picture(&sheet)? };
        Ok(SpriteData { picture, columns, height: height as usize, width: width as usize })
    }
}

/// A small picture of an image.
pub fn thumbnail(image: &Image<'_>) -> RgbImage {
    let (channels, height, width) = image.shape();
    let picture = of_planes([channels, height, width], |at| image.pixels()[at]);
    let longest = picture.width().max(picture.height());
    if longest <= SIDE {
        return picture;
    }
    let side = |length: u32| (length * SIDE / longest).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    imageops::resize(&picture, width, height, imageops::FilterType::Triangle)
}
