//! How images become input, as a user writes it: without the network's size.

use std::path::Path;

use convnet_formats::open_regular;
use serde::Deserialize;

use super::DataError;
use super::preprocess::{Fit, Preprocess};

/// The preprocessing that weights were trained with, for a network of any size.
///
/// ```
/// use convnet::data::{Fit, PreprocessSpec};
///
/// let spec = PreprocessSpec::parse("mean=0.5,std=0.25,resize=40,crop=32")?;
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
    crop: Option<usize>,
}

/// How an image gets the input's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resize {
    /// Resized to cover it.
    Cover,
    /// The shorter side to 256/224 of the input's, then the middle.
    ImageNet,
    /// The shorter side to so many pixels, then the middle.
    Shorter(usize),
}

/// The keys of a file, and of the short form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    mean: Vec<f32>,
    std: Vec<f32>,
    #[serde(default)]
    resize: Option<usize>,
    #[serde(default)]
    crop: Option<usize>,
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

    /// Reads a name, `mean=…,std=…,resize=256,crop=224`, or the name of a file (TOML, or JSON if it ends so) with these
    /// keys.
    ///
    /// A mean and a deviation are one number or one for each channel, of pixels from 0 to 1. With `resize` the shorter
    /// side gets so many pixels and the middle is cut out, without it an image is resized to cover the input. `crop` is
    /// the side that the network must have.
    ///
    /// # Errors
    /// What is none of these, and why.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Preprocess { text: text.to_owned(), problem };
        match text {
            "imagenet" => Ok(Self::imagenet()),
            "cifar" => {
                let (mean, std) = CIFAR;
                Ok(Self { mean: mean.to_vec(), std: std.to_vec(), resize: Resize::Cover, crop: None })
            }
            "plain" => Ok(Self { mean: vec![0.0], std: vec![1.0], resize: Resize::Cover, crop: None }),
            _ if text.contains('=') => Self::of(pairs(text).map_err(wrong)?).map_err(wrong),
            _ => Self::of(file(Path::new(text)).map_err(wrong)?).map_err(wrong),
        }
    }

    /// What torchvision's ImageNet weights were trained and measured with.
    pub fn imagenet() -> Self {
        let (mean, std) = IMAGENET;
        Self { mean: mean.to_vec(), std: std.to_vec(), resize: Resize::ImageNet, crop: None }
    }

    /// The same with another mean and deviation, for all channels.
    #[must_use]
    pub fn normalized_by(self, mean: f32, std: f32) -> Self {
        Self { mean: vec![mean], std: vec![std], ..self }
    }

    fn of(Fields { mean, std, resize, crop }: Fields) -> Result<Self, String> {
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
        if let (Some(resize), Some(crop)) = (resize, crop)
            && resize < crop
        {
            return Err(format!("`crop` {crop} is larger than `resize` {resize}"));
        }
        Ok(Self { mean, std, resize: resize.map_or(Resize::Cover, Resize::Shorter), crop })
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
        if let Some(crop) = self.crop
            && (height, width) != (crop, crop)
        {
            return Err(wrong(format!(
                "it cuts out {crop} × {crop} pixels, the network's input has {height} × {width}"
            )));
        }
        let fit = match self.resize {
            Resize::Cover => Fit::Cover,
            Resize::ImageNet => Fit::CenterCrop(height.max(width).saturating_mul(256) / 224),
            Resize::Shorter(side) => Fit::CenterCrop(side),
        };
        let each = |values: &[f32]| (0..channels).map(|c| values[c % values.len()]).collect();
        Preprocess::new(input, fit, each(&self.mean), each(&self.std)).map_err(wrong)
    }
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
        }
        self.crop.map_or(Ok(()), |crop| write!(f, ",crop={crop}"))
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
    let side = |values: Option<Vec<&str>>, key: &str| match values.as_deref() {
        None => Ok(None),
        Some([side]) => side.parse().map(Some).map_err(|_| format!("`{key}` is `{side}`, expected pixels")),
        Some(_) => Err(format!("`{key}` is one number")),
    };
    let result = Fields {
        mean: numbers(take("mean"), "mean")?,
        std: numbers(take("std"), "std")?,
        resize: side(take("resize"), "resize")?,
        crop: side(take("crop"), "crop")?,
    };
    match fields.first() {
        None => Ok(result),
        Some((key, _)) => Err(format!("`{key}` is no key, expected mean, std, resize or crop")),
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
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
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
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let toml = write("a.toml", "mean = [0.5, 0.25, 0.125]\nstd = [1.0, 0.5, 2.0]\nresize = 40\n");
        let json = write("a.json", "{\"mean\": [0.5, 0.25, 0.125], \"std\": [1, 0.5, 2], \"resize\": 40}");
        assert_eq!((parse(&toml), parse(&json)), (spec.clone(), spec));
        let other = write("b.toml", "mean = [0.5]\nstd = [1.0]\nsize = 40\n");
        assert!(fail(&other).contains("unknown field `size`"), "{}", fail(&other));
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
