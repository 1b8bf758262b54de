//! Fully connected layer.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::{only, only_vector};
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamKind, ParamSpec, PassThrough, Reach};
use crate::shape::{Shape, ShapeIssue};

/// A fully connected layer, PyTorch's `nn.Linear`: input (N, I), weight (O, I), output (N, O).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
}

impl Layer for Linear {
    fn facts(&self) -> Facts {
        Facts {
            name: "Linear",
            reach: Reach::All,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        only(inputs)?;
        if self.out_features == 0 {
            return Err(ShapeIssue::new("0 output features", "at least 1", "give the layer output features"));
        }
        only_vector(inputs)?;
        Ok(Shape::vector(self.out_features))
    }

    /// One multiply-accumulate per weight.
    fn macs(&self, inputs: &[Shape], _: Shape) -> u64 {
        let features = inputs.first().map_or(0, |x| x.channels());
        (features as u64).saturating_mul(self.out_features as u64)
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        let shape = [self.out_features, input.channels()];
        let mut specs = vec![ParamSpec::new("weight", &shape, ParamKind::LinearWeight)];
        if self.bias {
            specs.push(ParamSpec::new("bias", &[self.out_features], ParamKind::LinearBias));
        }
        specs
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn settings(&self, inputs: &[Shape]) -> String {
        let features = inputs.first().map_or(0, |x| x.channels());
        format!("{features} → {}", self.out_features)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("Gemm").int("transB", 1).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self::new(5), vec![Shape::vector(7)]), (Self::new(3).no_bias(), vec![Shape::vector(17)])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_refused_with_the_way_out() {
        let issue = Linear::new(3).infer(&[Shape::map(1, 2, 2)]).unwrap_err();
        assert_eq!(issue.fix, "put Flatten before this layer");
    }
}
