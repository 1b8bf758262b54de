//! The rectified linear unit with a slope below 0.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, Reads};
use crate::shape::{Shape, ShapeIssue};

/// x where it is positive, `slope`·x elsewhere, PyTorch's `nn.LeakyReLU` (Maas, Hannun and Ng 2013).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// The factor below 0, itself above 0.
    pub slope: f32,
}

impl Layer for LeakyRelu {
    fn facts(&self) -> Facts {
        Facts::element_wise("LeakyReLU", GradientReads::OUTPUT)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        if self.slope > 0.0 && self.slope.is_finite() {
            return Ok(input);
        }
        Err(ShapeIssue::new(format!("a slope of {}", self.slope), "one above 0", "use ReLU for a slope of 0"))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("negative_slope", self.slope.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("×{}", self.slope)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("LeakyRelu").float("alpha", self.slope).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self { slope: 0.01 }, vec![Shape::map(3, 4, 5)]), (Self { slope: 0.3 }, vec![Shape::vector(7)])]
    }
}

impl Naive for LeakyRelu {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| if x < 0.0 { f64::from(self.slope) * x } else { x })
    }

    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        Gradients::input(y.zip(dy, |y, dy| if y > 0.0 { dy } else { f64::from(self.slope) * dy }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn values_at_known_points() {
        let x = Array { shape: vec![1, 3], data: vec![-1.0, 0.0, 2.0] };
        assert_eq!(forward(&LeakyRelu { slope: 0.25 }, &[&x]).data, [-0.25, 0.0, 2.0]);
    }

    #[test]
    fn slopes_that_make_no_sense_are_refused() {
        let shape = Shape::vector(3);
        assert_eq!(LeakyRelu { slope: 0.01 }.infer(&[shape]), Ok(shape));
        for slope in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(LeakyRelu { slope }.infer(&[shape]).is_err());
        }
    }
}
