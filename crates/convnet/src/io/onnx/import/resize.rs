//! Maps of another size: Resize, Expand, and channels that become pixels.

use super::axes::Axes;
use super::call::{Call, Known, Order, Value, axes};
use super::constant::Constant;
use super::fold::{broadcast, combined};
use super::importer::Importer;
use super::views::View;
use crate::graph::Shape;
use crate::ops::{Arithmetic, Coordinates, Interpolation, PixelShuffle, PixelUnshuffle, Rounding, Upsample};

/// The largest height or width that is asked for.
const LARGEST: usize = 1 << 16;

/// The axes of (N, C, H, W) that a Resize tells of, in its order.
struct Dims(Vec<usize>);

impl Dims {
    fn of(call: &Call<'_>) -> Result<Self, String> {
        Ok(Self(match call.ints("axes")? {
            Some(list) => axes(list, 4)?,
            None => (0..4).collect(),
        }))
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    /// Which number is that of an axis.
    fn place(&self, axis: usize) -> Option<usize> {
        self.0.iter().position(|&own| own == axis)
    }

    /// Sizes that keep the proportions of (input, asked) rows and columns, and output over input.
    fn kept(
        &self,
        smaller: bool,
        sides: [(usize, usize); 2],
    ) -> Result<(usize, usize, Option<[f64; 2]>), String> {
        let mut told = self.0.clone();
        told.sort_unstable();
        if told != [2, 3] {
            return Err(format!("axes {:?} that keep proportions, expected height and width", self.0));
        }
        let ratios = sides.map(|(input, asked)| asked as f64 / input as f64);
        let scale = if smaller { ratios[0].min(ratios[1]) } else { ratios[0].max(ratios[1]) };
        let outputs = sides.map(|(input, _)| (scale * input as f64 + 0.5).floor());
        if outputs.iter().any(|output| !(1.0..=LARGEST as f64).contains(output)) {
            return Err(format!("a scale of {scale}"));
        }
        let [rows, columns] = outputs.map(|output| output as usize);
        let pairs = [(sides[0].0, rows), (sides[1].0, columns)];
        Ok((rows, columns, scales_beside(pairs, [scale; 2])))
    }
}

/// Scales that (input, output) rows and columns do not tell, but for their rounding.
fn scales_beside(sides: [(usize, usize); 2], scales: [f64; 2]) -> Option<[f64; 2]> {
    let whole =
        |((input, output), scale): ((usize, usize), f64)| (output as f64 - input as f64 * scale).abs() < 1e-4;
    (!sides.into_iter().zip(scales).all(whole)).then_some(scales)
}

impl Importer<'_> {
    pub(super) fn resize(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let shape = self.shape(value);
        let Shape::Map { channels, height, width } = shape else {
            return Err("it resizes a vector, expected a map".into());
        };
        let dims = Dims::of(call)?;
        let (height, width, scale) = self.resized(call, &dims, (channels, height, width))?;
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
            "tf_crop_and_resize" => self.crop(call, &dims)?,
            other => return Err(format!("coordinate_transformation_mode is `{other}`, which no layer has")),
        };
        let ends = matches!(coordinates, Coordinates::AlignCorners | Coordinates::CropAndResize { .. });
        if ends && scale.is_some() {
            let reason = "align_corners or a crop by a scale that gives no whole number of pixels: where the last one lies \
                          is told differently; give sizes";
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
        let antialias = call.int("antialias", 0)? != 0;
        if antialias && asked == "nearest" {
            return Err("it smooths before it makes smaller (antialias) and takes the nearest pixel".into());
        }
        let upsample = Upsample { height, width, mode, coordinates, scale, antialias };
        let outside = call.float("extrapolation_value", 0.0)?;
        let resized = self.give_on(call, upsample.clone(), value, Vec::new())?;
        let [rows, columns] = match coordinates {
            Coordinates::CropAndResize { .. } if outside != 0.0 => upsample.outside(shape),
            _ => return Ok(Known::Value(resized)),
        };
        let pixels = rows.iter().flat_map(|&row| columns.iter().map(move |&column| row || column));
        let values: Vec<f32> = pixels.map(|is_outside| if is_outside { outside } else { 0.0 }).collect();
        self.spend(size_of_val(values.as_slice()))?;
        let values = Constant::numbers(vec![1, height, width], values);
        let border = self.constant(call, Shape::map(1, height, width), values)?;
        let path = self.path(call);
        let layer = self.draft.push(Arithmetic::Add, &[resized.layer, border], path, Vec::new())?;
        Ok(Known::Value(Value { layer, ..resized }))
    }

    /// The part of a map that is resized.
    fn crop(&self, call: &Call<'_>, dims: &Dims) -> Result<Coordinates, String> {
        let roi = call.needed(1, "roi")?.floats(self.model)?;
        let count = dims.count();
        if roi.len() != 2 * count {
            return Err(format!("its roi has {} numbers, expected {}", roi.len(), 2 * count));
        }
        let ends = |axis: usize| dims.place(axis).map_or([0.0, 1.0], |i| [roi[i], roi[count + i]]);
        if [0, 1].iter().any(|&axis| ends(axis) != [0.0, 1.0]) {
            return Err(format!("its roi is {roi:?}, expected images and channels to stay as they are"));
        }
        Ok(Coordinates::CropAndResize { rows: ends(2), columns: ends(3) })
    }

