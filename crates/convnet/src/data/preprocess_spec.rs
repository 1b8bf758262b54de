//! How images become input, as a user writes it: without the network's size.

use std::path::Path;

use convnet_formats::open_regular;
use serde::Deserialize;

use super::preprocess::{Fit, Preprocess, imagenet_side};
use super::transform::Interpolation;
use super::{DataError, preprocess_files};

/// The preprocessing that weights were trained with, for a network of any size.
///
/// ```
/// use convnet::data::{Fit, PreprocessSpec};
///
/// let spec = PreprocessSpec::parse("mean=0.5,std=0.25,resize=40,crop=32,interpolation=bicubic")?;
/// let preprocess = spec.for_input([3, 32, 32])?;
/// assert_eq!((preprocess.fit(), preprocess.mean()), (Fit::CenterCrop(40), &[0.5; 3][..]));
/// // A network for images of another size was not trained with it.
/// assert!(spec.for_input([3, 64, 64]).is_err());
/// # Ok::<(), convnet::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PreprocessSpec {
    mean: Vec<f32>,
    std: Vec<f32>,
    resize: Resize,
    crop: Option<[usize; 2]>,
    interpolation: Interpolation,
}

/// How an image gets the input's size.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Resize {
    /// Resized to cover it.
    Cover,
    /// The shorter side to 256/224 of the input's, then the middle.
    ImageNet,
    /// The shorter side to so many pixels, then the middle.
    Shorter(usize),
    /// The shorter side so long that the input is this part of it, then the middle.
    Part(f64),
    /// Resized to the input's height and width.
    Squash,
    /// Resized so that the input's height and width are this part of what comes out, then the middle.
    SquashPart(f64),
    /// Resized to a height and a width, then the middle.
    Exact([usize; 2]),
}

/// The keys of a file, and of the short form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) mean: Vec<f32>,
    pub(super) std: Vec<f32>,
    #[serde(default)]
    pub(super) resize: Option<ResizeTo>,
    #[serde(default)]
    pub(super) crop: Option<Sides>,
    /// timm's: the part that the middle is of a side.
    #[serde(default)]
    pub(super) crop_pct: Option<f64>,
    #[serde(default)]
    pub(super) interpolation: Option<Interpolation>,
}

/// `resize`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`resize` is the shorter side in pixels, [height, width], \"cover\" or \"squash\""
)]
pub(super) enum ResizeTo {
    Shorter(usize),
    Exact([usize; 2]),
    Word(Word),
}

/// A way of resizing that needs no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Cover,
    Squash,
}

/// `crop`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`crop` is a side in pixels, or [height, width]")]
pub(super) enum Sides {
    Both(usize),
    Each([usize; 2]),
}

impl Sides {
    fn each(self) -> [usize; 2] {
        match self {
            Self::Both(side) => [side; 2],
            Self::Each(sides) => sides,
        }
    }
}

/// ImageNet's mean and deviation. Source: torchvision, `transforms._presets.ImageClassification`.
pub(super) const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Those of CIFAR-10's training images, as the common recipes have them. Source: the pixels of the training set; the
/// same figures in `kuangliu/pytorch-cifar`.
const CIFAR: ([f32; 3], [f32; 3]) = ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]);
/// The largest file of settings that is read.
const MAX_FILE: u64 = 1 << 16;

impl PreprocessSpec {
    /// The names that [`PreprocessSpec::parse`] knows, with what each is.
    pub const NAMES: [(&'static str, &'static str); 3] = [
        (
            "imagenet",
            "torchvision's: the shorter side to 256/224 of the input, its middle, ImageNet's mean and deviation",
        ),
        ("cifar", "resized to cover the input, CIFAR-10's mean and deviation"),
        ("plain", "resized to cover the input, pixels from 0 to 1"),
    ];

