//! One image from a PNG or JPEG file.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::DataError;
use super::preprocess::cover;

/// The longest side of an image that is decoded.
const MAX_SIDE: u32 = 1 << 15;
/// The most pixels of an image that is decoded.
const MAX_PIXELS: u64 = 1 << 26;

/// An image of eight bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Pixels in the order C, H, W.
    pub pixels: Vec<u8>,
}

/// Reads a PNG or JPEG image, turned as its Exif data says, what is transparent laid on white, 16 bits
/// reduced to 8.
///
/// # Errors
/// A file that cannot be read, is neither PNG nor JPEG, is damaged, or has more than 2¹⁵ pixels on a side or
/// 2²⁶ in all, which is found before any memory is taken for them.
pub fn open_image(path: impl AsRef<Path>) -> Result<Image, DataError> {
    let path = path.as_ref();
    decode(path).map_err(|problem| DataError::Image { path: path.to_owned(), problem })
}

/// Width and height of an image file, of its header alone.
pub(super) fn dimensions(path: &Path) -> Result<(u32, u32), DataError> {
    let size = || decoder(path).map(|decoder| decoder.dimensions());
    size().map_err(|problem| DataError::Image { path: path.to_owned(), problem })
}

fn decoder(path: &Path) -> Result<impl ImageDecoder, String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    if path.is_dir() {
        return Err("it is a folder; give an image file in it".to_owned());
    }
    // What a file is, its first bytes say; its name may lie.
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(unreadable)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    if !reader.format().is_some_and(|format| format.reading_enabled()) {
        return Err("by its first bytes it is neither PNG nor JPEG; convert it to one of them".to_owned());
    }
    let decoder = reader.into_decoder().map_err(described)?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "it has {width} × {height} pixels, expected at most {MAX_SIDE} a side and {MAX_PIXELS} in all; \
             make it smaller"
        ));
    }
    Ok(decoder)
}

fn described(error: ImageError) -> String {
    match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the file ends too early; it was cut short".to_owned()
        }
        ImageError::Limits(_) => {
            format!("it has too many pixels, expected at most {MAX_SIDE} a side and {MAX_PIXELS} in all")
        }
        error => format!("it cannot be decoded: {error}"),
    }
}

fn decode(path: &Path) -> Result<Image, String> {
    let mut decoder = decoder(path)?;
    // Exif data that cannot be read turn nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(described)?;
    image.apply_orientation(orientation);
    Ok(Image::from_decoded(&image))
}

impl Image {
    fn from_decoded(image: &DynamicImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let color = image.color();
        let (channels, pixels) = match (color.has_color(), color.has_alpha()) {
            (false, false) => (1, image.to_luma8().into_raw()),
            (false, true) => (1, on_white::<2>(image.to_luma_alpha8().as_raw())),
            (true, false) => (3, image.to_rgb8().into_raw()),
            (true, true) => (3, on_white::<4>(image.to_rgba8().as_raw())),
        };
        let planes = (0..channels).flat_map(|channel| pixels.iter().skip(channel).step_by(channels).copied());
        Self { channels, height, width, pixels: planes.collect() }
    }

    /// The shape of the pixels: channels, height, width.
    pub(super) fn shape(&self) -> (usize, usize, usize) {
        (self.channels, self.height, self.width)
    }

    /// The image resized so that it just covers `height` × `width`, and what stands over cut off evenly.
    pub fn covering(&self, height: usize, width: usize) -> Self {
        if (self.height, self.width) == (height, width) {
            return self.clone();
        }
        let mut resizer = cover([self.height, self.width], [height, width]);
        let mut plane = vec![0.0; height * width];
        let mut pixels = Vec::with_capacity(self.channels * plane.len());
        for from in self.pixels.chunks_exact(self.height * self.width) {
            resizer.apply(from, &mut plane);
            pixels.extend(plane.iter().map(|x| x.round() as u8));
        }
        Self { channels: self.channels, height, width, pixels }
    }

    /// The same image as RGB.
    pub(super) fn into_rgb(mut self) -> Self {
        if self.channels == 1 {
            self.pixels = self.pixels.repeat(3);
            self.channels = 3;
        }
        self
    }
}

