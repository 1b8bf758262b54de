//! Instance normalization.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, PassThrough, Reach,
    Reads, norm,
};
use crate::shape::{Shape, ShapeIssue};

/// Each channel of each image over its pixels: γ·(x − mean)/√(var + eps) + β by channel, PyTorch's
/// `nn.InstanceNorm2d(affine=True)` (Ulyanov, Vedaldi and Lempitsky 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceNorm2d {
    /// Added to the variance.
    pub eps: f32,
}

impl Layer for InstanceNorm2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "InstanceNorm2d",
            reach: Reach::All,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "InstanceNorm2d")?;
        norm::check_eps(self.eps).map(|()| Shape::map(channels, height, width))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        norm::parameters(input)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("eps", self.eps.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("InstanceNormalization").float("epsilon", self.eps).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self { eps: 1e-3 }, vec![Shape::map(5, 3, 4)])]
    }
}

/// The plane of an element.
fn set(x: &Array) -> impl Fn(usize) -> usize {
    let [_, _, height, width] = x.nchw();
    move |i| i / (height * width)
}

impl Naive for InstanceNorm2d {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        norm::forward(reads, self.eps, set(reads.inputs[0]))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        norm::backward(reads, self.eps, dy, set(reads.inputs[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_no_pixels() {
        assert!(InstanceNorm2d { eps: 1e-5 }.infer(&[Shape::vector(4)]).is_err());
    }

    #[test]
    fn each_channel_has_mean_0_and_deviation_1() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 3.0, 7.0, 11.0] };
        let (ones, zeros) = (Array { shape: vec![2], data: vec![1.0; 2] }, Array::zeros(&[2]));
        let reads = Reads { inputs: &[&x], parameters: &[&ones, &zeros], output: (1, 2), training: None };
        let y = InstanceNorm2d { eps: 1e-12 }.forward(&reads);
        assert!(y.data.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-9), "{y:?}");
    }
}
