//! Products of matrices that both depend on the images.

mod naive;

use super::{Facts, GradientReads, Layer, Onnx, Operand, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue, join};

/// y[n, m, g] = Σ_k a[k, m, g]·b[k, n, g] of two maps K × M × G and K × N × G: each pixel with all that stand in the same column
/// of the other map, by their channels. It is PyTorch's `torch.matmul` of matrices, one for each column: the products of
/// queries and keys, and of shares and values, of attention (Vaswani et al. 2017).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MatMul;

impl Layer for MatMul {
    fn facts(&self) -> Facts {
        Facts {
            name: "MatMul",
            reach: Reach::All,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        match *inputs {
            [Shape::Map { channels: k, height: m, width: g }, Shape::Map { channels, height: n, width }]
                if k == channels && g == width =>
            {
                Ok(Shape::map(n, m, g))
            }
            _ => Err(ShapeIssue::new(
                format!("inputs of {}", join(inputs)),
                "two inputs, maps of as many channels and columns",
                "bring what is summed over to the channels by Permute",
            )),
        }
    }

    /// K for each of the N′ × M × G sums.
    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let summed = inputs.first().map_or(0, |x| x.channels());
        (summed as u64).saturating_mul(output.elements() as u64)
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

    /// (N, K, M, G) and (N, K, N′, G) as matrices M × K and K × N′.
    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let turned = |input: usize, order: [usize; 4], result| {
            Operator::reading("Transpose", vec![Operand::Input(input)]).ints("perm", &order).result(result)
        };
        let product = vec![Operand::Result("rows"), Operand::Result("columns")];
        let back = vec![Operand::Result("product")];
        let operators = vec![
            turned(0, [0, 3, 2, 1], "rows"),
            turned(1, [0, 3, 1, 2], "columns"),
            Operator::reading("MatMul", product).result("product"),
            Operator::reading("Transpose", back).ints("perm", &[0, 3, 2, 1]),
        ];
        Ok(Onnx { operators, trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self, vec![Shape::map(3, 4, 2), Shape::map(3, 5, 2)]),
            (Self, vec![Shape::map(4, 3, 1), Shape::map(4, 3, 1)]),
        ]
    }
}
