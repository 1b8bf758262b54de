//! Channels to pixels.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::rearranged::{Source, naive};
use super::{Facts, Layer, Onnx, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Each r² channels to r × r pixels: C·r² × H × W to C × H·r × W·r, PyTorch's `nn.PixelShuffle` (Shi et al. 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelShuffle {
    /// r.
    pub factor: usize,
    /// Whether a pixel's place comes before the channel in the order of channels, as ONNX's DepthToSpace has it by default
    /// (`DCR`); PyTorch's has it behind (`CRD`).
    pub place_first: bool,
}

impl PixelShuffle {
    /// PyTorch's.
    pub fn new(factor: usize) -> Self {
        Self { factor, place_first: false }
    }

    pub(crate) fn source(&self, input: Shape) -> Source<'_> {
        let r = self.factor;
        let channels = input.channels() / (r * r);
        Box::new(move |[c, y, x]| {
            let place = y % r * r + x % r;
            let channel = if self.place_first { place * channels + c } else { c * r * r + place };
            [channel, y / r, x / r]
        })
    }
}

impl Layer for PixelShuffle {
    fn facts(&self) -> Facts {
        Facts::linear("PixelShuffle", Reach::All)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "PixelShuffle")?;
        let square = self.factor.saturating_mul(self.factor);
        if square > 0 && channels.is_multiple_of(square) {
            let size = |size: usize| size.saturating_mul(self.factor);
            return Ok(Shape::map(channels / square, size(height), size(width)));
        }
        Err(ShapeIssue::new(
            format!("{channels} channels for a factor of {}", self.factor),
            "a multiple of its square",
            "bring the channels to it by a 1×1 Conv2d",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("upscale_factor", self.factor.to_string()), ("place_first", self.place_first.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("×{}", self.factor)
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let mode = if self.place_first { "DCR" } else { "CRD" };
        Ok(Operator::new("DepthToSpace").int("blocksize", self.factor).text("mode", mode).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::new(2), vec![Shape::map(12, 2, 3)]),
            (Self { factor: 2, place_first: true }, vec![Shape::map(8, 3, 2)]),
        ]
    }
}

naive!(PixelShuffle);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    #[test]
    fn channels_become_pixels() {
        let x = Array::from_fn(&[1, 8, 1, 1], |i| i as f64);
        assert_eq!(forward(&PixelShuffle::new(2), &[&x]).data, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let first = PixelShuffle { factor: 2, place_first: true };
        assert_eq!(forward(&first, &[&x]).data, [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]);
        for factor in [0, 3, usize::MAX] {
            assert!(PixelShuffle::new(factor).infer(&[Shape::map(8, 1, 1)]).is_err());
        }
    }
}
