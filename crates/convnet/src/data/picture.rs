//! An image in memory, and where it comes from: a file, bytes, a reader or the `image` crate.

use std::borrow::Cow;
use std::io::{BufRead, Cursor, Read, Seek};
use std::path::Path;

use image::DynamicImage;

use super::decode::{self, Header, MAX_BYTES};
use super::gate::Permit;
use super::{DataError, planes};

/// An image of eight bits a channel, grey or RGB, of at least one pixel. Its pixels are its own, or borrowed from
/// a data set in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    shape: (usize, usize, usize),
    pixels: Cow<'a, [u8]>,
}

impl<'a> Image<'a> {
    /// An image of the shape (channels, height, width), of pixels in the order C, H, W.
    ///
    /// # Errors
    /// If it has not 1 (grey) or 3 (RGB) channels, no pixel, or other pixels than its shape says.
    pub fn new(shape: (usize, usize, usize), pixels: impl Into<Cow<'a, [u8]>>) -> Result<Self, DataError> {
        let pixels = pixels.into();
        let (channels, height, width) = shape;
        let values = channels.checked_mul(height).and_then(|rows| rows.checked_mul(width));
        if !matches!(channels, 1 | 3) || pixels.is_empty() || values != Some(pixels.len()) {
            let found = pixels.len();
            return Err(unusable(format!(
                "{found} values are no {channels} × {height} × {width} pixels, expected 1 (grey) or 3 (RGB) \
                 planes of at least one pixel"
            )));
        }
        Ok(Self { shape, pixels })
    }

    /// One of the images of a set, whose shape was checked.
    pub(super) fn of_set(shape: (usize, usize, usize), pixels: &'a [u8]) -> Self {
        Self { shape, pixels: Cow::Borrowed(pixels) }
    }

    /// An image of pixels of its own, which go with its shape.
    pub(super) fn owned(shape: (usize, usize, usize), pixels: Vec<u8>) -> Image<'static> {
        Image { shape, pixels: Cow::Owned(pixels) }
    }

    /// Channels (1 grey, 3 RGB), height, width.
    pub fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    /// Whether its pixels belong to something else.
    pub(super) fn is_borrowed(&self) -> bool {
        matches!(self.pixels, Cow::Borrowed(_))
    }

    /// The image with pixels of its own.
    pub(super) fn into_owned(self) -> Image<'static> {
        Image { shape: self.shape, pixels: Cow::Owned(self.pixels.into_owned()) }
    }

    /// The pixels in the order C, H, W.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl Image<'static> {
    /// Reads a PNG, JPEG, WebP, BMP, TIFF, GIF, QOI or PNM file, turned as its Exif data say, 16 bits reduced to 8;
    /// of several images the first. What is transparent has the colour that lies in the file, as Pillow's `convert("RGB")`
    /// gives it, which PyTorch's data sets read.
    ///
    /// # Errors
    /// What is no regular file, cannot be read, is in none of these formats, is damaged or cut short, or has more than
    /// 2¹⁵ pixels on a side or 2²⁶ in all, which is found before any memory is taken for them.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_for(path.as_ref(), |image| image)
    }

    /// As [`Image::open`], and does something with the image before others may take its memory.
    pub(super) fn open_for<T>(path: &Path, then: impl FnOnce(Self) -> T) -> Result<T, DataError> {
        let image = decode::open(path).and_then(|file| Self::decode_for(file, then));
        image.map_err(|problem| DataError::Image { path: Some(path.to_owned()), problem })
    }

    /// The same of what is open already; or what is wrong with it.
    pub(super) fn decode_for<T>(
        file: impl BufRead + Seek,
        then: impl FnOnce(Self) -> T,
    ) -> Result<T, String> {
        let (image, permit) = decode::decode(file)?;
        let done = then(Self::decoded(image)?);
        drop(permit);
        Ok(done)
    }

    /// The image in the bytes of a file, as [`Image::open`] reads it.
    ///
    /// # Errors
    /// As [`Image::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DataError> {
        decode::decode(Cursor::new(bytes)).and_then(Self::admitted).map_err(unusable)
    }

    /// The image that a reader of a file gives until its end, as [`Image::open`] reads it.
    ///
    /// # Errors
    /// As [`Image::open`], also if it gives more bytes than 2²⁶ pixels take.
    pub fn from_reader(reader: impl Read) -> Result<Self, DataError> {
        decode::decode_stream(reader, MAX_BYTES).and_then(Self::admitted).map_err(unusable)
    }

    /// An image of the `image` crate: without its opacity, 16 bits and floats reduced to 8 bits.
    ///
    /// # Errors
    /// If it has no pixel.
    pub fn from_dynamic(image: &DynamicImage) -> Result<Self, DataError> {
        Self::decoded(image.clone()).map_err(unusable)
    }

    fn admitted((image, permit): (DynamicImage, Permit)) -> Result<Self, String> {
        let image = Self::decoded(image);
        drop(permit);
        image
    }

    fn decoded(image: DynamicImage) -> Result<Self, String> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        if width == 0 || height == 0 {
            return Err(format!("it has {width} × {height} pixels, expected at least one"));
        }
        let color = image.color();
        let mut pixels = match (color.has_color(), color.has_alpha()) {
            (false, false) => image.into_luma8().into_raw(),
            (false, true) => image.into_luma_alpha8().into_raw(),
            (true, false) => image.into_rgb8().into_raw(),
            (true, true) => image.into_rgba8().into_raw(),
        };
        match (color.has_color(), color.has_alpha()) {
            (false, true) => planes::drop_opacity::<2>(&mut pixels),
            (true, true) => planes::drop_opacity::<4>(&mut pixels),
            _ => {}
        }
        let channels = if color.has_color() { 3 } else { 1 };
        if channels == 3 {
            planes::separate(&mut pixels);
        }
        Ok(Self { shape: (channels, height, width), pixels: Cow::Owned(pixels) })
    }
}

