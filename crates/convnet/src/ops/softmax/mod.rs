//! Softmax over dimension 1.

pub(crate) mod naive;

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// e^x_c / Σ e^x_j over dimension 1, PyTorch's `nn.Softmax(dim=1)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Softmax;

impl Layer for Softmax {
    fn facts(&self) -> Facts {
        Facts {
            name: "Softmax",
            reach: Reach::Position,
            gradient_reads: GradientReads::OUTPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        only(inputs)
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

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("Softmax").int("axis", 1).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::vector(7)]), (Self, vec![Shape::map(5, 1, 1)])]
    }
}