    /// The output's height and width, and output over input where these do not tell it.
    fn resized(
        &self,
        call: &Call<'_>,
        dims: &Dims,
        (own, height, width): (usize, usize, usize),
    ) -> Result<(usize, usize, Option<[f64; 2]>), String> {
        let scales_at = if call.op() == "Upsample" || call.opset < 11 { 1 } else { 2 };
        if let Some(sizes) =
            call.integers(3).ok().flatten().filter(|sizes| !sizes.is_empty() && scales_at == 2)
        {
            let channels = dims.place(1).and_then(|at| sizes.get(at).copied().flatten());
            if sizes.len() != dims.count() || channels.is_some_and(|size| usize::try_from(size) != Ok(own)) {
                return Err(format!(
                    "sizes are {sizes:?}, expected {} numbers, and {own} channels",
                    dims.count()
                ));
            }
            let size = |axis: usize, own: usize| {
                let Some(at) = dims.place(axis) else { return Ok(own) };
                let size = sizes[at].and_then(|size| usize::try_from(size).ok());
                let size = size.filter(|size| (1..=LARGEST).contains(size));
                size.ok_or_else(|| format!("sizes are {sizes:?}, expected 1 to {LARGEST}"))
            };
            let asked = (size(2, height)?, size(3, width)?);
            return match call.text("keep_aspect_ratio_policy")?.unwrap_or("stretch") {
                "stretch" => Ok((asked.0, asked.1, None)),
                policy @ ("not_larger" | "not_smaller") => {
                    dims.kept(policy == "not_larger", [(height, asked.0), (width, asked.1)])
                }
                other => Err(format!("keep_aspect_ratio_policy is `{other}`, which no layer has")),
            };
        }
        let scales: Vec<f64> = match call.floats("scales")? {
            Some(scales) => scales.iter().map(|&x| f64::from(x)).collect(),
            None => {
                call.needed(scales_at, "scales")?.floats(self.model)?.into_iter().map(f64::from).collect()
            }
        };
        let scale = |axis: usize| dims.place(axis).map_or(1.0, |at| scales[at]);
        if scales.len() != dims.count() || scale(0) != 1.0 || scale(1) != 1.0 {
            return Err(format!("scales are {scales:?}, expected images and channels to stay as they are"));
        }
        let [by_row, by_column] = [scale(2), scale(3)];
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
        Ok((rows, columns, scales_beside([(height, rows), (width, columns)], [by_row, by_column])))
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
        let shape = self.shape(value);
        let fits = |size: usize, wanted: usize| size == 1 || size == wanted;
        let (height, width) = match (&target[..], value.order) {
            (&[c, h, w], Order::ChannelsFirst) | (&[h, w, c], Order::ChannelsLast)
                if c == shape.channels() && fits(shape.spatial().0, h) && fits(shape.spatial().1, w) =>
            {
                (h, w)
            }
            _ => {
                let view = self.view(call, value)?;
                let expanded = self.expanded(call, view, &target)?;
                return Ok(self.known(expanded));
            }
        };
        if height > LARGEST || width > LARGEST {
            return Err(format!("to {target:?}, expected at most {LARGEST} rows and columns"));
        }
        self.push_on(call, Upsample::nearest(height, width), value, Vec::new())
    }

    /// A constant that is repeated for each image; `None` for any other.
    pub(super) fn for_each_image(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let (constant, told) = match (call.op(), call.constant(0)) {
            ("Expand", Some(constant)) => (constant.clone(), call.integers(1)?.ok_or("it has no shape")?),
            ("ConstantOfShape", Some(shape)) => {
                let value = match call.tensor("value")? {
                    Some(value) if value.is_whole() || value.len() != 1 => return Ok(None),
                    Some(value) => Constant::stored(value.clone()).reshaped(&[]),
                    None => Constant::fill(Vec::new(), 0.0),
                };
                (value, shape.integers(self.model)?)
            }
            _ => return Ok(None),
        };
        let Some((None, rest)) = told.split_first() else { return Ok(None) };
        let sizes: Option<Vec<usize>> =
            rest.iter().map(|size| size.and_then(|size| usize::try_from(size).ok())).collect();
        let sizes = sizes.ok_or_else(|| format!("to {told:?}"))?;
        let constant = self.beside(&constant, sizes.len())?;
        let sizes = broadcast(&constant.shape, &sizes)?;
        let values = constant.floats(self.model)?;
        let values = combined((&values, &constant.shape), (&[0.0], &[]), &sizes, |x, _| Ok(x))?;
        self.spend(size_of_val(values.as_slice()))?;
        let shape = match sizes[..] {
            [] => return Err("to a number for each image, expected a vector or a map".into()),
            [features] => Shape::vector(features),
            [channels, height, width] => Shape::map(channels, height, width),
            [first, ref rest @ ..] => Shape::map(first, rest.iter().product(), 1),
        };
        let of = self.constant(call, shape, Constant::numbers(sizes.clone(), values))?;
        Ok(Some(self.known(View { of, axes: Axes::contiguous(&sizes), path: self.path(call) })))
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