    /// Reads a name, `mean=…,std=…,resize=256,crop=224`, or the name of a file (TOML, or JSON if it ends so): with these
    /// keys, a `preprocessor_config.json` of Hugging Face, or a `pretrained_cfg` of timm.
    ///
    /// A mean and a deviation are one number or one for each channel, of pixels from 0 to 1. With `resize` the shorter
    /// side gets so many pixels and the middle is cut out; `resize=256x320` gives an image this height and width,
    /// `resize=squash` those of the input, and without it an image is resized to cover the input. `crop` is the side that
    /// the network must have, or `HEIGHTxWIDTH`; `crop_pct` is the part of the resized side that the input has, and
    /// `interpolation` is `bilinear` or another of [`Interpolation`].
    ///
    /// # Errors
    /// What is none of these, and why.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Preprocess { text: text.to_owned(), problem };
        let cover = |mean: &[f32], std: &[f32]| Self {
            mean: mean.to_vec(),
            std: std.to_vec(),
            resize: Resize::Cover,
            crop: None,
            interpolation: Interpolation::Bilinear,
        };
        match text {
            "imagenet" => Ok(Self::imagenet()),
            "cifar" => Ok(cover(&CIFAR.0, &CIFAR.1)),
            "plain" => Ok(cover(&[0.0], &[1.0])),
            _ if text.contains('=') => Self::of(pairs(text).map_err(wrong)?).map_err(wrong),
            _ => Self::of(file(Path::new(text)).map_err(wrong)?).map_err(wrong),
        }
    }

    /// What torchvision's ImageNet weights were trained and measured with.
    pub fn imagenet() -> Self {
        let (mean, std) = IMAGENET;
        Self {
            mean: mean.to_vec(),
            std: std.to_vec(),
            resize: Resize::ImageNet,
            crop: None,
            interpolation: Interpolation::Bilinear,
        }
    }

    /// The same with another mean and deviation, for all channels.
    #[must_use]
    pub fn normalized_by(self, mean: f32, std: f32) -> Self {
        Self { mean: vec![mean], std: vec![std], ..self }
    }

    fn of(Fields { mean, std, resize, crop, crop_pct, interpolation }: Fields) -> Result<Self, String> {
        if mean.is_empty() || mean.len() != std.len() {
            return Err(format!("{} means and {} deviations, expected as many", mean.len(), std.len()));
        }
        if !mean.iter().all(|x| x.is_finite()) || !std.iter().all(|x| x.is_finite() && *x > 0.0) {
            return Err("means must be finite, deviations above 0".to_owned());
        }
        // Deviations as many users have them at first: of pixels from 0 to 255.
        if mean.iter().chain(&std).any(|x| x.abs() > 16.0) {
            return Err(
                "means and deviations are of pixels from 0 to 1: divide those of levels by 255".to_owned()
            );
        }
        if let Some(part) = crop_pct.filter(|part| !(0.01..=1.0).contains(part)) {
            return Err(format!("`crop_pct` is {part}, expected 0.01 to 1"));
        }
        let crop = crop.map(Sides::each);
        let resize = match (resize, crop_pct) {
            (None, None) | (Some(ResizeTo::Word(Word::Cover)), None) => Resize::Cover,
            (None, Some(part)) => Resize::Part(part),
            (Some(ResizeTo::Word(Word::Squash)), None) => Resize::Squash,
            (Some(ResizeTo::Word(Word::Squash)), Some(part)) => Resize::SquashPart(part),
            (Some(ResizeTo::Shorter(side)), None) => Resize::Shorter(side),
            (Some(ResizeTo::Exact(sides)), None) => Resize::Exact(sides),
            (Some(_), Some(_)) => {
                return Err("`crop_pct` tells what `resize` tells, give one of them".to_owned());
            }
        };
        let resized = match resize {
            Resize::Shorter(side) => Some([side; 2]),
            Resize::Exact(sides) => Some(sides),
            _ => None,
        };
        if let (Some(resized), Some(crop)) = (resized, crop)
            && (resized[0] < crop[0] || resized[1] < crop[1])
        {
            return Err(format!("`crop` {} is larger than `resize` {}", sides(crop), sides(resized)));
        }
        let interpolation = interpolation.unwrap_or(Interpolation::Bilinear);
        Ok(Self { mean, std, resize, crop, interpolation })
    }

    /// The preprocessing for an input of channels, height, width.
    ///
    /// # Errors
    /// If it is for another number of channels or another size.
    pub fn for_input(&self, input: [usize; 3]) -> Result<Preprocess, DataError> {
        let [channels, height, width] = input;
        let wrong = |problem: String| DataError::Preprocess { text: self.to_string(), problem };
        if self.mean.len() != 1 && self.mean.len() != channels {
            return Err(wrong(format!(
                "it has {} means, the network's input has {channels} channel(s): give one, or one for each",
                self.mean.len()
            )));
        }
        if let Some([rows, columns]) = self.crop
            && [height, width] != [rows, columns]
        {
            return Err(wrong(format!(
                "it cuts out {rows} × {columns} pixels, the network's input has {height} × {width}"
            )));
        }
        // As timm rounds.
        let larger = |side: usize, part: f64| (side as f64 / part) as usize;
        let fit = match self.resize {
            Resize::Cover => Fit::Cover,
            Resize::ImageNet => Fit::CenterCrop(imagenet_side(height, width)),
            Resize::Shorter(side) => Fit::CenterCrop(side),
            Resize::Part(part) => Fit::CenterCrop(larger(height.max(width), part)),
            Resize::Squash => Fit::Squash([height, width]),
            Resize::SquashPart(part) => Fit::Squash([height, width].map(|side| larger(side, part))),
            Resize::Exact(sides) => Fit::Squash(sides),
        };
        let each = |values: &[f32]| (0..channels).map(|c| values[c % values.len()]).collect();
        Preprocess::new(input, (fit, self.interpolation), each(&self.mean), each(&self.std)).map_err(wrong)
    }
}

