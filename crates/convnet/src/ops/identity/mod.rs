//! A layer that does nothing.

use super::layer::only;
use super::{Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, ParamSpec, PassThrough, Reads};
use crate::shape::{Shape, ShapeIssue};

/// Its input, unchanged, PyTorch's `nn.Identity`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity;

impl Layer for Identity {
    fn facts(&self) -> Facts {
        Facts { pass_through: PassThrough::Always, ..Facts::element_wise("Identity", GradientReads::NOTHING) }
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
        Ok(Onnx::nothing())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5)]), (Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Identity {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].clone()
    }

    fn backward(&self, _: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(dy.clone())
    }
}
