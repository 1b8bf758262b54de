//! A border of one value.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::{Facts, GradientReads, Layer, Onnx, OnnxValue, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Rows and columns of one value around a map, PyTorch's `nn.ConstantPad2d` (`nn.ZeroPad2d` where it is 0): what a
/// convolution or pooling needs before it whose padding is not the same on opposite sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantPad2d {
    /// Columns added on the left.
    pub left: usize,
    /// Columns added on the right.
    pub right: usize,
    /// Rows added above.
    pub top: usize,
    /// Rows added below.
    pub bottom: usize,
    /// What they hold.
    pub value: f32,
}

impl Layer for ConstantPad2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "ConstantPad2d",
            reach: Reach::Border { top: self.top, left: self.left },
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "ConstantPad2d")?;
        let sum = |sizes: [usize; 3]| sizes.iter().fold(0usize, |sum, &size| sum.saturating_add(size));
        Ok(Shape::map(channels, sum([self.top, height, self.bottom]), sum([self.left, width, self.right])))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            ("padding", format!("{}, {}, {}, {}", self.left, self.right, self.top, self.bottom)),
            ("value", self.value.to_string()),
        ]
    }

    fn settings(&self, _: &[Shape]) -> String {
        let Self { left, right, top, bottom, value } = self;
        format!("{left},{right},{top},{bottom} of {value}")
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let pads = vec![0, 0, self.top, self.left, 0, 0, self.bottom, self.right];
        let pad = Operator::new("Pad").constant("pads", OnnxValue::Ints(pads));
        Ok(pad.constant("value", OnnxValue::Float(self.value)).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { left: 2, right: 1, top: 1, bottom: 3, value: -1.0 }, vec![Shape::map(3, 2, 3)]),
            (Self { left: 0, right: 1, top: 0, bottom: 1, value: 0.0 }, vec![Shape::map(1, 3, 3)]),
        ]
    }
}
