//! Image files as images, within limits that hold before any memory is taken.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::gate::{self, Permit};
use super::{jpeg, png};

/// The longest side of an image that is decoded.
const MAX_SIDE: u32 = 1 << 15;
/// The most pixels of an image that is decoded.
const MAX_PIXELS: u64 = 1 << 26;
/// The most bytes of a decoded image: those of the most pixels, of four channels of 8 bits.
const MAX_DECODED: u64 = 4 * MAX_PIXELS;
/// The most bytes of a file: those of the most pixels, 16 bits a channel, and headers.
pub(super) const MAX_BYTES: u64 = 8 * MAX_PIXELS + (1 << 20);
/// What is read, for those who have something else.
const FORMATS: &str = "PNG, JPEG, WebP, BMP, TIFF, GIF, QOI and PNM";
/// The endings of such files' names, in lower case.
pub(super) const ENDINGS: [&str; 20] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "jfi", "jif", "webp", "bmp", "dib", "tif", "tiff", "gif",
    "qoi", "ppm", "pgm", "pbm", "pnm", "pam",
];
/// What a PNG file starts with.
const SIGNATURE: &[u8] = b"\x89PNG";
/// Bytes that tell a file's format.
const MAGIC: u64 = 32;

/// What an image file says of itself before its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Columns of the image as it is seen, turned as its Exif data say.
    pub(super) width: u32,
    /// Rows, likewise.
    pub(super) height: u32,
    /// 1 (grey) or 3 (RGB).
    pub(super) channels: usize,
    /// What the file keeps of a pixel.
    pub(super) mode: &'static str,
}

/// Opens a regular file of a size that can be an image: anything else may never end.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, String> {
    let unreadable = |error| unreadable(&error);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err("it is a folder; give an image file in it".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is no regular file but a device, a pipe or a socket; give an image file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_long(MAX_BYTES));
    }
    Ok(BufReader::new(File::open(path).map_err(unreadable)?))
}

/// Whether the first bytes of a file are those of a format that is read.
pub(super) fn is_known(path: &Path) -> bool {
    let mut first = Vec::new();
    let read = open(path).ok().and_then(|file| file.take(MAGIC).read_to_end(&mut first).ok());
    read.is_some() && image::guess_format(&first).is_ok_and(|format| format.reading_enabled())
}

/// Reads no more than the header.
pub(super) fn header(mut file: impl BufRead + Seek) -> Result<Header, String> {
    let late = png_chunks(&mut file)?.and_then(|chunks| chunks.orientation);
    let mut decoder = decoder(file)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = if turns(late.unwrap_or_else(|| orientation(&mut decoder))) {
        (height, width)
    } else {
        (width, height)
    };
    let color = decoder.color_type();
    Ok(Header { width, height, channels: if color.has_color() { 3 } else { 1 }, mode: mode(color) })
}

fn mode(color: ColorType) -> &'static str {
    match color {
        ColorType::L8 => "grey",
        ColorType::La8 => "grey with opacity",
        ColorType::Rgb8 => "RGB",
        ColorType::Rgba8 => "RGB with opacity",
        ColorType::L16 => "grey of 16 bits",
        ColorType::La16 => "grey of 16 bits with opacity",
        ColorType::Rgb16 => "RGB of 16 bits",
        ColorType::Rgba16 => "RGB of 16 bits with opacity",
        ColorType::Rgb32F | ColorType::Rgba32F => "RGB of floats",
        _ => "another mode",
    }
}

