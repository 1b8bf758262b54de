//! Group normalization.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, OnnxValue, Operand, Operator, ParamSpec,
    PassThrough, Reach, Reads, norm,
};
use crate::shape::{Shape, ShapeIssue};

/// Each image over its pixels and a group of its channels: γ·(x − mean)/√(var + eps) + β by channel, PyTorch's
/// `nn.GroupNorm` (Wu and He 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Groups of as many channels.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f32,
}

impl Layer for GroupNorm {
    fn facts(&self) -> Facts {
        Facts {
            name: "GroupNorm",
            reach: Reach::All,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        norm::check_eps(self.eps)?;
        if self.groups > 0 && input.channels().is_multiple_of(self.groups) {
            return Ok(input);
        }
        Err(ShapeIssue::new(
            format!("{} groups of {} channels", self.groups, input.channels()),
            "groups that divide the channels",
            "give a number of groups that divides them",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        norm::parameters(input)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("num_groups", self.groups.to_string()), ("eps", self.eps.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("g{}", self.groups)
    }

    /// In groups as vectors: ONNX has an operator for it from version 18 on, and one that means another from 21 on.
    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        let shape = |sizes: &[usize]| OnnxValue::Ints([&[0][..], sizes].concat());
        let groups = vec![self.groups, output.elements() / self.groups];
        let operators = vec![
            Operator::reading("Reshape", vec![Operand::Input(0)])
                .constant("groups", shape(&groups))
                .result("grouped"),
            Operator::reading("InstanceNormalization", vec![Operand::Result("grouped")])
                .constant("ones", OnnxValue::Floats(vec![1.0; self.groups]))
                .constant("zeros", OnnxValue::Floats(vec![0.0; self.groups]))
                .float("epsilon", self.eps)
                .result("normalized"),
            Operator::reading("Reshape", vec![Operand::Result("normalized")])
                .constant("shape", shape(&inputs[0].dims()))
                .result("unit"),
            Operator::reading("Mul", vec![Operand::Result("unit"), Operand::Parameter("weight")])
                .result("scaled"),
            Operator::reading("Add", vec![Operand::Result("scaled"), Operand::Parameter("bias")]),
        ];
        Ok(Onnx::by_channel(operators, output))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { groups: 3, eps: 1e-3 }, vec![Shape::map(6, 3, 4)]),
            (Self { groups: 1, eps: 1e-5 }, vec![Shape::map(5, 4, 4)]),
            (Self { groups: 2, eps: 1e-5 }, vec![Shape::vector(14)]),
        ]
    }
}

impl GroupNorm {
    /// The group of an element, of all images.
    fn set(&self, x: &Array) -> impl Fn(usize) -> usize {
        let [_, channels, height, width] = x.nchw();
        let of_group = channels / self.groups * height * width;
        move |i| i / of_group
    }
}

impl Naive for GroupNorm {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        norm::forward(reads, self.eps, self.set(reads.inputs[0]))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        norm::backward(reads, self.eps, dy, self.set(reads.inputs[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_divide_the_channels() {
        let issue = GroupNorm { groups: 4, eps: 1e-5 }.infer(&[Shape::map(6, 2, 2)]).unwrap_err();
        assert_eq!(issue.found, "4 groups of 6 channels");
        assert!(GroupNorm { groups: 0, eps: 1e-5 }.infer(&[Shape::map(6, 2, 2)]).is_err());
    }

    #[test]
    fn each_group_has_mean_0_and_deviation_1() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 3.0, 7.0, 11.0] };
        let (ones, zeros) = (Array { shape: vec![2], data: vec![1.0; 2] }, Array::zeros(&[2]));
        let reads = Reads { inputs: &[&x], parameters: &[&ones, &zeros], output: (1, 2), training: None };
        let y = GroupNorm { groups: 2, eps: 1e-12 }.forward(&reads);
        assert!(y.data.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-9), "{y:?}");
    }
}
