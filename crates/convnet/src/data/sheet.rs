//! A contact sheet: rows of small images, each row with a name, as a PNG file.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tiny_skia::{Color, FillRule, Paint, Pixmap, Transform};

use super::dataset::at_size;
use super::transform::Chain;
use super::{DataError, Image};
use crate::font;

/// Rows of images, each with its name.
///
/// ```
/// use convnet::data::{self, Sheet};
///
/// # fn main() -> Result<(), data::DataError> {
/// let set = data::open(data::DEFAULT)?.train;
/// let images = (0..3).map(|index| set.image(index)).collect::<Result<_, _>>()?;
/// let sheet = Sheet { columns: 8, cell: [56, 56], rows: vec![("clothes".to_owned(), images)] };
/// assert!(sheet.to_png()?.starts_with(b"\x89PNG"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sheet<'a> {
    /// Images beside one another; what a row has more goes on below.
    pub columns: usize,
    /// Height and width that an image is fitted into: reduced in its proportions, or enlarged by a whole number.
    pub cell: [usize; 2],
    /// The rows from the top, each with its name and its images.
    pub rows: Vec<(String, Vec<Image<'a>>)>,
}

/// Pixels between images, and around all of them.
const GAP: usize = 4;
/// Pixels between rows that have different names.
const BREAK: usize = 10;
/// The size of names.
const SIZE: f64 = 15.0;
/// The widest name in ems; of a longer one the middle is left out.
const WIDEST: f64 = 16.0;
/// The most pixels of a sheet.
const MAX_PIXELS: usize = 1 << 26;
/// Behind the images.
const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [31, 41, 51];

impl Sheet<'_> {
    /// The sheet as a PNG file of RGB pixels.
    ///
    /// # Errors
    /// If it has no image, or would have more than 2²⁶ pixels.
    pub fn to_png(&self) -> Result<Vec<u8>, DataError> {
        let [rows, columns] = self.cell;
        if [rows, columns, self.columns].contains(&0) || self.rows.iter().all(|(_, images)| images.is_empty())
        {
            return Err(unusable("it has no image, or no room for one".to_owned()));
        }
        let labels: Vec<String> = self
            .rows
            .iter()
            .map(|(name, _)| font::shorten(&font::drawable(&font::clean(name)), WIDEST))
            .collect();
        let widest = labels.iter().map(|label| font::width(label)).fold(0.0, f64::max);
        let left = GAP + (widest * SIZE).ceil() as usize + usize::from(widest > 0.0) * 2 * GAP;
        let across = self.rows.iter().map(|(_, images)| images.len().min(self.columns)).max().unwrap_or(0);
        let lines = |images: &[Image<'_>]| images.len().div_ceil(self.columns).max(1);
        let below: usize = self.rows.iter().map(|(_, images)| lines(images)).sum();
        let width = left.saturating_add(across.saturating_mul(columns.saturating_add(GAP)));
        let height =
            below.saturating_mul(rows.saturating_add(GAP)).saturating_add(self.rows.len() * BREAK + GAP);
        let size = |side: usize| u32::try_from(side).ok();
        let canvas = match (size(width), size(height)) {
            (Some(w), Some(h)) if width.saturating_mul(height) <= MAX_PIXELS => Pixmap::new(w, h),
            _ => None,
        };
        let Some(mut canvas) = canvas else {
            return Err(unusable(format!(
                "it would have {width} × {height} pixels, expected at most {MAX_PIXELS} in all; show fewer images or \
                 smaller ones"
            )));
        };
        canvas.fill(Color::from_rgba8(PAPER[0], PAPER[1], PAPER[2], 255));
        let mut top = GAP;
        for ((_, images), label) in self.rows.iter().zip(&labels) {
            write(&mut canvas, label, (GAP as f64, top as f64 + rows as f64 / 2.0));
            for (line, images) in images.chunks(self.columns).enumerate() {
                for (column, image) in images.iter().enumerate() {
                    let corner = [top + line * (rows + GAP), left + column * (columns + GAP)];
                    place(&mut canvas, &fitted(image, self.cell), corner, self.cell);
                }
            }
            top += lines(images) * (rows + GAP) + BREAK;
        }
        // On white paper every pixel is opaque.
        let pixels: Vec<u8> = canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&pixels, canvas.width(), canvas.height(), ExtendedColorType::Rgb8)
            .map_err(|error| unusable(error.to_string()))?;
        Ok(bytes)
    }
}

fn unusable(problem: String) -> DataError {
    DataError::Sheet { problem }
}

