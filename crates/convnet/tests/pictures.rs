//! Small pictures in every format, as Pillow reads them (`tools/picture_samples.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use convnet::data::Image;
use serde::Deserialize;

/// What Pillow gives for a file.
#[derive(Deserialize)]
struct Expected {
    width: usize,
    height: usize,
    channels: usize,
    /// Pixel by pixel, in hexadecimal.
    pixels: String,
    /// Per cent of the file's bytes, and whether that beginning of it is loaded.
    cuts: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
struct File {
    files: BTreeMap<String, Expected>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures")
}

fn expected() -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(folder().join("expected.json")).expect("the file is there");
    serde_json::from_str::<File>(&text).expect("it is as the script wrote it").files
}

impl Expected {
    /// The levels in the order C, H, W.
    fn planes(&self) -> Vec<u8> {
        let level = |at: usize| u8::from_str_radix(&self.pixels[2 * at..2 * at + 2], 16).expect("two digits");
        let count = self.width * self.height;
        (0..self.channels).flat_map(|c| (0..count).map(move |i| level(i * self.channels + c))).collect()
    }
}

/// The most that a level differs: decoders of JPEG and lossy WebP may round otherwise, and spread colours that are
/// kept at half the size in another way.
fn tolerance(name: &str) -> u8 {
    match name {
        "subsampled.jfif" => 8,
        "lossy.webp" => 4,
        _ if name.contains(".jp") => 3,
        _ => 0,
    }
}

#[test]
fn every_format_gives_pillow_s_pixels() {
    let expected = expected();
    assert!(expected.len() > 30);
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let image = match Image::open(folder().join(name)) {
            Ok(image) => image,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let planes = expected.planes();
        if name == "grey.dib" {
            // A palette is of colours here, whatever they are.
            assert_eq!(image.shape().0, 3);
            assert_eq!(image.pixels(), planes.repeat(3));
            continue;
        }
        let shape = (expected.channels, expected.height, expected.width);
        if image.shape() != shape {
            wrong.push(format!("{name}: {:?}, expected {shape:?}", image.shape()));
            continue;
        }
        let differ = image.pixels().iter().zip(&planes).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        if differ > tolerance(name) {
            wrong.push(format!("{name}: a level differs by {differ}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_pillow_calls_cut_short_is_refused() {
    let mut wrong = Vec::new();
    for (name, expected) in expected() {
        let whole = fs::read(folder().join(&name)).unwrap();
        for (percent, loads) in &expected.cuts {
            let cut = whole.len() * percent.parse::<usize>().unwrap() / 100;
            let read = Image::from_bytes(&whole[..cut]).ok();
            // Of a GIF without its last bytes all pixels may be there.
            let all = name == "clear.gif" && read == Image::from_bytes(&whole).ok();
            if read.is_some() && !loads && !all {
                wrong.push(format!("{name}: {percent}% of it are read"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_jpeg_is_cut_short_without_its_last_byte() {
    for name in ["baseline.jpg", "progressive.jpg", "grey.jpe", "thumbnail.jpg", "restarts.jpeg"] {
        let whole = fs::read(folder().join(name)).unwrap();
        for cut in 2..whole.len() {
            assert!(Image::from_bytes(&whole[..cut]).is_err(), "{name}: {cut} bytes of {}", whole.len());
        }
    }
}
