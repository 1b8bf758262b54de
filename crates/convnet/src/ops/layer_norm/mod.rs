//! Layer normalization over the channels.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operand, Operator, ParamSpec, PassThrough,
    Reach, Reads, norm,
};
use crate::shape::{Shape, ShapeIssue};

/// Each pixel over its channels: γ·(x − mean)/√(var + eps) + β by channel (Ba, Kiros and Hinton 2016). Of a vector it is
/// PyTorch's `nn.LayerNorm(features)`; of a map it is that of its channels put last, as ConvNeXt has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variance.
    pub eps: f32,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self { eps: 1e-5 }
    }
}

impl Layer for LayerNorm {
    fn facts(&self) -> Facts {
        Facts {
            name: "LayerNorm",
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        norm::check_eps(self.eps).map(|()| input)
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        norm::parameters(input)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("eps", self.eps.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    /// Of a map between two Transpose: ONNX's is over the last axes.
    fn onnx(&self, _: &[Shape], output: Shape) -> Result<Onnx, String> {
        if let Shape::Vector { .. } = output {
            return Ok(Operator::new("LayerNormalization").int("axis", 1).float("epsilon", self.eps).into());
        }
        let last = Operator::reading("Transpose", vec![Operand::Input(0)]).ints("perm", &[0, 2, 3, 1]);
        let operands =
            vec![Operand::Result("last"), Operand::Parameter("weight"), Operand::Parameter("bias")];
        let norm =
            Operator::reading("LayerNormalization", operands).int("axis", 3).float("epsilon", self.eps);
        let first =
            Operator::reading("Transpose", vec![Operand::Result("normalized")]).ints("perm", &[0, 3, 1, 2]);
        Ok(Onnx { operators: vec![last.result("last"), norm.result("normalized"), first], trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self { eps: 1e-3 }, vec![Shape::map(5, 3, 4)]), (Self { eps: 1e-5 }, vec![Shape::vector(19)])]
    }
}

impl LayerNorm {
    /// The pixel of an element.
    fn set(x: &Array) -> impl Fn(usize) -> usize {
        let [_, channels, height, width] = x.nchw();
        let pixels = height * width;
        move |i| i / (channels * pixels) * pixels + i % pixels
    }
}

impl Naive for LayerNorm {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        norm::forward(reads, self.eps, Self::set(reads.inputs[0]))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        norm::backward(reads, self.eps, dy, Self::set(reads.inputs[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_has_mean_0_and_deviation_1() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 5.0, 3.0, 5.0] };
        let (ones, shifts) =
            (Array { shape: vec![2], data: vec![1.0; 2] }, Array { shape: vec![2], data: vec![0.0, 10.0] });
        let reads = Reads { inputs: &[&x], parameters: &[&ones, &shifts], output: (1, 2), training: None };
        assert_eq!(LayerNorm { eps: 0.0 }.infer(&[Shape::map(2, 1, 2)]), Ok(Shape::map(2, 1, 2)));
        let y = LayerNorm { eps: 1e-12 }.forward(&reads);
        let expected = [-1.0, 0.0, 11.0, 10.0];
        assert!(y.data.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-9), "{y:?}");
        assert!(LayerNorm { eps: f32::NAN }.infer(&[Shape::vector(2)]).is_err());
    }
}
