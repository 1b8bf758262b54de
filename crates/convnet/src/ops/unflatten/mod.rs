//! A vector to maps of one pixel.

use super::layer::only_vector;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, OnnxValue, Operator, ParamSpec, PassThrough,
    Reach, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// (N, C) to (N, C, 1, 1), PyTorch's `nn.Unflatten(1, (C, 1, 1))`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unflatten;

impl Layer for Unflatten {
    fn facts(&self) -> Facts {
        Facts {
            name: "Unflatten",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Always,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        Ok(Shape::map(only_vector(inputs)?, 1, 1))
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
        Ok(Operator::new("Unsqueeze").constant("axes", OnnxValue::Ints(vec![2, 3])).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Unflatten {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        x.reshape(&[x.shape[0], x.shape[1], 1, 1])
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(dy.reshape(&reads.inputs[0].shape))
    }
}
