//! The images.

use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, ParamSpec, PassThrough, Reach, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// The images that enter a network: the node that reads no other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Input;

impl Layer for Input {
    fn facts(&self) -> Facts {
        Facts {
            name: "Input",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    /// Its shape is the network's, told and not inferred.
    fn infer(&self, _: &[Shape]) -> Result<Shape, ShapeIssue> {
        Err(ShapeIssue::new("a second input", "one", "take images at one place"))
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

    /// A value of the model, and no operator.
    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Onnx::nothing())
    }

    /// None: every network has one, and no layer can stand before it.
    fn samples() -> Vec<(Self, Vec<Shape>)> {
        Vec::new()
    }
}

impl Naive for Input {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].clone()
    }

    fn backward(&self, _: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(dy.clone())
    }
}