/// The image in a file, turned as its Exif data say, and the permit for its memory. Of several images it is the first.
pub(super) fn decode(mut file: impl BufRead + Seek) -> Result<(DynamicImage, Permit<'static>), String> {
    let start = file.stream_position().map_err(|error| unreadable(&error))?;
    let format = recognized(&mut file)?.1;
    let progressive = format == ImageFormat::Jpeg && {
        let markers = jpeg::markers(&mut file).map_err(|error| unreadable(&error))?;
        if !markers.ended {
            return Err(format!("{CUT_SHORT} (JPEG's end-of-image marker is missing)"));
        }
        markers.progressive
    };
    if format == ImageFormat::WebP && !has_riff_length(&mut file).map_err(|error| unreadable(&error))? {
        return Err(CUT_SHORT.to_owned());
    }
    file.seek(SeekFrom::Start(start)).map_err(|error| unreadable(&error))?;
    let chunks = png_chunks(&mut file)?;
    if chunks.is_some_and(|chunks| !chunks.ended) {
        return Err(CUT_SHORT.to_owned());
    }
    let late = chunks.and_then(|chunks| chunks.orientation);
    let mut decoder = decoder(file)?;
    // Exif data that cannot be read turn nothing.
    let orientation = late.unwrap_or_else(|| orientation(&mut decoder));
    // Coefficients of 16 bits, four channels beside three, a strip or a turned copy are there at the same time.
    let copies = match format {
        ImageFormat::WebP => 3,
        ImageFormat::Jpeg if progressive => 3,
        ImageFormat::Tiff => 2,
        _ => 1 + u64::from(turns(orientation)),
    };
    let permit = gate::admit(copies * decoder.total_bytes());
    let mut image = DynamicImage::from_decoder(decoder).map_err(described)?;
    image.apply_orientation(orientation);
    Ok((image, permit))
}

/// The image that a reader gives until its end, which comes after at most `limit` bytes.
pub(super) fn decode_stream(
    stream: impl Read,
    limit: u64,
) -> Result<(DynamicImage, Permit<'static>), String> {
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_long(limit));
    }
    decode(Cursor::new(bytes))
}

/// Whether a RIFF file has as many bytes as its head says: a missing end may hold its orientation.
fn has_riff_length(file: &mut (impl BufRead + Seek)) -> io::Result<bool> {
    let start = file.stream_position()?;
    let mut head = [0; 8];
    file.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    Ok(file.seek(SeekFrom::End(0))? - start >= u64::from(length) + head.len() as u64)
}

const CUT_SHORT: &str = "the file ends too early; it was cut short";

pub(super) fn too_long(limit: u64) -> String {
    format!("it has more than {limit} bytes; make it smaller")
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// What the chunks of a PNG file tell, whose decoder stops before the last ones; leaves the file where it was.
fn png_chunks(file: &mut (impl BufRead + Seek)) -> Result<Option<png::Chunks>, String> {
    let mut find = || {
        let start = file.stream_position()?;
        let is_png = file.fill_buf()?.starts_with(SIGNATURE);
        let found = if is_png { Some(png::chunks(file)?) } else { None };
        file.seek(SeekFrom::Start(start))?;
        Ok(found)
    };
    find().map_err(|error: io::Error| unreadable(&error))
}

fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// Whether width and height change places.
fn turns(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

/// A reader for the file, and its format: what a file is, its first bytes say; its name may lie.
fn recognized<R: BufRead + Seek>(file: R) -> Result<(ImageReader<R>, ImageFormat), String> {
    let reader = ImageReader::new(file).with_guessed_format().map_err(|error| unreadable(&error))?;
    match reader.format().filter(ImageFormat::reading_enabled) {
        Some(format) => Ok((reader, format)),
        None => Err(format!("by its first bytes it is none of {FORMATS}; convert it to one of them")),
    }
}

fn decoder<'a>(file: impl BufRead + Seek + 'a) -> Result<impl ImageDecoder + 'a, String> {
    let (mut reader, _) = recognized(file)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(described)?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "it has {width} × {height} pixels, expected at most {MAX_SIDE} a side and {MAX_PIXELS} in all; \
             make it smaller"
        ));
    }
    if decoder.total_bytes() > MAX_DECODED {
        return Err(format!(
            "its {width} × {height} pixels take {} bytes, expected at most {MAX_DECODED}; make it smaller or \
             reduce it to 8 bits a channel",
            decoder.total_bytes()
        ));
    }
    Ok(decoder)
}

fn described(error: ImageError) -> String {
    match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => CUT_SHORT.to_owned(),
        ImageError::Limits(_) => {
            format!("it has too many pixels, expected at most {MAX_SIDE} a side and {MAX_PIXELS} in all")
        }
        error => format!("it cannot be decoded: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_without_end_is_refused() {
        let problem = decode_stream(io::repeat(7), 1000).map(|_| ()).unwrap_err();
        assert!(problem.contains("more than 1000 bytes"), "{problem}");
    }
}
