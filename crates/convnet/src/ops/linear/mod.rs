//! Fully connected layer.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use super::{ParamKind, ParamSpec};
use crate::shape::{Shape, ShapeIssue};

/// A fully connected layer, PyTorch's `nn.Linear`: input (N, I), weight (O, I), output (N, O).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Output features (O).
    pub out_features: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Linear {
    /// A layer with a bias.
    pub fn new(out_features: usize) -> Self {
        Self { out_features, bias: true }
    }

    /// Leaves the bias out.
    pub fn no_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.out_features == 0 {
            return Err(ShapeIssue::new("0 output features", "at least 1", "give the layer output features"));
        }
        match input {
            Shape::Vector { .. } => Ok(Shape::vector(self.out_features)),
            Shape::Map { .. } => Err(ShapeIssue::new(
                format!("a feature map of {input}"),
                "a vector of features",
                "put Flatten before this layer",
            )),
        }
    }

    /// One multiply-accumulate per weight.
    pub(super) fn macs(&self, in_features: usize) -> u64 {
        (in_features as u64).saturating_mul(self.out_features as u64)
    }

    pub(super) fn parameters(&self, in_features: usize) -> Vec<ParamSpec> {
        let mut specs =
            vec![ParamSpec::new("weight", &[self.out_features, in_features], ParamKind::LinearWeight)];
        if self.bias {
            specs.push(ParamSpec::new("bias", &[self.out_features], ParamKind::LinearBias));
        }
        specs
    }
}
