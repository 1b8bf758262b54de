//! Maps of another size: Resize, Expand, and channels that become pixels.

use super::call::{Call, Known, Order};
use super::importer::Importer;
use crate::graph::Shape;
use crate::ops::{Coordinates, Interpolation, PixelShuffle, PixelUnshuffle, Rounding, Upsample};

/// The largest height or width that is asked for.
const LARGEST: usize = 1 << 16;

impl Importer<'_> {
    pub(super) fn resize(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let Shape::Map { height, width, .. } = self.shape(value) else {
            return Err("it resizes a vector, expected a map".into());
        };
        let (height, width, scale) = self.resized(call, (height, width))?;
        let asked = call.text("mode")?.unwrap_or("nearest");
        // Before version 11 places were told in one way.
        let usual = if call.opset < 11 { "asymmetric" } else { "half_pixel" };
        let coordinates = match call.text("coordinate_transformation_mode")?.unwrap_or(usual) {
            "half_pixel" => Coordinates::HalfPixel,
            "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
            "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
            "align_corners" => Coordinates::AlignCorners,
            "asymmetric" => Coordinates::Asymmetric,
            "tf_half_pixel_for_nn" => Coordinates::TfHalfPixelForNn,
            other => return Err(format!("coordinate_transformation_mode is `{other}`, which no layer has")),
        };
        if coordinates == Coordinates::AlignCorners && scale.is_some() {
            let reason = "align_corners by a scale that gives no whole number of pixels: where the last one lies is told \
                          differently; give sizes";
            return Err(reason.into());
        }
        let exclude_outside = call.int("exclude_outside", 0)? != 0;
        let usual = if call.opset < 11 { "floor" } else { "round_prefer_floor" };
        let mode = match asked {
            "nearest" => Interpolation::Nearest {
                rounding: match call.text("nearest_mode")?.unwrap_or(usual) {
                    "floor" => Rounding::Floor,
                    "ceil" => Rounding::Ceil,
                    "round_prefer_floor" => Rounding::PreferFloor,
                    "round_prefer_ceil" => Rounding::PreferCeil,
                    other => return Err(format!("nearest_mode is `{other}`, which no layer has")),
                },
            },
            "linear" if !exclude_outside => Interpolation::Linear,
            "cubic" => {
                Interpolation::Cubic { a: call.float("cubic_coeff_a", -0.75)?.into(), exclude_outside }
            }
            other => return Err(format!("mode is `{other}`, expected nearest, linear or cubic")),
        };
        if call.int("antialias", 0)? != 0 {
            return Err("it smooths before it makes smaller (antialias), which no layer does".into());
        }
        self.push(call, Upsample { height, width, mode, coordinates, scale }, &[value.layer], Vec::new())
    }

    /// The output's height and width, and output over input where these do not tell it.
    fn resized(
        &self,
        call: &Call<'_>,
        (height, width): (usize, usize),
    ) -> Result<(usize, usize, Option<[f64; 2]>), String> {
        let scales_at = if call.op() == "Upsample" || call.opset < 11 { 1 } else { 2 };
        let (last, policy) = (call.ints("axes")?, call.text("keep_aspect_ratio_policy")?);
        // Height and width, or the other way round.
        let turned = matches!(last, Some([3, 2] | [-1, -2]));
        if !(turned || matches!(last, None | Some([2, 3] | [-2, -1])))
            || !matches!(policy, None | Some("stretch"))
        {
            return Err(format!("axes {last:?}, policy {policy:?}, expected height and width, stretched"));
        }
        let pair = |what: &str, found: Vec<f64>| match found[..] {
            [w, h] if turned => Ok([h, w]),
            [h, w] if last.is_some() => Ok([h, w]),
            [n, c, h, w] if last.is_none() && n == 1.0 && c == 1.0 => Ok([h, w]),
            _ => Err(format!("{what} are {found:?}, expected images and channels to stay as they are")),
        };
        if let Some(sizes) =
            call.integers(3).ok().flatten().filter(|sizes| !sizes.is_empty() && scales_at == 2)
        {
            let spatial = &sizes[sizes.len().saturating_sub(2)..];
            let size = |size: Option<i64>| {
                let size = size
                    .and_then(|size| usize::try_from(size).ok())
                    .filter(|size| (1..=LARGEST).contains(size));
                size.ok_or_else(|| format!("sizes are {sizes:?}, expected 1 to {LARGEST}"))
            };
            let &[h, w] = spatial else {
                return Err(format!("sizes are {sizes:?}, expected height and width"));
            };
            let (h, w) = if turned { (w, h) } else { (h, w) };
            return Ok((size(h)?, size(w)?, None));
        }
        let scales = match call.floats("scales")? {
            Some(scales) => scales.iter().map(|&x| f64::from(x)).collect(),
            None => {
                call.needed(scales_at, "scales")?.floats(self.model)?.into_iter().map(f64::from).collect()
            }
        };
        let [by_row, by_column] = pair("scales", scales)?;
        // In single precision, as ONNX Runtime and the exporters have it.
        let output = |size: usize, scale: f64| {
            let output = (size as f32 * scale as f32).floor();
            if output >= 1.0 && output <= LARGEST as f32 {
                Ok(output as usize)
            } else {
                Err(format!("a scale of {scale}"))
            }
        };
        let (rows, columns) = (output(height, by_row)?, output(width, by_column)?);
        // But for the rounding of the scales.
        let whole =
            |output: usize, size: usize, scale: f64| (output as f64 - size as f64 * scale).abs() < 1e-4;
        let exact = whole(rows, height, by_row) && whole(columns, width, by_column);
        Ok((rows, columns, (!exact).then_some([by_row, by_column])))
    }

    /// Axes of one element repeated.
    pub(super) fn expand(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let sizes = self.sizes(value);
        let told = call.integers(1)?.ok_or("it has no shape")?;
        let rank = sizes.len() + 1;
        if told.len() > rank {
            return Err(format!("to {told:?} from (N, {sizes:?}), expected as many axes"));
        }
        let lead = rank - told.len();
        let mut target = sizes.clone();
        for (axis, size) in (lead..rank).zip(&told).filter(|(axis, _)| *axis > 0) {
            match size {
                Some(1) => {}
                Some(size) => {
                    target[axis - 1] = usize::try_from(*size).map_err(|_| format!("to {told:?}"))?;
                }
                None => return Err("an axis to the number of images".into()),
            }
        }
        if target == sizes {
            return self.alias(call, 0);
        }
        let [channels, height, width] = match (&target[..], value.order) {
            (&[c, h, w], Order::ChannelsFirst) | (&[h, w, c], Order::ChannelsLast) => [c, h, w],
            _ => return Err(format!("from (N, {sizes:?}) to {target:?}, expected a map")),
        };
        let shape = self.shape(value);
        let fits = |size: usize, wanted: usize| size == 1 || size == wanted;
        if !fits(shape.spatial().0, height) || !fits(shape.spatial().1, width) || shape.channels() != channels
        {
            return Err(format!(
                "from (N, {sizes:?}) to {target:?}, expected a row, a column or a pixel to be repeated"
            ));
        }
        if height > LARGEST || width > LARGEST {
            return Err(format!("to {target:?}, expected at most {LARGEST} rows and columns"));
        }
        self.push_on(call, Upsample::nearest(height, width), value, Vec::new())
    }

    pub(super) fn depth_to_space(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let place_first = Self::place_first(call)?;
        let factor = self.blocks(call)?;
        self.layer(call, PixelShuffle { factor, place_first })
    }

    pub(super) fn space_to_depth(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let place_first = Self::place_first(call)?;
        let factor = self.blocks(call)?;
        self.layer(call, PixelUnshuffle { factor, place_first })
    }

    /// Whether a pixel's place in its block comes before the channel.
    fn place_first(call: &Call<'_>) -> Result<bool, String> {
        match call.text("mode")?.unwrap_or("DCR") {
            "DCR" => Ok(true),
            "CRD" => Ok(false),
            other => Err(format!("mode is `{other}`, expected DCR or CRD")),
        }
    }

    fn blocks(&self, call: &Call<'_>) -> Result<usize, String> {
        let size = call.int("blocksize", 0)?;
        usize::try_from(size)
            .ok()
            .filter(|size| (1..=LARGEST).contains(size))
            .ok_or(format!("blocksize is {size}"))
    }
}