/// Takes the last of each pixel's `CHANNELS` values as its opacity over white, and drops it.
fn on_white<const CHANNELS: usize>(pixels: &[u8]) -> Vec<u8> {
    let blend = |pixel: &[u8; CHANNELS], channel: usize| {
        let (value, opacity) = (u32::from(pixel[channel]), u32::from(pixel[CHANNELS - 1]));
        ((value * opacity + 255 * (255 - opacity) + 127) / 255) as u8
    };
    pixels.as_chunks().0.iter().flat_map(|pixel| (0..CHANNELS - 1).map(move |c| blend(pixel, c))).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::{GrayImage, Rgb, RgbImage, Rgba, RgbaImage};
    use std::fs;

    /// Writes a grey image of one level.
    pub(in crate::data) fn write_grey(path: &Path, width: u32, height: u32, level: u8) {
        GrayImage::from_pixel(width, height, image::Luma([level])).save(path).unwrap();
    }

    fn message(path: &Path) -> String {
        open_image(path).unwrap_err().to_string()
    }

    #[test]
    fn grey_and_colour_are_read_as_planes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_grey(&path, 3, 2, 9);
        assert_eq!(
            open_image(&path).unwrap(),
            Image { channels: 1, height: 2, width: 3, pixels: vec![9; 6] }
        );
        RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 10, 20])).save(&path).unwrap();
        let image = open_image(&path).unwrap();
        assert_eq!(image, Image { channels: 3, height: 1, width: 2, pixels: vec![0, 1, 10, 10, 20, 20] });
        assert_eq!(dimensions(&path).unwrap(), (2, 1));
        let jpeg = folder.path().join("a.jpg");
        RgbImage::from_pixel(16, 8, Rgb([200, 100, 50])).save(&jpeg).unwrap();
        let image = open_image(&jpeg).unwrap();
        assert_eq!(image.shape(), (3, 8, 16));
        assert!(image.pixels[0].abs_diff(200) < 4 && image.pixels[128].abs_diff(100) < 4);
    }

    #[test]
    fn what_is_transparent_lies_on_white() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let pixels = [[0, 0, 0, 0], [10, 20, 30, 255], [0, 0, 0, 51]];
        RgbaImage::from_fn(3, 1, |x, _| Rgba(pixels[x as usize])).save(&path).unwrap();
        assert_eq!(open_image(&path).unwrap().pixels, [255, 10, 204, 255, 20, 204, 255, 30, 204]);
    }

    #[test]
    fn text_and_damage_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.png");
        fs::write(&path, "I am a cat").unwrap();
        assert!(message(&path).contains("cat.png` is no image"), "{}", message(&path));
        assert!(message(&path).contains("neither PNG nor JPEG"));
        // A format that is known, but not read here.
        fs::write(&path, b"GIF89a\x01\x00\x01\x00").unwrap();
        assert!(message(&path).contains("neither PNG nor JPEG"));
        write_grey(&path, 40, 40, 7);
        let whole = fs::read(&path).unwrap();
        for cut in [10, 40, whole.len() - 20] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(message(&path).contains("cat.png` is no image"));
        }
        assert!(message(folder.path()).contains("it is a folder"));
        assert!(message(&folder.path().join("dog.png")).contains("cannot be read"));
    }

    #[test]
    fn huge_sizes_are_refused_by_the_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.png");
        write_grey(&path, 4, 4, 7);
        let mut bytes = fs::read(&path).unwrap();
        // The sizes in the header chunk, and that chunk's checksum.
        for (width, height) in [(60_000u32, 60_000u32), (16_384, 16_384), (1 << 30, 1 << 30)] {
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            let checksum = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
            fs::write(&path, &bytes).unwrap();
            assert!(message(&path).contains("expected at most 32768 a side"), "{}", message(&path));
        }
    }

    /// The checksum of PNG chunks (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8)
                .fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        })
    }

    #[test]
    fn covering_keeps_the_middle() {
        let columns = [0, 0, 100, 100, 200, 200];
        let image = Image { channels: 1, height: 2, width: 6, pixels: columns.repeat(2) };
        assert_eq!(image.covering(2, 2).pixels, [100; 4]);
        assert_eq!(image.covering(2, 6), image);
        assert_eq!(image.covering(1, 3).pixels, [14, 100, 186]);
        assert_eq!(image.clone().into_rgb().pixels, image.pixels.repeat(3));
    }
}
