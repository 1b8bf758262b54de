//! JSON files that tell how images become input: our own, Hugging Face's `preprocessor_config.json` and timm's
//! `pretrained_cfg`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::preprocess_spec::{Fields, ResizeTo, Sides, Word, interpolation};
use super::transform::Interpolation;

/// Reads one of them.
pub(super) fn read(text: &str) -> Result<Fields, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Value::Object(object) = value else { return Err("it holds no object".to_owned()) };
    if let Some(Value::Object(config)) = object.get("pretrained_cfg") {
        return timm(config);
    }
    if object.contains_key("input_size") {
        return timm(&object);
    }
    if ["image_mean", "image_processor_type", "feature_extractor_type"]
        .iter()
        .any(|key| object.contains_key(*key))
    {
        return hugging_face(object);
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())
}

/// The keys of timm's configuration that tell of pixels. What is missing is as `timm.data.resolve_data_config` has it.
#[derive(Deserialize)]
struct Timm {
    mean: Vec<f32>,
    std: Vec<f32>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
    interpolation: Option<String>,
}

fn timm(config: &Map<String, Value>) -> Result<Fields, String> {
    let config = Timm::deserialize(config).map_err(|error| error.to_string())?;
    let resize = match config.crop_mode.as_deref() {
        None | Some("center") => None,
        Some("squash") => Some(ResizeTo::Word(Word::Squash)),
        Some(mode) => return Err(format!("`crop_mode` is `{mode}`, expected center or squash")),
    };
    let by = match config.interpolation.as_deref() {
        None => Interpolation::Bicubic,
        // Pillow's takes the pixel in the middle.
        Some("nearest") => Interpolation::NearestExact,
        Some(name) => interpolation(name)?,
    };
    Ok(Fields {
        mean: config.mean,
        std: config.std,
        resize,
        crop: None,
        crop_pct: Some(config.crop_pct.unwrap_or(0.875)),
        interpolation: Some(by),
    })
}

/// The keys of a `preprocessor_config.json` that tell of pixels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HuggingFace {
    #[serde(default)]
    do_resize: Option<bool>,
    #[serde(default)]
    size: Option<Size>,
    #[serde(default)]
    crop_pct: Option<f64>,
    #[serde(default)]
    resample: Option<u32>,
    #[serde(default)]
    do_center_crop: Option<bool>,
    #[serde(default)]
    crop_size: Option<Size>,
    #[serde(default)]
    do_rescale: Option<bool>,
    #[serde(default)]
    rescale_factor: Option<f64>,
    #[serde(default)]
    do_normalize: Option<bool>,
    #[serde(default)]
    image_mean: Option<Vec<f64>>,
    #[serde(default)]
    image_std: Option<Vec<f64>>,
}

/// A size as these files have it.
#[derive(Clone, Copy, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a size is a number, {\"shortest_edge\": 256} or {\"height\": 224, \"width\": 224}"
)]
enum Size {
    Number(usize),
    Shortest { shortest_edge: usize },
    Exact { height: usize, width: usize },
}

/// Keys of these files that tell nothing of pixels.
const OTHERS: [&str; 10] = [
    "_auto_class",
    "_valid_processor_keys",
    "auto_map",
    "data_format",
    "default_to_square",
    "device",
    "do_convert_rgb",
    "input_data_format",
    "processor_class",
    "return_tensors",
];

fn hugging_face(mut object: Map<String, Value>) -> Result<Fields, String> {
    let mut kind = |key: &str| object.remove(key).and_then(|kind| kind.as_str().map(str::to_owned));
    let kind = [kind("image_processor_type"), kind("feature_extractor_type")].into_iter().flatten().next();
    let kind = kind.unwrap_or_default();
    // What is off or empty changes no pixel, whatever it is.
    object.retain(|key, value| {
        let known = ["do_resize", "do_center_crop", "do_rescale", "do_normalize"].contains(&key.as_str());
        !OTHERS.contains(&key.as_str()) && (known || !matches!(value, Value::Null | Value::Bool(false)))
    });
    let config = HuggingFace::deserialize(Value::Object(object)).map_err(|error| error.to_string())?;
    let (resize, crop) = config.sizes(&kind)?;
    let (mean, std) = config.normalization()?;
    let by = match config.resample.unwrap_or(2) {
        0 => Interpolation::NearestExact,
        2 => Interpolation::Bilinear,
        3 => Interpolation::Bicubic,
        number => {
            return Err(format!("`resample` is {number}, expected 0 (nearest), 2 (bilinear) or 3 (bicubic)"));
        }
    };
    Ok(Fields { mean, std, resize: Some(resize), crop: Some(crop), crop_pct: None, interpolation: Some(by) })
}

