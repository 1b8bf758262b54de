//! Which pixels a pixel of another map is made of.
//!
//! Source: ONNX's Resize (<https://onnx.ai/onnx/operators/onnx__Resize.html>), which names all that PyTorch and TensorFlow do.

use super::{Coordinates, Interpolation, Rounding, Upsample};
use crate::ops::separable::Row;

/// An axis.
#[derive(Clone, Copy)]
pub(super) struct Along {
    pub(super) input: usize,
    pub(super) output: usize,
    /// Output over input.
    pub(super) scale: f64,
    /// The part of the input that is resized.
    pub(super) part: [f32; 2],
}

impl Along {
    /// For each of the outputs its pixels and their weights.
    pub(super) fn taps(self, op: &Upsample) -> Vec<Row> {
        let row = |i: usize| {
            let x = place(op.coordinates, i, self);
            if matches!(op.coordinates, Coordinates::CropAndResize { .. })
                && !(0.0..=(self.input - 1) as f64).contains(&x)
            {
                return Row::new();
            }
            if op.antialias { smoothed(op.mode, x, self) } else { row(op.mode, x, self.input) }
        };
        (0..self.output).map(row).collect()
    }
}

/// Where an output lies in the input: in single precision, as PyTorch and ONNX Runtime compute it, since the nearest of two
/// pixels that are equally far is told by its rounding.
fn place(coordinates: Coordinates, i: usize, along: Along) -> f64 {
    let Along { input, output, scale, part } = along;
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
        Coordinates::CropAndResize { .. } => {
            let ([start, end], last) = (part, (input - 1) as f32);
            if output > 1 {
                start * last + x * (end - start) * last / (output - 1) as f32
            } else {
                0.5 * (start + end) * last
            }
        }
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

/// The weights of the pixels one before, at, and two behind a place.
fn cubic(a: f64, t: f64) -> [f64; 4] {
    [t + 1.0, t, 1.0 - t, 2.0 - t].map(|distance| curve(a, distance))
}

/// The weight of a pixel at a distance of at most 2 (Keys 1981).
fn curve(a: f64, x: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    }
}

/// The pixels and weights of a place where a smaller map is made of all pixels: the line or the curve over as many pixels
/// more as the map gets smaller.
fn smoothed(mode: Interpolation, x: f64, along: Along) -> Row {
    let scale = along.scale.min(1.0);
    let (reach, exclude) = match mode {
        Interpolation::Nearest { .. } => return row(mode, x, along.input),
        Interpolation::Linear => (1.0, false),
        Interpolation::Cubic { exclude_outside, .. } => (2.0, exclude_outside),
    };
    let weight = |at: f64| {
        let distance = (at - x).abs() * scale;
        match mode {
            _ if distance >= reach => 0.0,
            Interpolation::Cubic { a, .. } => curve(a, distance),
            Interpolation::Nearest { .. } | Interpolation::Linear => 1.0 - distance,
        }
    };
    let last = (along.input - 1) as f64;
    let (first, end) = ((x - reach / scale).floor(), (x + reach / scale).ceil());
    // No more pixels outside of the map than a few maps: what lies there is the outermost pixel.
    let places = (0..=(end - first) as usize).map(|step| first + step as f64);
    let taps = places.filter(|at| !exclude || (0.0..=last).contains(at));
    let taps: Vec<(usize, f64)> = taps.map(|at| (at.clamp(0.0, last) as usize, weight(at))).collect();
    let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
    merged(taps.into_iter().map(|(at, weight)| (at, weight / total)))
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
    fn a_smaller_map_is_made_of_all_pixels() {
        let op = Upsample { antialias: true, ..Upsample::bilinear(1, 3) };
        // A triangle over four pixels: 1/8, 3/8, 3/8, 1/8.
        check(&op, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], &[1.75, 6.75, 23.0]);
        let larger = Upsample { antialias: true, ..Upsample::bilinear(1, 6) };
        check(&larger, &[1.0, 2.0, 4.0], &[1.0, 1.25, 1.75, 2.5, 3.5, 4.0]);
    }

    #[test]
    fn a_part_is_resized_and_nothing_lies_outside() {
        let coordinates = Coordinates::CropAndResize { rows: [0.0, 1.0], columns: [0.5, 1.5] };
        let op = Upsample { coordinates, ..Upsample::bilinear(1, 3) };
        check(&op, &[1.0, 2.0, 4.0], &[2.0, 4.0, 0.0]);
        assert_eq!(op.outside(Shape::map(1, 1, 3)), [vec![false], vec![false, false, true]]);
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