/// `HEIGHTxWIDTH`, or a number for both.
fn sides([height, width]: [usize; 2]) -> String {
    if height == width { height.to_string() } else { format!("{height}x{width}") }
}

/// As it is parsed.
impl std::fmt::Display for PreprocessSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        write!(f, "mean={},std={}", list(&self.mean), list(&self.std))?;
        match self.resize {
            Resize::Cover => {}
            Resize::ImageNet => f.write_str(",resize=256/224 of the input")?,
            Resize::Shorter(side) => write!(f, ",resize={side}")?,
            Resize::Part(part) => write!(f, ",crop_pct={part}")?,
            Resize::Squash => f.write_str(",resize=squash")?,
            Resize::SquashPart(part) => write!(f, ",resize=squash,crop_pct={part}")?,
            Resize::Exact([height, width]) => write!(f, ",resize={height}x{width}")?,
        }
        if let Some(crop) = self.crop {
            write!(f, ",crop={}", sides(crop))?;
        }
        match self.interpolation {
            Interpolation::Bilinear => Ok(()),
            Interpolation::Bicubic => f.write_str(",interpolation=bicubic"),
            Interpolation::Nearest => f.write_str(",interpolation=nearest"),
            Interpolation::NearestExact => f.write_str(",interpolation=nearest-exact"),
        }
    }
}

