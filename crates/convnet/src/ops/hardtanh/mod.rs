//! Values within two bounds.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, OnnxValue, Operator, ParamSpec, Reads,
};
use crate::shape::{Shape, ShapeIssue};

/// x within `min` and `max`, the nearer of them elsewhere, PyTorch's `nn.Hardtanh`; from 0 to 6 it is `nn.ReLU6`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardtanh {
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
}

impl Layer for Hardtanh {
    fn facts(&self) -> Facts {
        Facts::element_wise("Hardtanh", GradientReads::OUTPUT)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        if self.min < self.max {
            return Ok(input);
        }
        Err(ShapeIssue::new(
            format!("bounds of {} and {}", self.min, self.max),
            "a least value below the greatest",
            "give the smaller bound first",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("min_val", self.min.to_string()), ("max_val", self.max.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("{} … {}", self.min, self.max)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let clip = Operator::new("Clip").constant("min", OnnxValue::Float(self.min));
        Ok(clip.constant("max", OnnxValue::Float(self.max)).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self { min: -0.3, max: 0.4 }, vec![Shape::map(3, 4, 5)]),
            (Self { min: 0.0, max: 6.0 }, vec![Shape::vector(7)]),
            // Where convolutions may clip what they write.
            (Self { min: 0.0, max: 0.5 }, vec![Shape::map(9, 4, 5)]),
        ]
    }
}

impl Naive for Hardtanh {
    /// The nearest value within the bounds; a NaN stays one.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| x.clamp(self.min.into(), self.max.into()))
    }

    /// dy strictly within the bounds.
    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        let inside = |y: f64| y > self.min.into() && y < self.max.into();
        Gradients::input(y.zip(dy, |y, dy| if inside(y) { dy } else { 0.0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn values_at_known_points() {
        let x = Array { shape: vec![1, 3], data: vec![-1.0, 0.25, 2.0] };
        assert_eq!(forward(&Hardtanh { min: -0.5, max: 1.0 }, &[&x]).data, [-0.5, 0.25, 1.0]);
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused() {
        let shape = Shape::vector(3);
        assert_eq!(Hardtanh { min: 0.0, max: 6.0 }.infer(&[shape]), Ok(shape));
        assert!(Hardtanh { min: 1.0, max: 1.0 }.infer(&[shape]).is_err());
        assert!(Hardtanh { min: f32::NAN, max: 1.0 }.infer(&[shape]).is_err());
    }
}
