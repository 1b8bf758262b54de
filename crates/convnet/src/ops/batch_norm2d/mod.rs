//! Batch normalization.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use super::{ParamKind, ParamSpec};
use crate::shape::{Shape, ShapeIssue};

/// Batch normalization over N, H and W, PyTorch's `nn.BatchNorm2d` (Ioffe and Szegedy 2015, algorithm 1).
///
/// Training normalizes with the batch's mean and biased variance and updates
/// `running = (1 − momentum)·running + momentum·batch` (with the unbiased variance); inference uses the
/// running statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm2d {
    /// Added to the variance.
    pub eps: f32,
    /// Share of the batch's statistics in the running ones.
    pub momentum: f32,
}

impl Default for BatchNorm2d {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: 0.1 }
    }
}

pub(super) fn infer(input: Shape) -> Result<Shape, ShapeIssue> {
    match input {
        Shape::Map { .. } => Ok(input),
        Shape::Vector { .. } => Err(ShapeIssue::new(
            format!("a vector of {input} features"),
            "a feature map of channels × height × width",
            "put BatchNorm2d before Flatten",
        )),
    }
}

pub(super) fn parameters(channels: usize) -> Vec<ParamSpec> {
    [
        ("weight", ParamKind::NormWeight),
        ("bias", ParamKind::NormBias),
        ("running_mean", ParamKind::RunningMean),
        ("running_var", ParamKind::RunningVar),
    ]
    .map(|(name, kind)| ParamSpec::new(name, &[channels], kind))
    .to_vec()
}
