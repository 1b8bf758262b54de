//! Average pooling to a fixed output size.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::{only, only_map};
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue, Size2};

/// Mean over windows that divide the input evenly, PyTorch's `nn.AdaptiveAvgPool2d`: output row i averages
/// input rows ⌊i·H/h⌋ to ⌈(i + 1)·H/h⌉.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool2d {
    /// Output rows.
    pub height: usize,
    /// Output columns.
    pub width: usize,
}

impl Layer for AdaptiveAvgPool2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "AdaptiveAvgPool2d",
            reach: Reach::Adaptive { height: self.height, width: self.width },
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        only(inputs)?;
        if self.height == 0 || self.width == 0 {
            return Err(ShapeIssue::new(
                format!("an output of {}×{}", self.height, self.width),
                "at least 1×1",
                "give the output a size",
            ));
        }
        let (channels, ..) = only_map(inputs, "AdaptiveAvgPool2d")?;
        Ok(Shape::map(channels, self.height, self.width))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("output_size", format!("{}×{}", self.height, self.width))]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("{}×{}", self.height, self.width)
    }

    /// A mean over windows of one size, which is what it comes to where the output divides the map.
    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        let ((height, width), (rows, columns)) = (inputs[0].spatial(), output.spatial());
        if (rows, columns) == (1, 1) {
            return Ok(Operator::new("GlobalAveragePool").into());
        }
        if !height.is_multiple_of(rows) || !width.is_multiple_of(columns) {
            return Err(format!(
                "ONNX has windows of one size only, and {rows}×{columns} do not divide a map of \
                 {height}×{width}; build the network for an input at which they do"
            ));
        }
        let window = Size2 { h: height / rows, w: width / columns };
        Ok(Operator::new("AveragePool").pair("kernel_shape", window).pair("strides", window).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { height: 1, width: 1 }, vec![Shape::map(3, 4, 5)]),
            (Self { height: 2, width: 3 }, vec![Shape::map(2, 4, 6)]),
            (Self { height: 2, width: 3 }, vec![Shape::map(2, 5, 4)]),
        ]
    }
}

/// The input rows (or columns) that output `index` of `out` averages over an input of `size`.
pub(crate) fn span(index: usize, out: usize, size: usize) -> std::ops::Range<usize> {
    index * size / out..((index + 1) * size).div_ceil(out)
}
