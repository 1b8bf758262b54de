//! Fixed numbers, the same for every image.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, Layer, Onnx, OnnxValue, Operand, Operator, ParamKind, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue, Size2};

/// Numbers that are the same for every image: PyTorch's buffer, expanded to the batch. Of its input it reads how many
/// images there are, and nothing else. With [`Arithmetic`](super::Arithmetic) it is a sum with, or a product by numbers of
/// any shape, such as one for each column. Training does not change them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Channels of a map, features of a vector.
    pub channels: usize,
    /// Rows and columns of a map; a vector has none.
    pub size: Option<Size2>,
}

impl Constant {
    /// Numbers of a shape.
    pub fn of(shape: Shape) -> Self {
        match shape {
            Shape::Map { channels, height, width } => {
                Self { channels, size: Some(Size2 { h: height, w: width }) }
            }
            Shape::Vector { features } => Self { channels: features, size: None },
        }
    }

    /// The shape of the numbers.
    pub fn shape(&self) -> Shape {
        match self.size {
            Some(size) => Shape::map(self.channels, size.h, size.w),
            None => Shape::vector(self.channels),
        }
    }
}

impl Layer for Constant {
    fn facts(&self) -> Facts {
        // What it reads of the images is their number.
        Facts::linear("Constant", Reach::Position)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        only(inputs)?;
        Ok(self.shape())
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        vec![ParamSpec::new("value", &self.shape().dims(), ParamKind::Shift)]
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("size", self.shape().to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let sizes = OnnxValue::Ints(self.shape().dims());
        let images = Operator::reading("Shape", vec![Operand::Input(0)]).int("end", 1).result("images");
        let shape = vec![Operand::Result("images"), Operand::Constant("sizes", sizes)];
        let shape = Operator::reading("Concat", shape).int("axis", 0).result("shape");
        let expanded = vec![Operand::Parameter("value"), Operand::Result("shape")];
        Ok(Onnx { operators: vec![images, shape, Operator::reading("Expand", expanded)], trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::of(Shape::map(3, 2, 4)), vec![Shape::map(2, 3, 3)]),
            (Self::of(Shape::map(1, 1, 5)), vec![Shape::vector(4)]),
            (Self::of(Shape::vector(7)), vec![Shape::map(2, 3, 3)]),
        ]
    }
}
