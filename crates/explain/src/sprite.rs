//! Small pictures side by side in one.

use image::{Rgb, RgbImage, imageops};
use serde::Serialize;

use crate::ExplainError;
use crate::page::encode;

/// A picture of thumbnails, as pages' scripts read it: thumbnail i stands in column i % columns, row i / columns.
#[derive(Debug, Serialize)]
pub(crate) struct Sprite {
    /// A data URI.
    pub(crate) picture: String,
    pub(crate) columns: usize,
    /// Pixels of each thumbnail.
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// Thumbnails in a row.
const COLUMNS: usize = 24;
/// The longest side of a thumbnail.
const SIDE: u32 = 56;

impl Sprite {
    /// All of them, each in the middle of its place; smaller ones on white.
    pub(crate) fn of(pictures: &[RgbImage]) -> Result<Self, ExplainError> {
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
        let grey = |pixel: &Rgb<u8>| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2];
        let colour = pictures.iter().any(|picture| !picture.pixels().all(grey));
        let picture = if colour { encode::photo(&sheet)? } else { encode::picture(&sheet)? };
        Ok(Self { picture, columns, height: height as usize, width: width as usize })
    }
}

/// A picture as a thumbnail: no side is longer than a thumbnail's.
pub(crate) fn small(picture: RgbImage) -> RgbImage {
    let longest = picture.width().max(picture.height());
    if longest <= SIDE {
        return picture;
    }
    let side = |length: u32| (length * SIDE / longest).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    imageops::resize(&picture, width, height, imageops::FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_stand_in_the_middle_of_their_places() {
        let wide = RgbImage::from_pixel(4, 2, Rgb([0; 3]));
        let high = RgbImage::from_pixel(2, 6, Rgb([0; 3]));
        let sprite = Sprite::of(&[wide, high]).unwrap();
        assert_eq!((sprite.columns, sprite.height, sprite.width), (2, 6, 4));
        assert!(sprite.picture.starts_with("data:image/png"));
        let red = RgbImage::from_pixel(200, 100, Rgb([200, 0, 0]));
        assert_eq!(small(red.clone()).dimensions(), (56, 28));
        let sprite = Sprite::of(&vec![small(red); 30]).unwrap();
        assert_eq!((sprite.columns, sprite.height, sprite.width), (24, 28, 56));
        assert!(sprite.picture.starts_with("data:image/jpeg"));
    }
}
