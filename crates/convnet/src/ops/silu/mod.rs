//! The sigmoid-weighted linear unit.

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operand, Operator, ParamSpec, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// x / (1 + e^−x), PyTorch's `nn.SiLU` (Elfwing, Uchibe and Doya 2018; Swish with β = 1). Its gradient is σ(1 + x(1 − σ)),
/// σ being the sigmoid of x: from the output alone it cannot be told, since the function falls before it rises.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Silu;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Layer for Silu {
    fn facts(&self) -> Facts {
        Facts::element_wise("SiLU", GradientReads::INPUT)
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

    /// ONNX has an operator for it from version 24 on; exporters write x · σ(x).
    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let gate = Operator::reading("Sigmoid", vec![Operand::Input(0)]).result("gate");
        let product = Operator::reading("Mul", vec![Operand::Input(0), Operand::Result("gate")]);
        Ok(Onnx { operators: vec![gate, product], trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5)]), (Self, vec![Shape::vector(7)])]
    }
}

impl Naive for Silu {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| x * sigmoid(x))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let slope = |x: f64| sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)));
        Gradients::input(reads.inputs[0].zip(dy, |x, dy| dy * slope(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn values_at_known_points() {
        let y = forward(&Silu, &[&Array { shape: vec![1, 3], data: vec![0.0, 2.0, -2.0] }]);
        assert_eq!(y.data[0], 0.0);
        // torch.nn.functional.silu in float64.
        assert!((y.data[1] - 1.761_594_155_955_764_6).abs() < 1e-15);
        assert!((y.data[2] + 0.238_405_844_044_235_4).abs() < 1e-15);
    }
}
