//! Which pixels a pixel of another map is made of.
//!
//! Source: ONNX's Resize (<https://onnx.ai/onnx/operators/onnx__Resize.html>), which names all that PyTorch and TensorFlow do.

use super::{Coordinates, Interpolation, Rounding, Upsample};
use crate::ops::separable::Row;

/// For each of the outputs along an axis its pixels and their weights.
pub(super) fn along(op: &Upsample, (input, output): (usize, usize), scale: f64) -> Vec<Row> {
    (0..output).map(|i| row(op.mode, place(op.coordinates, i, (input, output), scale), input)).collect()
}

/// Where an output lies in the input: in single precision, as PyTorch and ONNX Runtime compute it, since the nearest of two
/// pixels that are equally far is told by its rounding.
fn place(coordinates: Coordinates, i: usize, (input, output): (usize, usize), scale: f64) -> f64 {
    let (x, scale) = (i as f32, scale as f32);
    let half = (x + 0.5) / scale - 0.5;
    let place = match coordinates {
        Coordinates::HalfPixel => half,
        Coordinates::PytorchHalfPixel => {
            if output > 1 {
                half
            } else {
                0.0
            }
        }
        Coordinates::HalfPixelSymmetric => {
            let adjusted = output as f32 / (scale * input as f32);
            let centre = input as f32 / 2.0;
            centre * (1.0 - adjusted) + half
        }
        Coordinates::AlignCorners if output == 1 => 0.0,
        Coordinates::AlignCorners => x * (input - 1) as f32 / (output - 1) as f32,
        Coordinates::Asymmetric => x / scale,
        Coordinates::TfHalfPixelForNn => (x + 0.5) / scale,
    };
    place.into()
}

/// The pixels and weights of a place.
fn row(mode: Interpolation, x: f64, size: usize) -> Row {
    let inside = |at: f64| at.clamp(0.0, (size - 1) as f64) as usize;
    let (first, rest) = (x.floor(), x - x.floor());
    match mode {
        Interpolation::Nearest { rounding } => {
            let nearest = match rounding {
                Rounding::Floor => x.floor(),
                Rounding::Ceil => x.ceil(),
                Rounding::PreferFloor => (x - 0.5).ceil(),
                Rounding::PreferCeil => (x + 0.5).floor(),
            };
            vec![(inside(nearest), 1.0)]
        }
        Interpolation::Linear => {
            merged([(first, 1.0 - rest), (first + 1.0, rest)].map(|(at, weight)| (inside(at), weight)))
        }
        Interpolation::Cubic { a, exclude_outside } => {
            let weights = cubic(a, rest);
            let places = [-1.0, 0.0, 1.0, 2.0].map(|step| first + step);
            if !exclude_outside {
                return merged([0, 1, 2, 3].map(|i| (inside(places[i]), weights[i])));
            }
            let there = |at: f64| (0.0..size as f64).contains(&at);
            let kept = places.into_iter().zip(weights).filter(|(at, _)| there(*at));
            let total: f64 = kept.clone().map(|(_, weight)| weight).sum();
            merged(kept.map(|(at, weight)| (inside(at), weight / total)))
        }
    }
}

/// The weights of the pixels one before, at, and two behind a place (Keys 1981).
fn cubic(a: f64, t: f64) -> [f64; 4] {
    let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// Each pixel once, without those of no weight.
fn merged(taps: impl IntoIterator<Item = (usize, f64)>) -> Row {
    let mut row: Row = Vec::new();
    for (at, weight) in taps.into_iter().filter(|(_, weight)| *weight != 0.0) {
        match row.iter_mut().find(|(known, _)| *known == at) {
            Some((_, sum)) => *sum += weight,
            None => row.push((at, weight)),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;
    use crate::ops::{Array, Layer};
    use crate::shape::Shape;

    fn check(op: &Upsample, x: &[f64], expected: &[f64]) {
        let x = Array { shape: vec![1, 1, 1, x.len()], data: x.to_vec() };
        let y = forward(op, &[&x]);
        assert!(y.data.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-9), "{op:?}: {:?}", y.data);
    }

    /// torch.nn.functional.interpolate's of 1, 2, 4 in float64.
    #[test]
    fn sizes_are_pytorchs() {
        let x = [1.0, 2.0, 4.0];
        check(&Upsample::nearest(1, 6), &x, &[1.0, 1.0, 2.0, 2.0, 4.0, 4.0]);
        check(&Upsample::nearest(1, 2), &x, &[1.0, 2.0]);
        check(&Upsample::bilinear(1, 6), &x, &[1.0, 1.25, 1.75, 2.5, 3.5, 4.0]);
        let corners = Upsample { coordinates: Coordinates::AlignCorners, ..Upsample::bilinear(1, 5) };
        check(&corners, &x, &[1.0, 1.5, 2.0, 3.0, 4.0]);
        let mode = Interpolation::Cubic { a: -0.75, exclude_outside: false };
        let cubic = Upsample { mode, ..Upsample::bilinear(1, 6) };
        check(&cubic, &x, &[0.894_531_25, 1.156_25, 1.562_5, 2.558_593_75, 3.582_031_25, 4.210_937_5]);
    }

    #[test]
    fn scales_that_are_none_are_refused() {
        let map = Shape::map(1, 2, 2);
        for scale in [[0.0, 1.0], [1.0, f64::NAN], [f64::INFINITY, 1.0]] {
            assert!(Upsample { scale: Some(scale), ..Upsample::nearest(4, 4) }.infer(&[map]).is_err());
        }
        assert!(Upsample::nearest(4, 4).infer(&[Shape::vector(4)]).is_err());
    }
}
