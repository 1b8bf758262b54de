//! The rectified linear unit with a learned slope below 0.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamKind, ParamSpec, PassThrough,
    Reach, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// x where it is positive, a learned multiple elsewhere, PyTorch's `nn.PReLU` (He et al. 2015): one factor for each
/// channel, or one for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prelu {
    /// Whether each channel has a factor of its own.
    pub by_channel: bool,
}

impl Layer for Prelu {
    fn facts(&self) -> Facts {
        Facts {
            name: "PReLU",
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        only(inputs)
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        let factors = if self.by_channel { input.channels() } else { 1 };
        vec![ParamSpec::new("weight", &[factors], ParamKind::Slope)]
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn settings(&self, _: &[Shape]) -> String {
        if self.by_channel { "by channel".into() } else { String::new() }
    }

    fn onnx(&self, _: &[Shape], output: Shape) -> Result<Onnx, String> {
        Ok(Onnx::by_channel(vec![Operator::new("PRelu")], output))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { by_channel: true }, vec![Shape::map(3, 4, 5)]),
            (Self { by_channel: false }, vec![Shape::map(2, 3, 3)]),
            (Self { by_channel: true }, vec![Shape::vector(7)]),
        ]
    }
}

impl Naive for Prelu {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, slopes) = (reads.inputs[0], &reads.parameters[0].data);
        let slope = |i: usize| slopes[x.channel(i) % slopes.len()];
        Array::from_fn(&x.shape, |i| if x.data[i] > 0.0 { x.data[i] } else { slope(i) * x.data[i] })
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (x, slopes) = (reads.inputs[0], reads.parameters[0]);
        let mut weight = Array::zeros(&slopes.shape);
        let dx = Array::from_fn(&x.shape, |i| {
            let channel = x.channel(i) % slopes.data.len();
            if x.data[i] > 0.0 {
                return dy.data[i];
            }
            weight.data[channel] += dy.data[i] * x.data[i];
            dy.data[i] * slopes.data[channel]
        });
        Gradients { inputs: vec![dx], parameters: vec![weight] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_slope() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![-1.0, 2.0, -1.0, 4.0] };
        let slopes = Array { shape: vec![2], data: vec![0.25, 3.0] };
        let reads = Reads { inputs: &[&x], parameters: &[&slopes], output: (1, 2), training: None };
        let prelu = Prelu { by_channel: true };
        assert_eq!(prelu.forward(&reads).data, [-0.25, 2.0, -3.0, 4.0]);
        assert_eq!(prelu.backward(&reads, &x, &x).parameters[0].data, [1.0, 1.0]);
    }
}
