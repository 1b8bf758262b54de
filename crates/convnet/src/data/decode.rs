//! PNG and JPEG files as images, within limits that hold before any memory is taken.

use std::io::{self, BufRead, Cursor, Read, Seek};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

/// The longest side of an image that is decoded.
const MAX_SIDE: u32 = 1 << 15;
/// The most pixels of an image that is decoded.
const MAX_PIXELS: u64 = 1 << 26;
/// The most bytes that are taken from a reader: those of the most pixels, 16 bits a channel, and headers.
pub(super) const MAX_BYTES: u64 = 8 * MAX_PIXELS + (1 << 20);

/// What an image file says of itself before its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Columns, as they lie in the file.
    pub(super) width: u32,
    /// Rows, as they lie in the file.
    pub(super) height: u32,
    /// 1 (grey) or 3 (RGB).
    pub(super) channels: usize,
}

/// Reads no more than the header.
pub(super) fn header(file: impl BufRead + Seek) -> Result<Header, String> {
    let decoder = decoder(file)?;
    let (width, height) = decoder.dimensions();
    Ok(Header { width, height, channels: if decoder.color_type().has_color() { 3 } else { 1 } })
}

/// The image in a file, turned as its Exif data says.
pub(super) fn decode(file: impl BufRead + Seek) -> Result<DynamicImage, String> {
    let mut decoder = decoder(file)?;
    // Exif data that cannot be read turn nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(described)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The image that a reader gives until its end, which comes after at most `limit` bytes.
pub(super) fn decode_stream(stream: impl Read, limit: u64) -> Result<DynamicImage, String> {
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(format!("it has more than {limit} bytes; make it smaller"));
    }
    decode(Cursor::new(bytes))
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

fn decoder<'a>(file: impl BufRead + Seek + 'a) -> Result<impl ImageDecoder + 'a, String> {
    // What a file is, its first bytes say; its name may lie.
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(|error| unreadable(&error))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_without_end_is_refused() {
        let problem = decode_stream(io::repeat(7), 1000).unwrap_err();
        assert!(problem.contains("more than 1000 bytes"), "{problem}");
    }
}