impl HuggingFace {
    /// What an image is resized to, and what is cut out.
    fn sizes(&self, kind: &str) -> Result<(ResizeTo, Sides), String> {
        if self.do_resize == Some(false) {
            return Err("`do_resize` is false, expected images of one size".to_owned());
        }
        let size = self.size.ok_or("`size` is missing")?;
        let convnext = kind.starts_with("ConvNext");
        let crop = match (self.do_center_crop.unwrap_or(false), self.crop_size) {
            (false, _) => None,
            (true, Some(Size::Number(side) | Size::Shortest { shortest_edge: side })) => Some([side; 2]),
            (true, Some(Size::Exact { height, width })) => Some([height, width]),
            (true, None) => return Err("`crop_size` is missing".to_owned()),
        };
        let exact = |sides: [usize; 2]| Ok((ResizeTo::Exact(sides), Sides::Each(crop.unwrap_or(sides))));
        match size {
            Size::Exact { height, width } => exact([height, width]),
            // Its images of 384 pixels and more are squashed, smaller ones cut out of larger ones.
            Size::Number(side) | Size::Shortest { shortest_edge: side } if convnext => match self.crop_pct {
                _ if side >= 384 => exact([side; 2]),
                Some(part) if (0.01..=1.0).contains(&part) => {
                    Ok((ResizeTo::Shorter((side as f64 / part) as usize), Sides::Both(side)))
                }
                found => Err(format!(
                    "`crop_pct` is {}, expected 0.01 to 1",
                    found.map_or("missing".to_owned(), |x| x.to_string())
                )),
            },
            Size::Shortest { shortest_edge } => match crop {
                Some(crop) => Ok((ResizeTo::Shorter(shortest_edge), Sides::Each(crop))),
                None => {
                    Err("`do_center_crop` is not true, and images come out in different sizes".to_owned())
                }
            },
            // As the classes of these names read a number.
            Size::Number(side) if kind.starts_with("CLIP") => match crop {
                Some(crop) => Ok((ResizeTo::Shorter(side), Sides::Each(crop))),
                None => {
                    Err("`do_center_crop` is not true, and images come out in different sizes".to_owned())
                }
            },
            Size::Number(side) if ["ViT", "DeiT", "Beit"].iter().any(|name| kind.starts_with(name)) => {
                exact([side; 2])
            }
            Size::Number(side) => Err(format!(
                "`size` is {side}, which says not of which side; write {{\"shortest_edge\": {side}}} or {{\"height\": \
                 {side}, \"width\": {side}}}"
            )),
        }
    }

    /// Mean and deviation of pixels from 0 to 1.
    fn normalization(&self) -> Result<(Vec<f32>, Vec<f32>), String> {
        // Levels of 0 to 255 times this are what is normalized.
        let factor =
            if self.do_rescale == Some(false) { 1.0 } else { self.rescale_factor.unwrap_or(1.0 / 255.0) };
        let most = 255.0 * factor;
        if !(most.is_finite() && most > 0.0) {
            return Err(format!(
                "`rescale_factor` is {factor}, expected a number above 0, such as 0.00392156862745098"
            ));
        }
        // A factor that was written with few digits means 1/255.
        let most = if (most - 1.0).abs() < 1e-3 { 1.0 } else { most };
        if self.do_normalize == Some(false) {
            return Ok((vec![0.0], vec![(1.0 / most) as f32]));
        }
        let of = |values: &Option<Vec<f64>>, key: &str| -> Result<Vec<f32>, String> {
            let values = values.as_ref().ok_or_else(|| format!("`{key}` is missing"))?;
            Ok(values.iter().map(|value| (value / most) as f32).collect())
        };
        Ok((of(&self.image_mean, "image_mean")?, of(&self.image_std, "image_std")?))
    }
}
