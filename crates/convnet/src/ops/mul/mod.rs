//! Element-wise product.

use super::{
    Array, Facts, GradientReads, Gradients, Layer, Naive, Onnx, Operator, ParamSpec, PassThrough, Reach,
    Reads,
};
use crate::shape::{Shape, ShapeIssue, join};

/// a · b, PyTorch's `torch.mul`: both of one shape, or one of them a map of one pixel with the other's channels, which
/// is multiplied with every pixel (the gate of squeeze-and-excitation, Hu, Shen and Sun 2018). The gradient of each is
/// the other's value times the output's gradient, summed over the pixels where it has one alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mul;

/// Whether `factor` goes with `value`: the same shape, or one pixel of its channels.
fn fits(value: Shape, factor: Shape) -> bool {
    let pixel = matches!(factor, Shape::Map { .. }) && factor.spatial() == (1, 1);
    let map = matches!(value, Shape::Map { .. });
    value == factor || (pixel && map && value.channels() == factor.channels())
}

/// Which of two inputs has the output's shape, and which is the factor.
pub(crate) fn sides(inputs: &[Shape]) -> (usize, usize) {
    if fits(inputs[0], inputs[1]) { (0, 1) } else { (1, 0) }
}

impl Layer for Mul {
    fn facts(&self) -> Facts {
        Facts {
            name: "Mul",
            reach: Reach::Position,
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        match *inputs {
            [a, b] if fits(a, b) => Ok(a),
            [a, b] if fits(b, a) => Ok(b),
            _ => Err(ShapeIssue::new(
                format!("inputs of {}", join(inputs)),
                "two inputs of one shape, or a map and a map of one pixel with as many channels",
                "bring the gate to the map's channels by a 1×1 Conv2d, and a vector to a pixel by Unflatten",
            )),
        }
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn settings(&self, _: &[Shape]) -> String {
        String::new()
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        Ok(Operator::new("Mul").into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let (map, pixel) = (Shape::map(3, 4, 5), Shape::map(3, 1, 1));
        let pairs = [[map, map], [map, pixel], [pixel, map], [Shape::vector(7), Shape::vector(7)]];
        pairs.map(|pair| (Self, pair.to_vec())).to_vec()
    }
}

/// The factor in the output's shape.
fn spread(factor: &Array, shape: &[usize]) -> Array {
    let pixels: usize =
        shape.iter().skip(2).product::<usize>() / factor.shape.iter().skip(2).product::<usize>();
    Array::from_fn(shape, |i| factor.data[i / pixels])
}

/// The sum over what [`spread`] repeated.
fn gather(gradient: &Array, shape: &[usize]) -> Array {
    let pixels = gradient.data.len() / shape.iter().product::<usize>();
    Array::from_fn(shape, |i| gradient.data[i * pixels..][..pixels].iter().sum())
}

impl Naive for Mul {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        let shape = if a.data.len() < b.data.len() { &b.shape } else { &a.shape };
        spread(a, shape).zip(&spread(b, shape), |a, b| a * b)
    }

    fn backward(&self, reads: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        let gradient = |own: &Array, other: &Array| {
            gather(&spread(other, &y.shape).zip(dy, |other, dy| other * dy), &own.shape)
        };
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        Gradients { inputs: vec![gradient(a, b), gradient(b, a)], parameters: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;

    #[test]
    fn a_pixel_is_multiplied_with_every_pixel() {
        let map = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        let pixel = Array { shape: vec![1, 2, 1, 1], data: vec![10.0, 100.0] };
        for inputs in [[&map, &pixel], [&pixel, &map]] {
            assert_eq!(forward(&Mul, &inputs).data, [10.0, 20.0, 300.0, 400.0]);
        }
    }

    #[test]
    fn shapes_that_do_not_go_together_are_refused() {
        let issue = Mul.infer(&[Shape::map(2, 3, 3), Shape::map(3, 1, 1)]).unwrap_err();
        assert_eq!(issue.found, "inputs of 2×3×3, 3×1×1");
        assert!(Mul.infer(&[Shape::vector(4), Shape::map(4, 1, 1)]).is_err());
    }
}
