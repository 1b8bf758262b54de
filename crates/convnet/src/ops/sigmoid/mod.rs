//! The logistic function.

use super::layer::only;
use super::{Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, Reads};
use crate::shape::{Shape, ShapeIssue};

/// 1 / (1 + e^−x), PyTorch's `nn.Sigmoid`. Its gradient is y·(1 − y).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sigmoid;

impl Layer for Sigmoid {
    fn facts(&self) -> Facts {
        Facts::element_wise("Sigmoid", GradientReads::OUTPUT)
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
        Ok(Operator::new("Sigmoid").into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5)]), (Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Sigmoid {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| 1.0 / (1.0 + (-x).exp()))
    }

    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        Gradients::input(y.zip(dy, |y, dy| dy * y * (1.0 - y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn values_at_known_points() {
        let y = forward(&Sigmoid, &[&Array { shape: vec![1, 2], data: vec![0.0, 2.0] }]);
        assert_eq!(y.data[0], 0.5);
        assert!((y.data[1] - 0.880_797_077_977_882_3).abs() < 1e-15);
    }
}
