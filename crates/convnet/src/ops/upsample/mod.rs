//! Maps of another size.

mod taps;

use serde::{Deserialize, Serialize};

use self::taps::Along;
use super::layer::only_map;
use super::separable::{Axes, naive, sizes, whole};
use super::{Facts, Layer, Onnx, OnnxValue, Operand, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// A map of another height and width, PyTorch's `nn.Upsample` and `F.interpolate`, ONNX's Resize.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// Output rows.
    pub height: usize,
    /// Output columns.
    pub width: usize,
    /// What lies between pixels.
    pub mode: Interpolation,
    /// Where the pixels of the output lie in the input.
    pub coordinates: Coordinates,
    /// Output over input, along rows and columns, where coordinates are not told by the sizes: by a factor that does not
    /// give a whole number of pixels.
    pub scale: Option<[f64; 2]>,
    /// Whether a smaller map is made of all pixels: the line or the curve is as much wider as the map gets smaller, as in
    /// `F.interpolate(antialias=True)`.
    #[serde(default)]
    pub antialias: bool,
}

/// What lies between pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest {
        /// Which is the nearest.
        rounding: Rounding,
    },
    /// A line from one pixel to the next, along rows and columns: bilinear.
    Linear,
    /// A cubic curve through four pixels (Keys 1981): bicubic.
    Cubic {
        /// The curve's slope at its outer pixels: −0.75 in PyTorch, −0.5 in others.
        a: f64,
        /// Whether pixels outside of the map have no weight, and the others more; they are the outermost one else.
        exclude_outside: bool,
    },
}

/// Which pixel is the nearest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// The one before.
    Floor,
    /// The one behind.
    Ceil,
    /// The nearer; of two the one before.
    PreferFloor,
    /// The nearer; of two the one behind.
    PreferCeil,
}

/// Where pixel i of the output lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Coordinates {
    /// (i + ½)/scale − ½: the areas of both maps are one (`align_corners=False`).
    HalfPixel,
    /// The same, and 0 where the output has one pixel.
    PytorchHalfPixel,
    /// The same about the centre of the map, where a scale was cut off to whole pixels.
    HalfPixelSymmetric,
    /// i·(in − 1)/(out − 1): the outermost pixels lie on one another (`align_corners=True`).
    AlignCorners,
    /// i/scale.
    Asymmetric,
    /// (i + ½)/scale, of the nearest pixel.
    TfHalfPixelForNn,
    /// The outermost pixels lie on the ends of a part of the map, which are told as parts of in − 1; what lies outside of the
    /// map is 0: TensorFlow's `crop_and_resize`.
    CropAndResize {
        /// The first row and the last.
        rows: [f32; 2],
        /// The first column and the last.
        columns: [f32; 2],
    },
}

impl Upsample {
    /// The nearest pixel, as PyTorch takes it.
    pub fn nearest(height: usize, width: usize) -> Self {
        let mode = Interpolation::Nearest { rounding: Rounding::Floor };
        Self { height, width, mode, coordinates: Coordinates::Asymmetric, scale: None, antialias: false }
    }

    /// Bilinear interpolation, as PyTorch has it by default.
    pub fn bilinear(height: usize, width: usize) -> Self {
        let (mode, coordinates) = (Interpolation::Linear, Coordinates::HalfPixel);
        Self { height, width, mode, coordinates, scale: None, antialias: false }
    }

    /// Output over input along rows and columns.
    fn scales(&self, (height, width): (usize, usize)) -> [f64; 2] {
        self.scale.unwrap_or([self.height as f64 / height as f64, self.width as f64 / width as f64])
    }

    pub(crate) fn axes(&self, input: Shape) -> Axes {
        let [channels, height, width] = sizes(input);
        let [by_row, by_column] = self.scales((height, width));
        let rows = Along { input: height, output: self.height, scale: by_row, part: self.parts()[0] };
        let columns = Along { input: width, output: self.width, scale: by_column, part: self.parts()[1] };
        [whole(channels), rows.taps(self), columns.taps(self)]
    }

    /// The parts of the rows and of the columns that are resized.
    fn parts(&self) -> [[f32; 2]; 2] {
        match self.coordinates {
            Coordinates::CropAndResize { rows, columns } => [rows, columns],
            _ => [[0.0, 1.0]; 2],
        }
    }

    /// Which pixels of the output lie outside of the input, for rows and columns; only [`Coordinates::CropAndResize`] has
    /// some.
    pub(crate) fn outside(&self, input: Shape) -> [Vec<bool>; 2] {
        let [_, rows, columns] = self.axes(input);
        [rows, columns].map(|taps| taps.iter().map(Vec::is_empty).collect())
    }
}

