//! The hyperbolic tangent.

use super::layer::only;
use super::{Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, Reads};
use crate::shape::{Shape, ShapeIssue};

/// tanh x, PyTorch's `nn.Tanh`. Its gradient is 1 − y².
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tanh;

impl Layer for Tanh {
    fn facts(&self) -> Facts {
        Facts::element_wise("Tanh", GradientReads::OUTPUT)
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
        Ok(Operator::new("Tanh").into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5)]), (Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Tanh {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(f64::tanh)
    }

    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        Gradients::input(y.zip(dy, |y, dy| dy * (1.0 - y * y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn values_at_known_points() {
        let y = forward(&Tanh, &[&Array { shape: vec![1, 2], data: vec![-1.0, 0.0] }]);
        assert!((y.data[0] + 0.761_594_155_955_764_9).abs() < 1e-15);
        assert_eq!(y.data[1], 0.0);
    }
}
