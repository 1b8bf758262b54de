//! The elements of an image in another shape.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::rearranged::{Source, element, naive};
use super::separable::sizes;
use super::{Facts, Layer, Onnx, OnnxValue, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// A map with the elements of a map or a vector in their order, PyTorch's `x.reshape(N, channels, height, width)`. To a
/// vector it is Flatten, from one to a map of one pixel Unflatten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// Channels of the output.
    pub channels: usize,
    /// Rows of the output.
    pub height: usize,
    /// Columns of the output.
    pub width: usize,
}

impl Reshape {
    pub(crate) fn source(&self, input: Shape) -> Source<'_> {
        let sizes = sizes(input);
        Box::new(move |[c, y, x]| element(sizes, (c * self.height + y) * self.width + x))
    }
}

impl Layer for Reshape {
    fn facts(&self) -> Facts {
        Facts::linear("Reshape", Reach::All)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (input, output) = (only(inputs)?, Shape::map(self.channels, self.height, self.width));
        if output.elements() == input.elements() {
            return Ok(output);
        }
        Err(ShapeIssue::new(
            format!("{} elements of {input}", input.elements()),
            format!("{} for {output}", output.elements()),
            "give a shape of as many elements",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("shape", Shape::map(self.channels, self.height, self.width).to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], output: Shape) -> Result<Onnx, String> {
        let shape = OnnxValue::Ints([vec![0], output.dims()].concat());
        Ok(Operator::new("Reshape").constant("shape", shape).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { channels: 2, height: 3, width: 4 }, vec![Shape::map(4, 3, 2)]),
            (Self { channels: 2, height: 2, width: 3 }, vec![Shape::vector(12)]),
        ]
    }
}

naive!(Reshape);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    #[test]
    fn elements_keep_their_order() {
        let x = Array::from_fn(&[2, 2, 1, 3], |i| i as f64);
        let reshape = Reshape { channels: 3, height: 2, width: 1 };
        assert_eq!(forward(&reshape, &[&x]), x.reshape(&[2, 3, 2, 1]));
        assert!(reshape.infer(&[Shape::map(2, 2, 2)]).is_err());
    }
}