/// `key=value,value,key=value`.
fn pairs(text: &str) -> Result<Fields, String> {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in text.split(',').map(str::trim) {
        match part.split_once('=') {
            Some((key, _)) if fields.iter().any(|(known, _)| *known == key.trim()) => {
                return Err(format!("`{key}` is given twice"));
            }
            Some((key, value)) => fields.push((key.trim(), vec![value.trim()])),
            None => fields.last_mut().ok_or("it starts without a key")?.1.push(part),
        }
    }
    let mut take = |key: &str| {
        let at = fields.iter().position(|(known, _)| *known == key)?;
        Some(fields.swap_remove(at).1)
    };
    let numbers = |values: Option<Vec<&str>>, key: &str| -> Result<Vec<f32>, String> {
        let values = values.ok_or_else(|| format!("`{key}` is missing"))?;
        values.into_iter().map(|x| x.parse().map_err(|_| format!("`{x}` in `{key}` is no number"))).collect()
    };
    let one = |values: Option<Vec<&str>>, key: &str| match values.as_deref() {
        None => Ok(None),
        Some(&[value]) => Ok(Some(value.to_owned())),
        Some(_) => Err(format!("`{key}` is one value")),
    };
    let result = Fields {
        mean: numbers(take("mean"), "mean")?,
        std: numbers(take("std"), "std")?,
        resize: one(take("resize"), "resize")?.map(|value| resize(&value)).transpose()?,
        crop: one(take("crop"), "crop")?.map(|value| pixels(&value, "crop")).transpose()?,
        crop_pct: one(take("crop_pct"), "crop_pct")?
            .map(|value| value.parse().map_err(|_| format!("`{value}` in `crop_pct` is no number")))
            .transpose()?,
        interpolation: one(take("interpolation"), "interpolation")?
            .map(|value| interpolation(&value))
            .transpose()?,
    };
    match fields.first() {
        None => Ok(result),
        Some((key, _)) => {
            Err(format!("`{key}` is no key, expected mean, std, resize, crop, crop_pct or interpolation"))
        }
    }
}

/// `224` or `224x288`.
fn pixels(text: &str, key: &str) -> Result<Sides, String> {
    let side = |side: &str| side.trim().parse().map_err(|_| format!("`{key}` is `{text}`, expected pixels"));
    match text.split_once('x') {
        None => Ok(Sides::Both(side(text)?)),
        Some((height, width)) => Ok(Sides::Each([side(height)?, side(width)?])),
    }
}

fn resize(text: &str) -> Result<ResizeTo, String> {
    match text {
        "cover" => Ok(ResizeTo::Word(Word::Cover)),
        "squash" => Ok(ResizeTo::Word(Word::Squash)),
        _ => Ok(match pixels(text, "resize")? {
            Sides::Both(side) => ResizeTo::Shorter(side),
            Sides::Each(sides) => ResizeTo::Exact(sides),
        }),
    }
}

/// An interpolation by its name.
pub(super) fn interpolation(name: &str) -> Result<Interpolation, String> {
    match name {
        "bilinear" => Ok(Interpolation::Bilinear),
        "bicubic" => Ok(Interpolation::Bicubic),
        "nearest" => Ok(Interpolation::Nearest),
        "nearest-exact" => Ok(Interpolation::NearestExact),
        _ => {
            Err(format!("`interpolation` is `{name}`, expected bilinear, bicubic, nearest or nearest-exact"))
        }
    }
}

