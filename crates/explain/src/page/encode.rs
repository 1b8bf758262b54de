//! Pictures and numbers as a page holds them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::ExplainError;

/// The quality of photos, of 100.
const QUALITY: u8 = 85;

/// Bytes as base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Floats as base64 of little-endian bytes.
pub(super) fn floats(values: &[f32]) -> String {
    base64(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// A picture as a data URI of a PNG.
///
/// # Errors
/// If it has no pixel.
pub fn picture(image: &RgbImage) -> Result<String, ExplainError> {
    png(image, image.dimensions(), ExtendedColorType::Rgb8)
}

/// A photo as a data URI, with a little loss: a tenth of what [`picture`] takes.
pub(crate) fn photo(image: &RgbImage) -> Result<String, ExplainError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(image)
        .map_err(|error| ExplainError::Picture(error.to_string()))?;
    Ok(format!("data:image/jpeg;base64,{}", base64(&bytes)))
}

/// Grey levels as a data URI.
pub(super) fn grey(levels: &[u8], width: u32, height: u32) -> Result<String, ExplainError> {
    png(levels, (width, height), ExtendedColorType::L8)
}

fn png(
    pixels: &[u8],
    (width, height): (u32, u32),
    colours: ExtendedColorType,
) -> Result<String, ExplainError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(pixels, width, height, colours)
        .map_err(|error| ExplainError::Picture(error.to_string()))?;
    Ok(format!("data:image/png;base64,{}", base64(&bytes)))
}
