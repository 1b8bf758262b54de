//! Dropout.

pub(crate) mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, ParamSpec, PassThrough};
use crate::shape::{Shape, ShapeIssue};

/// Zeroes each element with a probability while training, PyTorch's `nn.Dropout`; inference passes its input through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability of zeroing, in [0, 1).
    pub p: f32,
}

impl Layer for Dropout {
    fn facts(&self) -> Facts {
        Facts {
            pass_through: PassThrough::Inference,
            ..Facts::element_wise("Dropout", GradientReads::NOTHING)
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
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
        vec![(Self { p: 0.25 }, vec![Shape::map(3, 4, 5)]), (Self { p: 0.5 }, vec![Shape::vector(7)])]
    }
}

/// Whether a dropout layer can have this probability.
pub(super) fn check(p: f32) -> Result<(), ShapeIssue> {
    if (0.0..1.0).contains(&p) {
        return Ok(());
    }
    Err(ShapeIssue::new(
        format!("p = {p}"),
        "a probability from 0 up to, not including, 1",
        "choose p in [0, 1)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_of_one_is_refused() {
        assert!(Dropout { p: 0.999 }.infer(&[Shape::vector(1)]).is_ok());
        let issue = Dropout { p: 1.0 }.infer(&[Shape::vector(1)]).unwrap_err();
        assert_eq!(issue.found, "p = 1");
    }
}
