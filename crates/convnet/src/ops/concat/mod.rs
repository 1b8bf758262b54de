//! Concatenation along the channels.

mod naive;

use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue, join};

/// (N, C₁, H, W), (N, C₂, H, W), … to (N, C₁ + C₂ + …, H, W), PyTorch's `torch.cat` along dimension 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Concat;

impl Layer for Concat {
    fn facts(&self) -> Facts {
        Facts {
            name: "Concat",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let Some(&first) = inputs.first() else {
            return Err(ShapeIssue::new("no input", "at least one", "give concat its branches"));
        };
        let channels = inputs.iter().map(|s| s.channels()).sum();
        match first {
            Shape::Vector { .. } if inputs.iter().all(|s| matches!(s, Shape::Vector { .. })) => {
                Ok(Shape::vector(channels))
            }
            Shape::Map { height, width, .. }
                if inputs
                    .iter()
                    .all(|s| matches!(s, Shape::Map { .. }) && s.spatial() == (height, width)) =>
            {
                Ok(Shape::map(channels, height, width))
            }
            _ => Err(ShapeIssue::new(
                format!("inputs of {}", join(inputs)),
                "branches of one height and width",
                "give the branches the same stride, and padding that keeps their size ((kernel − 1) / 2)",
            )),
        }
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn settings(&self, inputs: &[Shape]) -> String {
        format!("of {}", inputs.len())
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("Concat").int("axis", 1).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self, vec![Shape::map(1, 2, 3), Shape::map(3, 2, 3), Shape::map(2, 2, 3)]),
            (Self, vec![Shape::vector(2), Shape::vector(1)]),
            (Self, vec![Shape::map(4, 3, 2)]),
        ]
    }
}
