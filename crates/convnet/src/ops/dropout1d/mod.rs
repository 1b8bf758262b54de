//! Dropout of whole channels.

mod naive;

use serde::{Deserialize, Serialize};

use super::dropout::check;
use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, ParamSpec, PassThrough};
use crate::shape::{Shape, ShapeIssue};

/// Zeroes whole channels with a probability while training, PyTorch's `nn.Dropout1d`; inference passes its input
/// through. A batch of vectors is one unbatched (C, L) sample to PyTorch, so that whole vectors are zeroed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout1d {
    /// Probability of zeroing, in [0, 1).
    pub p: f32,
}

impl Layer for Dropout1d {
    fn facts(&self) -> Facts {
        Facts {
            pass_through: PassThrough::Inference,
            ..Facts::element_wise("Dropout1d", GradientReads::NOTHING)
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        if let Shape::Map { .. } = input {
            return Err(ShapeIssue::new(
                format!("a feature map of {input}"),
                "a vector of features, as PyTorch's Dropout1d does",
                "use Dropout here, or put Flatten before this layer",
            ));
        }
        check(self.p)?;
        Ok(input)
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("p", self.p.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("p={}", self.p)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Onnx::nothing())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self { p: 0.5 }, vec![Shape::vector(7)])]
    }
}