fn file(path: &Path) -> Result<Fields, String> {
    let names = PreprocessSpec::NAMES.map(|(name, _)| name).join(", ");
    let (file, length) = match open_regular(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!(
                "it is neither one of {names}, nor like `mean=0.5,std=0.5,resize=256,crop=224`, nor a file"
            ));
        }
        opened => opened.map_err(|error| error.to_string())?,
    };
    if length > MAX_FILE {
        return Err(format!("the file has {length} bytes, expected at most {MAX_FILE}"));
    }
    let text = std::io::read_to_string(file).map_err(|error| error.to_string())?;
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        true => preprocess_files::read(&text),
        false => toml::from_str(&text).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PreprocessSpec {
        PreprocessSpec::parse(text).unwrap()
    }

    fn fail(text: &str) -> String {
        PreprocessSpec::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn imagenet_is_torchvisions() {
        let preprocess = parse("imagenet").for_input([3, 224, 224]).unwrap();
        assert_eq!(preprocess, Preprocess::imagenet(224, 224));
        let written = parse("mean=0.485,0.456,0.406,std=0.229,0.224,0.225,resize=256,crop=224");
        assert_eq!(written.for_input([3, 224, 224]).unwrap(), preprocess);
        assert!(parse("imagenet").for_input([1, 224, 224]).is_err());
    }

    #[test]
    fn files_have_the_same_keys() {
        let folder = tempfile::tempdir().unwrap();
        let spec = parse("mean=0.5,0.25,0.125,std=1,0.5,2,resize=40");
        let toml =
            write(&folder, "a.toml", "mean = [0.5, 0.25, 0.125]\nstd = [1.0, 0.5, 2.0]\nresize = 40\n");
        let json =
            write(&folder, "a.json", "{\"mean\": [0.5, 0.25, 0.125], \"std\": [1, 0.5, 2], \"resize\": 40}");
        assert_eq!((parse(&toml), parse(&json)), (spec.clone(), spec));
        let other = write(&folder, "b.toml", "mean = [0.5]\nstd = [1.0]\nsize = 40\n");
        assert!(fail(&other).contains("unknown field `size`"), "{}", fail(&other));
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn timms_configurations_make_timms_input() {
        // The figures of tools/preprocess_golden.py: corners and middle of each channel. Pillow rounds levels twice.
        let pixel = |channel: usize, y: usize, x: usize| match channel {
            0 => 5 * x + y,
            1 => 4 * y + 90,
            _ => 190 + 2 * y - 3 * x,
        };
        let levels = (0..3 * 30 * 44).map(|i| pixel(i / 1320, i / 44 % 30, i % 44) as u8).collect::<Vec<_>>();
        let image = crate::data::Image::new((3, 30, 44), levels).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = |interpolation: &str, part: f64, mode: &str| {
            format!(
                r#"{{"architecture": "x", "pretrained_cfg": {{"tag": "a1_in1k", "input_size": [3, 224, 224],
                "interpolation": "{interpolation}", "crop_pct": {part}, "crop_mode": "{mode}",
                "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "classifier": "fc"}}}}"#
            )
        };
        let cases = [
            (
                config("bicubic", 0.8, "center"),
                "mean=0.5,0.4,0.3,std=0.2,0.25,0.3,crop_pct=0.8,interpolation=bicubic",
                [
                    -1.5196, 0.7157, -0.1078, -1.0686, 1.1667, 0.0157, 0.0157, 0.7686, 1.4275, 1.4275,
                    1.2092, 0.3203, 1.0392, 1.7843, 0.8954,
                ],
            ),
            (
                config("bicubic", 0.9, "squash"),
                "mean=0.5,0.4,0.3,std=0.2,0.25,0.3,resize=squash,crop_pct=0.9,interpolation=bicubic",
                [
                    -2.4216, 1.3824, -0.0882, -1.8922, 1.9118, -0.1569, -0.1569, 0.7216, 1.5059, 1.5059,
                    1.4575, -0.0588, 1.0261, 2.1503, 0.634,
                ],
            ),
            (
                config("bilinear", 1.0, "squash"),
                "mean=0.5,0.4,0.3,std=0.2,0.25,0.3,resize=squash,crop_pct=1",
                [
                    -2.3627, 1.6176, 0.049, -1.8333, 2.1471, -0.1412, -0.1412, 0.7843, 1.5843, 1.5843,
                    1.4575, -0.1503, 0.9869, 2.1895, 0.5817,
                ],
            ),
        ];
        for (file, text, expected) in cases {
            let spec = parse(&write(&folder, "config.json", &file));
            assert_eq!(spec.to_string(), text);
            assert_eq!(parse(text), spec);
            let out = spec.for_input([3, 16, 16]).unwrap().apply_image(&image);
            let places = [0, 15, 8 * 16 + 8, 15 * 16, 255];
            let found = (0..3).flat_map(|channel| places.map(|place| out[channel * 256 + place]));
            for (x, y) in found.zip(expected) {
                assert!((x - y).abs() < 0.025, "{text}: {x}, expected {y}");
            }
        }
        let border = config("bicubic", 0.9, "border");
        assert!(fail(&write(&folder, "border.json", &border)).contains("`crop_mode` is `border`"));
        let lanczos = config("lanczos", 0.9, "center");
        assert!(fail(&write(&folder, "lanczos.json", &lanczos)).contains("`interpolation` is `lanczos`"));
        // timm's own defaults.
        let short = r#"{"input_size": [3, 224, 224], "mean": [0.5], "std": [0.5]}"#;
        let spec = parse(&write(&folder, "short.json", short));
        assert_eq!(spec, parse("mean=0.5,std=0.5,crop_pct=0.875,interpolation=bicubic"));
        assert_eq!(spec.for_input([3, 224, 224]).unwrap().fit(), Fit::CenterCrop(256));
        assert_eq!(
            parse("mean=0,std=1,crop_pct=0.95").for_input([3, 224, 224]).unwrap().fit(),
            Fit::CenterCrop(235)
        );
    }

    #[test]
    fn hugging_faces_configurations_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let usual = r#""do_normalize": true, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.5]"#;
        let read = |rest: &str| {
            PreprocessSpec::parse(&write(
                &folder,
                "preprocessor_config.json",
                &format!("{{{usual}, {rest}}}"),
            ))
        };
        let shown = |rest: &str| read(rest).unwrap().to_string();
        let told = |rest: &str| read(rest).unwrap_err().to_string();
        let own = "mean=0.5,0.4,0.3,std=0.2,0.25,0.5";
        // Of ViT, CLIP, ResNet (which has ConvNext's), and MobileNet; with what newer versions of them write.
        assert_eq!(
            shown(
                r#""do_resize": true, "size": {"height": 224, "width": 224}, "resample": 2, "do_rescale": true,
                "rescale_factor": 0.00392156862745098, "image_processor_type": "ViTImageProcessor",
                "do_pad": false, "device": null, "return_tensors": null, "default_to_square": true"#
            ),
            format!("{own},resize=224x224,crop=224")
        );
        assert_eq!(
            shown(
                r#""size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "resample": 3,
                "do_center_crop": true, "do_convert_rgb": true, "image_processor_type": "CLIPImageProcessor""#
            ),
            format!("{own},resize=224,crop=224,interpolation=bicubic")
        );
        assert_eq!(
            shown(
                r#""size": 224, "crop_pct": 0.875, "resample": 3, "feature_extractor_type": "ConvNextFeatureExtractor""#
            ),
            format!("{own},resize=256,crop=224,interpolation=bicubic")
        );
        assert_eq!(
            shown(
                r#""size": {"shortest_edge": 384}, "crop_pct": null, "image_processor_type": "ConvNextImageProcessor""#
            ),
            format!("{own},resize=384x384,crop=384")
        );
        assert_eq!(
            shown(r#""size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": true"#),
            format!("{own},resize=256,crop=224")
        );
        assert_eq!(
            shown(r#""size": 224, "feature_extractor_type": "ViTFeatureExtractor""#),
            format!("{own},resize=224x224,crop=224")
        );
        // Mean and deviation of levels, and none.
        assert_eq!(
            shown(r#""size": {"height": 32, "width": 32}, "rescale_factor": 0.00784313725490196"#),
            "mean=0.25,0.2,0.15,std=0.1,0.125,0.25,resize=32x32,crop=32"
        );
        let plain = r#"{"size": {"height": 8, "width": 8}, "do_normalize": false, "image_mean": null, "image_processor_type": "X"}"#;
        assert_eq!(parse(&write(&folder, "plain.json", plain)).to_string(), "mean=0,std=1,resize=8x8,crop=8");
        assert!(told(r#""size": 224"#).contains("says not of which side"));
        assert!(told(r#""size": {"longest_edge": 224}"#).contains("a size is a number"));
        assert!(told(r#""size": {"shortest_edge": 224}"#).contains("different sizes"));
        assert!(
            told(r#""size": {"shortest_edge": 224}, "do_center_crop": true"#)
                .contains("`crop_size` is missing")
        );
        assert!(told(r#""size": {"height": 8, "width": 8}, "do_pad": true"#).contains("do_pad"));
        assert!(told(r#""size": {"height": 8, "width": 8}, "resample": 1"#).contains("`resample` is 1"));
        assert!(told(r#""do_resize": false"#).contains("`do_resize` is false"));
        assert!(
            told(r#""size": {"shortest_edge": 224}, "image_processor_type": "ConvNextImageProcessor""#)
                .contains("`crop_pct` is missing")
        );
        assert!(fail(&write(&folder, "list.json", "[1]")).contains("no object"));
    }

    #[test]
    fn sizes_and_interpolations_are_read_alike_from_text_and_files() {
        let folder = tempfile::tempdir().unwrap();
        for (text, toml, fit) in [
            ("resize=40x50,crop=32x48", "resize = [40, 50]\ncrop = [32, 48]", Fit::Squash([40, 50])),
            ("resize=squash", "resize = \"squash\"", Fit::Squash([32, 48])),
            (
                "resize=cover,interpolation=bicubic",
                "resize = \"cover\"\ninterpolation = \"bicubic\"",
                Fit::Cover,
            ),
            (
                "crop_pct=0.5,interpolation=nearest",
                "crop_pct = 0.5\ninterpolation = \"nearest\"",
                Fit::CenterCrop(96),
            ),
        ] {
            let spec = parse(&format!("mean=0.5,std=0.25,{text}"));
            assert_eq!(
                parse(&write(&folder, "a.toml", &format!("mean = [0.5]\nstd = [0.25]\n{toml}\n"))),
                spec
            );
            assert_eq!(parse(&spec.to_string()), spec);
            assert_eq!(spec.for_input([3, 32, 48]).unwrap().fit(), fit);
        }
        assert!(fail("mean=0.5,std=1,interpolation=cubic").contains("expected bilinear, bicubic"));
        assert!(fail("mean=0.5,std=1,crop_pct=1.5").contains("`crop_pct` is 1.5, expected 0.01 to 1"));
        assert!(fail("mean=0.5,std=1,crop_pct=0.9,resize=256").contains("give one of them"));
        assert!(
            fail("mean=0.5,std=1,resize=20x40,crop=32x32")
                .contains("`crop` 32 is larger than `resize` 20x40")
        );
        assert!(fail("mean=0.5,std=1,resize=abc").contains("`resize` is `abc`, expected pixels"));
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        assert!(fail("imagnet").contains("imagenet, cifar, plain"));
        assert!(fail("mean=0.5").contains("`std` is missing"));
        assert!(fail("mean=0.5,std=0").contains("above 0"));
        assert!(fail("mean=0.5,std=nan").contains("above 0"));
        assert!(fail("mean=0.5,std=0.1,0.2").contains("1 means and 2"));
        assert!(fail("mean=0.5,std=x").contains("`x` in `std`"));
        assert!(fail("mean=0.5,std=1,size=3").contains("`size` is no key"));
        assert!(fail("mean=123.7,std=58.4").contains("divide those of levels by 255"));
        assert!(fail("mean=0.5,std=1,resize=20,crop=32").contains("larger than `resize`"));
        assert!(fail("mean=0.5,mean=0.5,std=1").contains("twice"));
        let side = parse("mean=0.5,std=1,resize=20").for_input([1, 32, 32]).unwrap_err().to_string();
        assert!(side.contains("cut out of 20 pixels"), "{side}");
    }
}
