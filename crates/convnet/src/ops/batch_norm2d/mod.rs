//! Batch normalization.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamKind, ParamSpec, PassThrough, Reach, Reserve};
use crate::shape::{Shape, ShapeIssue};

/// Batch normalization over N, H and W, PyTorch's `nn.BatchNorm2d` (Ioffe and Szegedy 2015, algorithm 1).
///
/// Training normalizes with the batch's mean and biased variance and updates
/// `running = (1 − momentum)·running + momentum·batch` (with the unbiased variance); inference uses the
/// running statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Layer for BatchNorm2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "BatchNorm2d",
            reach: Reach::Position,
            gradient_reads: GradientReads { reserve: Reserve::TwoFloatsPerChannel, ..GradientReads::INPUT },
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "BatchNorm2d")?;
        Ok(Shape::map(channels, height, width))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        [
            ("weight", ParamKind::NormWeight),
            ("bias", ParamKind::NormBias),
            ("running_mean", ParamKind::RunningMean),
            ("running_var", ParamKind::RunningVar),
        ]
        .map(|(name, kind)| ParamSpec::new(name, &[input.channels()], kind))
        .to_vec()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("eps", self.eps.to_string()), ("momentum", self.momentum.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("BatchNormalization").float("epsilon", self.eps).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::default(), vec![Shape::map(3, 4, 5)]),
            (Self { eps: 1e-3, momentum: 0.3 }, vec![Shape::map(9, 3, 3)]),
        ]
    }
}
