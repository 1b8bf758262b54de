//! A fixed scale and shift by channel.

mod naive;

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, Operand, Operator, ParamKind, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// y = weight·x + bias by channel, both fixed: what is left of Mul, Add, Sub and Div by constants in an imported
/// network, such as the normalization of pixels. Training passes through it and does not change it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Affine;

impl Layer for Affine {
    fn facts(&self) -> Facts {
        Facts {
            name: "Affine",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
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

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        [("weight", ParamKind::Scale), ("bias", ParamKind::Shift)]
            .map(|(name, kind)| ParamSpec::new(name, &[input.channels()], kind))
            .to_vec()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], output: Shape) -> Result<Onnx, String> {
        let scale = vec![Operand::Input(0), Operand::Parameter("weight")];
        let shift = vec![Operand::Result("scaled"), Operand::Parameter("bias")];
        let operators =
            vec![Operator::reading("Mul", scale).result("scaled"), Operator::reading("Add", shift)];
        Ok(Onnx::by_channel(operators, output))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 2, 4)]), (Self, vec![Shape::vector(5)])]
    }
}