/// The size and the channels of an image file, by its header alone.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    let header = decode::open(path).and_then(decode::header);
    header.map_err(|problem| DataError::Image { path: Some(path.to_owned()), problem })
}

fn unusable(problem: String) -> DataError {
    DataError::Image { path: None, problem }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::{GrayAlphaImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
    use std::fs;

    /// Writes a grey image of one level.
    pub(in crate::data) fn write_grey(path: &Path, width: u32, height: u32, level: u8) {
        GrayImage::from_pixel(width, height, Luma([level])).save(path).unwrap();
    }

    fn image(shape: (usize, usize, usize), pixels: &[u8]) -> Image<'_> {
        Image::new(shape, pixels).unwrap()
    }

    fn message(path: &Path) -> String {
        Image::open(path).unwrap_err().to_string()
    }

    #[test]
    fn grey_and_colour_are_read_as_planes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write_grey(&path, 3, 2, 9);
        assert_eq!(Image::open(&path).unwrap(), image((1, 2, 3), &[9; 6]));
        assert_eq!(header(&path).unwrap(), Header { width: 3, height: 2, channels: 1, mode: "grey" });
        RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 10, 20])).save(&path).unwrap();
        assert_eq!(Image::open(&path).unwrap(), image((3, 1, 2), &[0, 1, 10, 10, 20, 20]));
        assert_eq!(header(&path).unwrap(), Header { width: 2, height: 1, channels: 3, mode: "RGB" });
        let jpeg = folder.path().join("a.jpg");
        RgbImage::from_pixel(16, 8, Rgb([200, 100, 50])).save(&jpeg).unwrap();
        let image = Image::open(&jpeg).unwrap();
        assert_eq!(image.shape(), (3, 8, 16));
        assert!(image.pixels[0].abs_diff(200) < 4 && image.pixels[128].abs_diff(100) < 4);
    }

    #[test]
    fn files_bytes_readers_and_decoded_images_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let pixels = RgbaImage::from_fn(5, 3, |x, y| Rgba([x as u8, y as u8, 77, 50 * x as u8]));
        pixels.save(&path).unwrap();
        let opened = Image::open(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Image::from_bytes(&bytes).unwrap(), opened);
        assert_eq!(Image::from_reader(&bytes[..]).unwrap(), opened);
        assert_eq!(Image::from_dynamic(&DynamicImage::from(pixels)).unwrap(), opened);
        let deep = image::ImageBuffer::from_pixel(2, 1, Luma([0xabcd_u16]));
        assert_eq!(Image::from_dynamic(&deep.into()).unwrap(), image((1, 1, 2), &[0xab; 2]));
        let told = |result: Result<Image, DataError>| result.unwrap_err().to_string();
        assert!(told(Image::from_bytes(b"text")).contains("the image cannot be used: by its first bytes"));
        assert!(told(Image::from_reader(&bytes[..30])).contains("the image cannot be used"));
        assert!(told(Image::from_dynamic(&DynamicImage::new_luma8(0, 4))).contains("it has 0 × 4 pixels"));
    }

    #[test]
    fn pixels_go_with_their_shape() {
        let values = [1, 2, 3, 4, 5, 6];
        assert_eq!(Image::new((3, 1, 2), &values[..]).unwrap().pixels(), values);
        assert_eq!(Image::new((1, 3, 2), values.to_vec()).unwrap().shape(), (1, 3, 2));
        for shape in [(2, 1, 3), (1, 2, 2), (3, 2, 0), (3, usize::MAX, usize::MAX)] {
            let message = Image::new(shape, &values[..]).unwrap_err().to_string();
            assert!(message.contains("expected 1 (grey) or 3 (RGB)"), "{message}");
        }
        assert!(Image::new((1, 0, 9), &[][..]).is_err());
    }

    #[test]
    fn what_is_transparent_keeps_its_colour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let pixels = [[1, 2, 3, 0], [10, 20, 30, 255], [4, 5, 6, 51]];
        RgbaImage::from_fn(3, 1, |x, _| Rgba(pixels[x as usize])).save(&path).unwrap();
        assert_eq!(Image::open(&path).unwrap().pixels(), [1, 10, 4, 2, 20, 5, 3, 30, 6]);
        GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([7 + x as u8, 100 * x as u8])).save(&path).unwrap();
        assert_eq!(Image::open(&path).unwrap(), image((1, 1, 2), &[7, 8]));
    }

    #[test]
    fn text_and_damage_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.png");
        fs::write(&path, "I am a cat").unwrap();
        assert!(message(&path).contains("cat.png` is no image"), "{}", message(&path));
        assert!(message(&path).contains("it is none of PNG, JPEG, WebP"));
        // A format that is known, but not read here.
        fs::write(&path, b"\0\0\x01\0\x01\0\x10\x10").unwrap();
        assert!(message(&path).contains("it is none of PNG, JPEG, WebP"));
        write_grey(&path, 40, 40, 7);
        let whole = fs::read(&path).unwrap();
        for cut in [10, 40, whole.len() - 20] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(message(&path).contains("cat.png` is no image"));
        }
        assert!(message(folder.path()).contains("it is a folder"));
        assert!(message(&folder.path().join("dog.png")).contains("cannot be read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe.png");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(message(&path).contains("pipe.png` is no image that can be used: it is no regular file"));
        assert!(header(&path).is_err());
        assert!(message(Path::new("/dev/zero")).contains("it is no regular file"));
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
            let message = Image::from_bytes(&bytes).unwrap_err().to_string();
            assert!(message.contains("expected at most 32768 a side"), "{message}");
        }
    }

    /// The checksum of PNG chunks (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, &byte| {
            (0..8)
                .fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        })
    }
}
