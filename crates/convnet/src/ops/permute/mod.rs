//! The axes of an image in another order.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::rearranged::{Source, naive};
use super::{Facts, Layer, Onnx, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Channels, rows and columns of a map in another order, PyTorch's `x.permute(0, …)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permute {
    /// Which of the input's dimensions each of the output's is, as PyTorch counts them: 1, 2 and 3 in some order.
    pub dims: [usize; 3],
}

impl Permute {
    pub(crate) fn source(&self, _: Shape) -> Source<'_> {
        Box::new(move |element| {
            let mut from = [0; 3];
            self.dims.iter().zip(element).for_each(|(&dim, at)| from[dim - 1] = at);
            from
        })
    }
}

impl Layer for Permute {
    fn facts(&self) -> Facts {
        Facts::linear("Permute", Reach::All)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "Permute")?;
        let mut sorted = self.dims;
        sorted.sort_unstable();
        if sorted == [1, 2, 3] {
            let [a, b, c] = self.dims.map(|dim| [channels, height, width][dim - 1]);
            return Ok(Shape::map(a, b, c));
        }
        Err(ShapeIssue::new(
            format!("dimensions {:?}", self.dims),
            "1, 2 and 3 in some order",
            "name each dimension once; that of the images stays",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let [a, b, c] = self.dims;
        vec![("dims", format!("0, {a}, {b}, {c}"))]
    }

    fn settings(&self, _: &[Shape]) -> String {
        let [a, b, c] = self.dims;
        format!("0,{a},{b},{c}")
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let [a, b, c] = self.dims;
        Ok(Operator::new("Transpose").ints("perm", &[0, a, b, c]).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { dims: [1, 3, 2] }, vec![Shape::map(3, 2, 4)]),
            (Self { dims: [3, 1, 2] }, vec![Shape::map(3, 2, 4)]),
        ]
    }
}

naive!(Permute);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    #[test]
    fn axes_change_places() {
        let x = Array::from_fn(&[1, 2, 1, 3], |i| i as f64);
        let y = forward(&Permute { dims: [3, 2, 1] }, &[&x]);
        assert_eq!((y.shape, y.data), (vec![1, 3, 1, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        assert!(Permute { dims: [1, 1, 2] }.infer(&[Shape::map(2, 1, 3)]).is_err());
        assert!(Permute { dims: [0, 1, 2] }.infer(&[Shape::map(2, 1, 3)]).is_err());
    }
}
