//! C × H × W to a vector, in that order.

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, PassThrough, Reach,
    Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// (N, C, H, W) to (N, C·H·W), PyTorch's `nn.Flatten`: the elements stay where they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flatten;

impl Layer for Flatten {
    fn facts(&self) -> Facts {
        Facts {
            name: "Flatten",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Always,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        Ok(Shape::vector(only(inputs)?.elements()))
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
        Ok(Operator::new("Flatten").int("axis", 1).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 2, 4)]), (Self, vec![Shape::vector(5)])]
    }
}

impl Naive for Flatten {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        x.reshape(&[x.shape[0], x.shape[1..].iter().product()])
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(dy.reshape(&reads.inputs[0].shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::array::checks::random;
    use crate::ops::tests::forward;

    #[test]
    fn channels_are_the_slowest() {
        let x = random(&[2, 3, 2, 2], 1);
        let y = forward(&Flatten, &[&x]);
        assert_eq!(y.shape, [2, 12]);
        // Element (1, c = 2, h = 0, w = 1) is feature 2·4 + 0·2 + 1.
        assert_eq!(y.data[12 + 9], x.data[((3 + 2) * 2) * 2 + 1]);
    }
}