fn write(canvas: &mut Pixmap, text: &str, at: (f64, f64)) {
    if let Some(path) = font::path(text, at, SIZE) {
        let mut paint = Paint::default();
        paint.set_color_rgba8(INK[0], INK[1], INK[2], 255);
        paint.anti_alias = true;
        canvas.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }
}

/// The image at the largest size that fits into a cell.
fn fitted(image: &Image<'_>, [rows, columns]: [usize; 2]) -> Image<'static> {
    let (channels, height, width) = image.shape();
    let times = (rows / height).min(columns / width);
    if times > 0 {
        let source = image.pixels();
        let (tall, wide) = (height * times, width * times);
        let at =
            |channel: usize, y: usize, x: usize| source[(channel * height + y / times) * width + x / times];
        let pixels: Vec<u8> = (0..channels * tall * wide)
            .map(|place| at(place / (tall * wide), place / wide % tall, place % wide))
            .collect();
        return Image::owned((channels, tall, wide), pixels);
    }
    let size = match rows * width <= columns * height {
        true => [rows, (width * rows / height).max(1)],
        false => [(height * columns / width).max(1), columns],
    };
    Chain::new(&at_size(size)).run(image).into_owned()
}

/// Copies an image to the middle of a cell.
fn place(canvas: &mut Pixmap, image: &Image<'_>, corner: [usize; 2], cell: [usize; 2]) {
    let (channels, height, width) = image.shape();
    let (plane, wide) = (height * width, canvas.width() as usize);
    let start = [corner[0] + (cell[0] - height) / 2, corner[1] + (cell[1] - width) / 2];
    let pixels = image.pixels();
    for y in 0..height {
        let row = &mut canvas.data_mut()[4 * ((start[0] + y) * wide + start[1])..][..4 * width];
        for (x, out) in row.chunks_exact_mut(4).enumerate() {
            for (channel, level) in out.iter_mut().take(3).enumerate() {
                *level = pixels[channel % channels * plane + y * width + x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(shape: (usize, usize, usize), level: u8) -> Image<'static> {
        Image::new(shape, vec![level; shape.0 * shape.1 * shape.2]).unwrap()
    }

    fn drawn(sheet: &Sheet<'_>) -> image::RgbImage {
        let bytes = sheet.to_png().unwrap();
        assert_eq!(bytes, sheet.to_png().unwrap());
        image::load_from_memory(&bytes).unwrap().into_rgb8()
    }

    fn count(png: &image::RgbImage, colour: [u8; 3]) -> usize {
        png.pixels().filter(|pixel| pixel.0 == colour).count()
    }

    #[test]
    fn images_are_fitted_in_their_proportions() {
        let red = Image::new((3, 1, 1), [200, 0, 0].to_vec()).unwrap();
        let rows = vec![(String::new(), vec![flat((1, 40, 20), 7), flat((1, 100, 400), 9), red])];
        let sheet = Sheet { columns: 2, cell: [40, 40], rows };
        let png = drawn(&sheet);
        assert_eq!((png.width(), png.height()), (4 + 2 * 44, 2 * 44 + 14));
        let counts = [[7; 3], [9; 3], [200, 0, 0]].map(|colour| count(&png, colour));
        assert_eq!(counts, [40 * 20, 10 * 40, 40 * 40]);
        assert_eq!(png.get_pixel(4 + 10, 4).0, [7; 3]);
        // The third is on a second line.
        assert_eq!(png.get_pixel(4, 4 + 44).0, [200, 0, 0]);
    }

    #[test]
    fn names_are_drawn_and_keep_to_their_place() {
        let width = |name: &str| {
            let sheet =
                Sheet { columns: 1, cell: [30, 30], rows: vec![(name.to_owned(), vec![flat((1, 3, 3), 9)])] };
            let png = drawn(&sheet);
            assert_eq!(count(&png, INK) > 0, !name.is_empty(), "{name}");
            assert_eq!(count(&png, [9; 3]), 900);
            png.width()
        };
        assert!(width("") < width("cat") && width("cat") < width("Ankle boot"));
        assert!(width(&"long ".repeat(100)) < 320);
        width("猫\u{202e}");
    }

    #[test]
    fn a_sheet_of_nothing_or_too_much_is_refused() {
        let message = |columns, cell, images| {
            let sheet = Sheet { columns, cell, rows: vec![("a".into(), images)] };
            sheet.to_png().unwrap_err().to_string()
        };
        assert!(message(1, [9, 9], vec![]).contains("no image"));
        assert!(message(0, [9, 9], vec![flat((1, 1, 1), 0)]).contains("no room"));
        for cell in [[1 << 13, 1 << 14], [usize::MAX, usize::MAX]] {
            assert!(message(1, cell, vec![flat((1, 1, 1), 0)]).contains("show fewer images"));
        }
    }
}
