//! Elements of one axis by their numbers.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::separable::{Axes, naive, picked, resized, sizes, whole};
use super::{Facts, Layer, Onnx, OnnxValue, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Elements of one axis by their numbers, each as often as it is named, PyTorch's `torch.index_select`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSelect {
    /// PyTorch's dimension: 1 for channels or features, 2 for rows, 3 for columns.
    pub dim: usize,
    /// The numbers.
    pub indices: Vec<usize>,
}

impl IndexSelect {
    pub(crate) fn axes(&self, input: Shape) -> Axes {
        let mut axes = sizes(input).map(whole);
        axes[self.dim - 1] = picked(self.indices.iter().copied());
        axes
    }
}

impl Layer for IndexSelect {
    fn facts(&self) -> Facts {
        Facts::linear("IndexSelect", if self.dim == 1 { Reach::Position } else { Reach::All })
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        let mut sizes = sizes(input);
        let dims = input.dims().len();
        let there = (1..=dims).contains(&self.dim) && !self.indices.is_empty();
        if !there || self.indices.iter().any(|&index| index >= sizes[self.dim - 1]) {
            return Err(ShapeIssue::new(
                format!("{} numbers along dimension {} of {input}", self.indices.len(), self.dim),
                format!("one at least, of elements that are there, along dimension 1 to {dims}"),
                "count from 0",
            ));
        }
        sizes[self.dim - 1] = self.indices.len();
        Ok(resized(input, sizes))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let indices: Vec<String> = self.indices.iter().map(usize::to_string).collect();
        vec![("dim", self.dim.to_string()), ("index", indices.join(", "))]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("{} of dim {}", self.indices.len(), self.dim)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let gather = Operator::new("Gather").constant("index", OnnxValue::Ints(self.indices.clone()));
        Ok(gather.int("axis", self.dim).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { dim: 1, indices: vec![2, 0, 0, 1] }, vec![Shape::map(3, 3, 4)]),
            (Self { dim: 3, indices: vec![3, 2, 1, 0] }, vec![Shape::map(3, 3, 4)]),
            (Self { dim: 1, indices: vec![6, 1] }, vec![Shape::vector(7)]),
        ]
    }
}

naive!(IndexSelect);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    #[test]
    fn elements_are_taken_as_often_as_they_are_named() {
        let x = Array::from_fn(&[1, 3], |i| i as f64);
        assert_eq!(forward(&IndexSelect { dim: 1, indices: vec![2, 2, 0] }, &[&x]).data, [2.0, 2.0, 0.0]);
        for (dim, indices) in [(1, vec![3]), (2, vec![0]), (0, vec![0]), (1, vec![])] {
            assert!(IndexSelect { dim, indices }.infer(&[Shape::vector(3)]).is_err());
        }
    }
}
