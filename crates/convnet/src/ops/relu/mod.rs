//! The rectified linear unit.

use super::layer::only;
use super::{Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, Reads};
use crate::shape::{Shape, ShapeIssue};

/// max(x, 0), PyTorch's `nn.ReLU`; a NaN stays one. Its gradient at 0 is 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relu;

impl Layer for Relu {
    fn facts(&self) -> Facts {
        Facts::element_wise("ReLU", GradientReads::OUTPUT)
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
        Ok(Operator::new("Relu").into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5)]), (Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Relu {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| if x < 0.0 { 0.0 } else { x })
    }

    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        Gradients::input(y.zip(dy, |y, dy| if y > 0.0 { dy } else { 0.0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{backward, forward};

    #[test]
    fn values_at_known_points() {
        let x = Array { shape: vec![1, 3], data: vec![-1.0, 0.0, 2.0] };
        assert_eq!(forward(&Relu, &[&x]).data, [0.0, 0.0, 2.0]);
    }

    #[test]
    fn it_has_no_gradient_at_zero_and_keeps_nan() {
        let x = Array { shape: vec![2], data: vec![0.0, f64::NAN] };
        assert!(forward(&Relu, &[&x]).data[1].is_nan());
        let dy = Array { shape: vec![2], data: vec![1.0, 1.0] };
        assert_eq!(backward(&Relu, &[&x], &dy).inputs[0].data[0], 0.0);
    }
}
