//! Local response normalization.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::{only, only_map};
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Local response normalization across channels, PyTorch's `nn.LocalResponseNorm`:
/// y_c = x_c / (k + α/size · Σ x_j²)^β over the `size` channels around c
/// (Krizhevsky et al. 2012, section 3.3, whose α is not divided by `size`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalResponseNorm {
    /// Channels in the window: from c − size/2 to c + (size − 1)/2.
    pub size: usize,
    /// Multiplier of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Additive constant.
    pub k: f32,
}

impl LocalResponseNorm {
    /// PyTorch's defaults: α = 1e−4, β = 0.75, k = 1.
    pub fn new(size: usize) -> Self {
        Self { size, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }
}

impl Layer for LocalResponseNorm {
    fn facts(&self) -> Facts {
        Facts {
            name: "LocalResponseNorm",
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        if self.size == 0 {
            return Err(ShapeIssue::new("a window of 0 channels", "at least 1", "set size to 1 or more"));
        }
        only_map(inputs, "LocalResponseNorm")?;
        Ok(input)
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            ("size", self.size.to_string()),
            ("alpha", self.alpha.to_string()),
            ("beta", self.beta.to_string()),
            ("k", self.k.to_string()),
        ]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("{} channels", self.size)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("LRN")
            .float("alpha", self.alpha)
            .float("beta", self.beta)
            .float("bias", self.k)
            .int("size", self.size)
            .into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { size: 3, alpha: 0.5, beta: 0.75, k: 2.0 }, vec![Shape::map(5, 3, 4)]),
            (Self { size: 5, alpha: 0.9, beta: 1.0, k: 1.0 }, vec![Shape::map(9, 2, 2)]),
        ]
    }
}