impl Layer for Upsample {
    fn facts(&self) -> Facts {
        Facts::linear("Upsample", Reach::All)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "Upsample")?;
        // With antialias each pixel is made of as many as it stands for, which are not more than there are.
        let least = |size: usize| if self.antialias { 0.5 / size as f64 } else { 0.0 };
        let usable = |scale: f64, size: usize| scale.is_finite() && scale > least(size);
        let scales = self.scale.is_none_or(|[h, w]| usable(h, height) && usable(w, width));
        let cubic = match self.mode {
            Interpolation::Cubic { a, .. } => a.is_finite(),
            Interpolation::Nearest { .. } | Interpolation::Linear => true,
        };
        let parts = self.parts().iter().flatten().all(|end| end.is_finite());
        if scales && cubic && parts {
            return Ok(Shape::map(channels, self.height, self.width));
        }
        Err(ShapeIssue::new(
            format!("scale {:?}, {:?}, {:?}", self.scale, self.mode, self.coordinates),
            "finite numbers, a scale above 0",
            "give the size alone",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let mode = match self.mode {
            Interpolation::Nearest { rounding } => format!("nearest, {rounding:?}"),
            Interpolation::Linear => "bilinear".into(),
            Interpolation::Cubic { a, exclude_outside } => format!("bicubic, {a}, {exclude_outside}"),
        };
        let scale = self.scale.map_or_else(String::new, |[h, w]| format!("{h}×{w}"));
        vec![
            ("size", format!("{}×{}", self.height, self.width)),
            ("mode", mode),
            ("coordinates", format!("{:?}", self.coordinates)),
            ("scale_factor", scale),
            ("antialias", self.antialias.to_string()),
        ]
    }

    fn settings(&self, _: &[Shape]) -> String {
        let mode = match self.mode {
            Interpolation::Nearest { .. } => "nearest",
            Interpolation::Linear => "bilinear",
            Interpolation::Cubic { .. } => "bicubic",
        };
        let corners = if self.coordinates == Coordinates::AlignCorners { " corners" } else { "" };
        let smooth = if self.antialias { " antialias" } else { "" };
        format!("{mode}{corners}{smooth}")
    }

    /// By scales, since sizes would name the number of images.
    fn onnx(&self, inputs: &[Shape], _: Shape) -> Result<Onnx, String> {
        let (height, width) = inputs[0].spatial();
        let [by_row, by_column] = self.scales((height, width));
        let single = |scale: f64, size: usize, output: usize| {
            let gives = |scale: f32| (size as f32 * scale).floor() as usize == output;
            let nearest = scale as f32;
            [nearest, nearest.next_up(), nearest.next_down()]
                .into_iter()
                .find(|&scale| gives(scale))
                .ok_or_else(|| {
                    format!("no scale in single precision gives {output} of {size} pixels; use another size")
                })
        };
        let scales =
            vec![1.0, 1.0, single(by_row, height, self.height)?, single(by_column, width, self.width)?];
        let coordinates = match self.coordinates {
            Coordinates::HalfPixel => "half_pixel",
            Coordinates::PytorchHalfPixel => "pytorch_half_pixel",
            Coordinates::AlignCorners => "align_corners",
            Coordinates::Asymmetric => "asymmetric",
            Coordinates::HalfPixelSymmetric
            | Coordinates::TfHalfPixelForNn
            | Coordinates::CropAndResize { .. } => {
                return Err("ONNX 17 has no such coordinates for Resize; use HalfPixel".into());
            }
        };
        if self.antialias {
            return Err("ONNX 17 does not smooth in Resize; leave antialias out".into());
        }
        let resize = Operator::reading("Resize", vec![Operand::Input(0), Operand::Absent])
            .constant("scales", OnnxValue::Floats(scales))
            .text("coordinate_transformation_mode", coordinates);
        Ok(match self.mode {
            Interpolation::Nearest { rounding } => resize.text("mode", "nearest").text(
                "nearest_mode",
                match rounding {
                    Rounding::Floor => "floor",
                    Rounding::Ceil => "ceil",
                    Rounding::PreferFloor => "round_prefer_floor",
                    Rounding::PreferCeil => "round_prefer_ceil",
                },
            ),
            Interpolation::Linear => resize.text("mode", "linear"),
            Interpolation::Cubic { a, exclude_outside } => resize
                .text("mode", "cubic")
                .float("cubic_coeff_a", a as f32)
                .int("exclude_outside", exclude_outside.into()),
        }
        .into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let cubic = |exclude_outside| Interpolation::Cubic { a: -0.75, exclude_outside };
        let crop = Coordinates::CropAndResize { rows: [0.25, 0.75], columns: [0.5, 1.25] };
        vec![
            (Self::nearest(6, 8), vec![Shape::map(3, 3, 4)]),
            (Self::nearest(5, 3), vec![Shape::map(2, 3, 4)]),
            (Self::bilinear(6, 7), vec![Shape::map(3, 3, 4)]),
            (
                Self { coordinates: Coordinates::AlignCorners, ..Self::bilinear(5, 9) },
                vec![Shape::map(3, 3, 4)],
            ),
            (Self { mode: cubic(false), ..Self::bilinear(7, 6) }, vec![Shape::map(2, 5, 4)]),
            (Self { mode: cubic(true), ..Self::bilinear(7, 6) }, vec![Shape::map(2, 5, 4)]),
            (Self { antialias: true, ..Self::bilinear(3, 2) }, vec![Shape::map(2, 7, 5)]),
            (Self { coordinates: crop, ..Self::bilinear(3, 4) }, vec![Shape::map(2, 4, 5)]),
        ]
    }
}

naive!(Upsample);
