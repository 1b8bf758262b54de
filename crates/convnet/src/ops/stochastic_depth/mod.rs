//! Dropping a branch for whole images.

mod naive;

use serde::{Deserialize, Serialize};

use super::dropout::check;
use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, ParamSpec, PassThrough};
use crate::shape::{Shape, ShapeIssue};

/// Zeroes its input for whole images with a probability while training, and scales that of the others by 1/(1 − p); inference
/// passes it through: `torchvision.ops.StochasticDepth` in mode "row", timm's `DropPath`. On the branch of a residual block
/// it is stochastic depth (Huang et al. 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticDepth {
    /// Probability of zeroing, in [0, 1).
    pub p: f32,
}

impl Layer for StochasticDepth {
    fn facts(&self) -> Facts {
        Facts {
            pass_through: PassThrough::Inference,
            ..Facts::element_wise("StochasticDepth", GradientReads::NOTHING)
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
        vec![(Self { p: 0.5 }, vec![Shape::map(3, 4, 5)]), (Self { p: 0.25 }, vec![Shape::vector(7)])]
    }
}
