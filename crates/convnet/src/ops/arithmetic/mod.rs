//! Functions of two values element by element.

mod naive;

use serde::{Deserialize, Serialize};

use super::{Facts, GradientReads, Layer, Onnx, OnnxValue, Operand, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue, join};

/// A function of two values, element by element: both vectors or both maps, whose channels, heights and widths are equal,
/// or 1 in one of them, which is then repeated (PyTorch's broadcasting within an image). So a map of one pixel is the gate
/// of squeeze-and-excitation (Hu, Shen and Sun 2018), one of a single channel a mask for all channels.
///
/// The sum of two values of one shape is a layer of its own, [`Op::Add`](super::Op::Add), which convolutions take in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "function", deny_unknown_fields)]
pub enum Arithmetic {
    /// a + b, PyTorch's `torch.add`.
    Add,
    /// a − b, PyTorch's `torch.sub`.
    Sub,
    /// a · b, PyTorch's `torch.mul`.
    Mul,
    /// a / b, PyTorch's `torch.div`.
    Div,
    /// The larger one, PyTorch's `torch.maximum`.
    Maximum,
    /// The smaller one, PyTorch's `torch.minimum`.
    Minimum,
    /// a to the power of b, PyTorch's `torch.pow`.
    Pow,
    /// 1 where a < b, 0 elsewhere, PyTorch's `torch.lt`.
    Less,
    /// 1 where a ≤ b, 0 elsewhere, PyTorch's `torch.le`.
    LessOrEqual,
    /// 1 where a = b, 0 elsewhere, PyTorch's `torch.eq`.
    Equal,
    /// a where b is not 0, 0 elsewhere, whatever a is: PyTorch's `torch.where(b != 0, a, 0)`.
    Mask,
}

/// Single precision among TensorProto's types.
const FLOAT: usize = 1;

/// The shape of two values together, if they go together.
fn joined(a: Shape, b: Shape) -> Option<Shape> {
    let size = |a: usize, b: usize| match (a, b) {
        _ if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    match (a, b) {
        (Shape::Vector { features: a }, Shape::Vector { features: b }) => size(a, b).map(Shape::vector),
        (Shape::Map { .. }, Shape::Map { .. }) => {
            let ((height_a, width_a), (height_b, width_b)) = (a.spatial(), b.spatial());
            let channels = size(a.channels(), b.channels())?;
            Some(Shape::map(channels, size(height_a, height_b)?, size(width_a, width_b)?))
        }
        _ => None,
    }
}

impl Layer for Arithmetic {
    fn facts(&self) -> Facts {
        let name = match self {
            Self::Add => "BroadcastAdd",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::Pow => "Pow",
            Self::Less => "Lt",
            Self::LessOrEqual => "Le",
            Self::Equal => "Eq",
            Self::Mask => "Where",
        };
        Facts {
            name,
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let found = match *inputs {
            [a, b] => joined(a, b),
            _ => None,
        };
        found.ok_or_else(|| {
            ShapeIssue::new(
                format!("inputs of {}", join(inputs)),
                "two inputs of one shape, or two maps whose channels, heights and widths are equal or 1",
                "bring a gate to the map's channels by a 1×1 Conv2d, and a vector to a pixel by Unflatten",
            )
        })
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
        // As real numbers.
        let float = |name: &'static str| {
            let compared = Operator::new(name).result("compared");
            let cast = Operator::reading("Cast", vec![Operand::Result("compared")]).int("to", FLOAT);
            Onnx { operators: vec![compared, cast], trailing: 0 }
        };
        let name = match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Maximum => "Max",
            Self::Minimum => "Min",
            Self::Pow => "Pow",
            Self::Less => return Ok(float("Less")),
            Self::LessOrEqual => return Ok(float("LessOrEqual")),
            Self::Equal => return Ok(float("Equal")),
            Self::Mask => {
                let zero = |name| Operand::Constant(name, OnnxValue::Float(0.0));
                let empty = Operator::reading("Equal", vec![Operand::Input(1), zero("zero")]).result("empty");
                let chosen = vec![Operand::Result("empty"), zero("nothing"), Operand::Input(0)];
                let operators = vec![empty, Operator::reading("Where", chosen)];
                return Ok(Onnx { operators, trailing: 0 });
            }
        };
        Ok(Operator::new(name).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let (map, pixel) = (Shape::map(3, 4, 5), Shape::map(3, 1, 1));
        let (mask, row, column) = (Shape::map(1, 4, 5), Shape::map(3, 1, 5), Shape::map(1, 4, 1));
        vec![
            (Self::Mul, vec![map, map]),
            (Self::Mul, vec![map, pixel]),
            (Self::Mul, vec![pixel, map]),
            (Self::Mul, vec![mask, map]),
            (Self::Mul, vec![Shape::vector(7), Shape::vector(7)]),
            (Self::Add, vec![map, pixel]),
            (Self::Add, vec![row, column]),
            (Self::Sub, vec![map, map]),
            (Self::Sub, vec![mask, map]),
            (Self::Sub, vec![Shape::vector(7), Shape::vector(1)]),
            (Self::Div, vec![map, map]),
            (Self::Div, vec![map, column]),
            (Self::Maximum, vec![map, map]),
            (Self::Minimum, vec![row, map]),
            (Self::Pow, vec![map, map]),
            (Self::Pow, vec![map, pixel]),
            (Self::Less, vec![map, pixel]),
            (Self::LessOrEqual, vec![column, row]),
            (Self::Equal, vec![map, map]),
            (Self::Mask, vec![map, mask]),
        ]
    }
}
