//! Values as pixels.

use convnet::data::Preprocess;
use image::{Rgb, RgbImage, imageops};

use crate::palette::signed_colour;
use crate::{Heat, Palette};

/// What the network sees of an image that was made its input (C, H, W): the input without its normalization; of other than
/// one or three channels the first one.
///
/// # Panics
/// If `input` has not as many floats as the preprocessing gives.
pub fn network_view(preprocess: &Preprocess, input: &[f32]) -> RgbImage {
    let [channels, height, width] = preprocess.input();
    let plane = height * width;
    assert_eq!(input.len(), channels * plane, "floats of an input");
    of_planes(preprocess.input(), |at| {
        let value = input[at] * preprocess.std()[at / plane] + preprocess.mean()[at / plane];
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

/// A picture of three planes, or of the first one in grey: `level` is that of a place in C·H·W.
pub(crate) fn of_planes([channels, height, width]: [usize; 3], level: impl Fn(usize) -> u8) -> RgbImage {
    let plane = |channel: usize| if channels == 3 { channel * height * width } else { 0 };
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let pixel = y as usize * width + x as usize;
        Rgb([0, 1, 2].map(|channel| level(plane(channel) + pixel)))
    })
}

/// A filter (C, H, W) of grey or colour images as a picture, its least weight black and its largest white.
pub fn filter_picture(size: [usize; 3], weights: &[f32]) -> RgbImage {
    let scaled = Heat::new(size[0] * size[1], size[2], weights.to_vec()).scaled().values;
    of_planes(size, |at| (scaled[at] * 255.0).round() as u8)
}

/// A small picture at a whole multiple of its size, near `side`, so that what lies over it is smooth.
pub fn enlarged(picture: &RgbImage, side: u32) -> RgbImage {
    let times = (side / picture.width().max(picture.height())).max(1);
    let (width, height) = (picture.width() * times, picture.height() * times);
    imageops::resize(picture, width, height, imageops::FilterType::Nearest)
}

/// Values from 0 to 1 in a palette's colours, a pixel each.
pub fn heat_picture(heat: &Heat, palette: Palette) -> RgbImage {
    painted(heat, |value| palette.colour(value))
}

/// Values from −1 to 1, blue by white to red, a pixel each.
pub fn signed_picture(heat: &Heat) -> RgbImage {
    painted(heat, signed_colour)
}

fn painted(heat: &Heat, colour: impl Fn(f32) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(heat.width as u32, heat.height as u32, |x, y| {
        Rgb(colour(heat.values[y as usize * heat.width + x as usize]))
    })
}

/// A photo below values from 0 to 1, which are brought to its size; `strength` of the mixture is the values'.
pub fn overlay(photo: &RgbImage, heat: &Heat, palette: Palette, strength: f32) -> RgbImage {
    let colours = heat_picture(&heat.resized(photo.height() as usize, photo.width() as usize), palette);
    let strength = strength.clamp(0.0, 1.0);
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let (below, above) = (photo.get_pixel(x, y).0, colours.get_pixel(x, y).0);
        let mix = |i: usize| {
            (f32::from(below[i]) + (f32::from(above[i]) - f32::from(below[i])) * strength).round() as u8
        };
        Rgb([mix(0), mix(1), mix(2)])
    })
}

/// Pictures of one size side by side, so many in a row, with white gaps between them.
///
/// # Panics
/// If there is no picture, or none in a row.
pub fn tile(pictures: &[RgbImage], columns: usize, gap: u32) -> RgbImage {
    assert!(!pictures.is_empty() && columns > 0, "pictures to tile");
    let (width, height) = pictures[0].dimensions();
    let columns = columns.min(pictures.len());
    let rows = pictures.len().div_ceil(columns);
    let side = |count: usize, size: u32| count as u32 * (size + gap) - gap;
    let mut all = RgbImage::from_pixel(side(columns, width), side(rows, height), Rgb([255; 3]));
    for (index, picture) in pictures.iter().enumerate() {
        let (x, y) = ((index % columns) as u32, (index / columns) as u32);
        imageops::replace(&mut all, picture, i64::from(x * (width + gap)), i64::from(y * (height + gap)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_sees_the_image_before_its_normalization() {
        let preprocess = Preprocess::imagenet(1, 2);
        let input: Vec<f32> = [[0.0f32, 0.5], [1.0, 0.25], [0.75, 2.0]]
            .iter()
            .zip(preprocess.mean().iter().zip(preprocess.std()))
            .flat_map(|(row, (mean, std))| row.map(|value| (value - mean) / std))
            .collect();
        let seen = network_view(&preprocess, &input);
        assert_eq!((seen.get_pixel(0, 0).0, seen.get_pixel(1, 0).0), ([0, 255, 191], [128, 64, 255]));
        let grey = network_view(&Preprocess::plain([1, 1, 2]), &[0.0, 1.0]);
        assert_eq!(grey.get_pixel(1, 0).0, [255; 3]);
    }

    #[test]
    fn mixtures_and_tiles() {
        let photo = RgbImage::from_pixel(4, 4, Rgb([100, 0, 50]));
        let heat = Heat::new(1, 1, vec![1.0]);
        let mixed = overlay(&photo, &heat, Palette::Grey, 0.5);
        assert_eq!(mixed.get_pixel(3, 3).0, [178, 128, 153]);
        assert_eq!(overlay(&photo, &heat, Palette::Grey, 0.0), photo);
        let all = tile(&[photo.clone(), photo.clone(), photo], 2, 3);
        assert_eq!(all.dimensions(), (11, 11));
        assert_eq!((all.get_pixel(4, 0).0, all.get_pixel(7, 0).0), ([255; 3], [100, 0, 50]));
        assert_eq!(all.get_pixel(7, 7).0, [255; 3]);
    }
}
