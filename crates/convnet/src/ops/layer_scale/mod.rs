//! A learned scale by channel.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamKind, ParamSpec, PassThrough,
    Reach, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// γ·x, γ being learned for each channel and small at first, so that a residual block starts as its shortcut (Touvron et
/// al. 2021); PyTorch's libraries write it as a parameter that is multiplied with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerScale {
    /// What γ starts at.
    pub initial: f32,
}

impl Layer for LayerScale {
    fn facts(&self) -> Facts {
        Facts {
            name: "LayerScale",
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        if self.initial.is_finite() {
            return Ok(input);
        }
        Err(ShapeIssue::new(format!("a scale of {}", self.initial), "a finite one", "start at 1e-6"))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        vec![ParamSpec::new("weight", &[input.channels()], ParamKind::Gain)]
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("init_values", self.initial.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], output: Shape) -> Result<Onnx, String> {
        Ok(Onnx::by_channel(vec![Operator::new("Mul")], output))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { initial: 1e-6 }, vec![Shape::map(3, 4, 5)]),
            (Self { initial: 1.0 }, vec![Shape::vector(7)]),
        ]
    }
}

impl Naive for LayerScale {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, scale) = (reads.inputs[0], &reads.parameters[0].data);
        Array::from_fn(&x.shape, |i| scale[x.channel(i)] * x.data[i])
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (x, scale) = (reads.inputs[0], reads.parameters[0]);
        let mut weight = Array::zeros(&scale.shape);
        x.data
            .iter()
            .zip(&dy.data)
            .enumerate()
            .for_each(|(i, (x_i, dy))| weight.data[x.channel(i)] += x_i * dy);
        let dx = Array::from_fn(&x.shape, |i| scale.data[x.channel(i)] * dy.data[i]);
        Gradients { inputs: vec![dx], parameters: vec![weight] }
    }
}
