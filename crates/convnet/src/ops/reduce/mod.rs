//! Sums, means and extremes over axes of an image.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::separable::{Axes, Row, sizes, whole};
use super::{Facts, GradientReads, Layer, Onnx, OnnxValue, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// One number for all elements along some of the axes, each of which is left with size 1: PyTorch's `x.mean(dims,
/// keepdim=True)`, `sum`, `amax` and `amin`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// What is taken of the elements.
    pub reduction: Reduction,
    /// Whether over the channels, or a vector's features.
    pub channels: bool,
    /// Whether over the rows.
    pub height: bool,
    /// Whether over the columns.
    pub width: bool,
}

/// What is taken of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Reduction {
    /// What elements are multiplied with so that an extreme is the largest of them.
    pub(crate) fn sign(self) -> f32 {
        if self == Self::Min { -1.0 } else { 1.0 }
    }
}

impl Reduce {
    /// Whether it is over each axis: channels, rows, columns.
    fn over(&self) -> [bool; 3] {
        [self.channels, self.height, self.width]
    }

    /// The maps of a sum or a mean; of an extreme the elements that it is taken of.
    pub(crate) fn axes(&self, input: Shape) -> Axes {
        let [c, h, w] = sizes(input);
        [(c, self.channels), (h, self.height), (w, self.width)].map(|(size, over)| {
            let weight = if self.reduction == Reduction::Mean { 1.0 / size as f64 } else { 1.0 };
            let all = || -> Row { (0..size).map(|i| (i, weight)).collect() };
            if over { vec![all()] } else { whole(size) }
        })
    }

    /// Whether it is a linear map.
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self.reduction, Reduction::Sum | Reduction::Mean)
    }
}

impl Layer for Reduce {
    fn facts(&self) -> Facts {
        let (name, reads) = match self.reduction {
            Reduction::Sum => ("Sum", GradientReads::NOTHING),
            Reduction::Mean => ("Mean", GradientReads::NOTHING),
            Reduction::Max => ("Amax", GradientReads { output: true, ..GradientReads::INPUT }),
            Reduction::Min => ("Amin", GradientReads { output: true, ..GradientReads::INPUT }),
        };
        Facts {
            name,
            reach: if self.height || self.width { Reach::All } else { Reach::Position },
            gradient_reads: reads,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        let [c, h, w] = sizes(input);
        let left = |size: usize, over: bool| if over { 1 } else { size };
        match input {
            _ if self.over() == [false; 3] => {
                Err(ShapeIssue::new("no axis", "one at least", "leave the layer out"))
            }
            Shape::Map { .. } => {
                Ok(Shape::map(left(c, self.channels), left(h, self.height), left(w, self.width)))
            }
            Shape::Vector { .. } if self.height || self.width => Err(ShapeIssue::new(
                format!("a vector of {c} features"),
                "a map, over whose rows or columns it is",
                "put it before Flatten",
            )),
            Shape::Vector { .. } => Ok(Shape::vector(1)),
        }
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let dims: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        vec![("dim", dims.join(", "))]
    }

    fn settings(&self, _: &[Shape]) -> String {
        let names = ["C", "H", "W"].into_iter().zip(self.over()).filter(|(_, over)| *over);
        format!("over {}", names.map(|(name, _)| name).collect::<Vec<_>>().join(", "))
    }

    /// The axes of a sum are an input since version 13, those of all else an attribute up to 17.
    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let dims = self.dims();
        let named = |name| Operator::new(name).ints("axes", &dims).int("keepdims", 1);
        Ok(match self.reduction {
            Reduction::Sum => {
                Operator::new("ReduceSum").int("keepdims", 1).constant("axes", OnnxValue::Ints(dims))
            }
            Reduction::Mean => named("ReduceMean"),
            Reduction::Max => named("ReduceMax"),
            Reduction::Min => named("ReduceMin"),
        }
        .into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let over =
            |reduction, [channels, height, width]: [bool; 3]| Self { reduction, channels, height, width };
        let map = || vec![Shape::map(3, 4, 5)];
        vec![
            (over(Reduction::Sum, [false, true, true]), map()),
            (over(Reduction::Sum, [true, false, true]), map()),
            (over(Reduction::Mean, [true, false, false]), map()),
            (over(Reduction::Mean, [false, false, true]), map()),
            (over(Reduction::Mean, [true, false, false]), vec![Shape::vector(7)]),
            (over(Reduction::Max, [true, false, false]), map()),
            (over(Reduction::Max, [false, true, false]), map()),
            (over(Reduction::Min, [true, true, true]), map()),
        ]
    }
}

impl Reduce {
    /// PyTorch's dimensions.
    pub fn dims(&self) -> Vec<usize> {
        (1..).zip(self.over()).filter(|(_, over)| *over).map(|(dim, _)| dim).collect()
    }
}
