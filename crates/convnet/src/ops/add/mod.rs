//! Element-wise sum.

use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, PassThrough, Reach,
    Reads,
};
use crate::shape::{Shape, ShapeIssue, join};

/// a + b, both of one shape, PyTorch's `torch.add`. The gradient passes to both unchanged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Add;

impl Layer for Add {
    fn facts(&self) -> Facts {
        Facts {
            name: "Add",
            reach: Reach::Position,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        match inputs {
            &[a, b] if a == b => Ok(a),
            _ => Err(ShapeIssue::new(
                format!("inputs of {}", join(inputs)),
                "two inputs of one shape",
                "project the shortcut with a 1×1 Conv2d of the same stride and channels",
            )),
        }
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
        Ok(Operator::new("Add").into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self, vec![Shape::map(3, 4, 5); 2]), (Self, vec![Shape::vector(7); 2])]
    }
}

impl Naive for Add {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].zip(reads.inputs[1], |a, b| a + b)
    }

    fn backward(&self, _: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients { inputs: vec![dy.clone(), dy.clone()], parameters: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn elements_are_added() {
        let [a, b] = [1.0, 10.0].map(|x| Array { shape: vec![1, 2], data: vec![x, 2.0 * x] });
        assert_eq!(forward(&Add, &[&a, &b]).data, [11.0, 22.0]);
    }

    #[test]
    fn shapes_that_differ_are_refused() {
        let issue = Add.infer(&[Shape::map(2, 3, 3), Shape::map(2, 1, 1)]).unwrap_err();
        assert_eq!(issue.found, "inputs of 2×3×3, 2×1×1");
    }
}
