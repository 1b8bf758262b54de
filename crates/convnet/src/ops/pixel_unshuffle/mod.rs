//! Pixels to channels.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::rearranged::{Source, naive};
use super::separable::sizes;
use super::{Facts, Layer, Onnx, OnnxValue, Operand, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Each r × r pixels to r² channels: C × H·r × W·r to C·r² × H × W, PyTorch's `nn.PixelUnshuffle`, known as space to depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelUnshuffle {
    /// r.
    pub factor: usize,
    /// Whether a pixel's place comes before the channel in the order of channels, as ONNX's SpaceToDepth has it; PyTorch's
    /// has it behind.
    pub place_first: bool,
}

impl PixelUnshuffle {
    /// PyTorch's.
    pub fn new(factor: usize) -> Self {
        Self { factor, place_first: false }
    }

    pub(crate) fn source(&self, input: Shape) -> Source<'_> {
        let (r, channels) = (self.factor, input.channels());
        Box::new(move |[c, y, x]| {
            let (channel, place) =
                if self.place_first { (c % channels, c / channels) } else { (c / (r * r), c % (r * r)) };
            [channel, y * r + place / r, x * r + place % r]
        })
    }
}

impl Layer for PixelUnshuffle {
    fn facts(&self) -> Facts {
        Facts::linear("PixelUnshuffle", Reach::All)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "PixelUnshuffle")?;
        let r = self.factor;
        if r > 0 && height.is_multiple_of(r) && width.is_multiple_of(r) {
            return Ok(Shape::map(channels.saturating_mul(r).saturating_mul(r), height / r, width / r));
        }
        Err(ShapeIssue::new(
            format!("{height}×{width} for a factor of {r}"),
            "multiples of it",
            "bring the map to such a size by a pooling or a border",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("downscale_factor", self.factor.to_string()), ("place_first", self.place_first.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("×{}", self.factor)
    }

    /// PyTorch's order as exporters write it; ONNX's operator has the other.
    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        if self.place_first {
            return Ok(Operator::new("SpaceToDepth").int("blocksize", self.factor).into());
        }
        let ([channels, height, width], r) = (sizes(inputs[0]), self.factor);
        let apart = OnnxValue::Ints(vec![0, channels, height / r, r, width / r, r]);
        let together = OnnxValue::Ints([vec![0], output.dims()].concat());
        let operators = vec![
            Operator::new("Reshape").constant("apart", apart).result("blocks"),
            Operator::reading("Transpose", vec![Operand::Result("blocks")])
                .ints("perm", &[0, 1, 3, 5, 2, 4])
                .result("turned"),
            Operator::reading("Reshape", vec![Operand::Result("turned")]).constant("together", together),
        ];
        Ok(Onnx { operators, trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::new(2), vec![Shape::map(3, 4, 6)]),
            (Self { factor: 2, place_first: true }, vec![Shape::map(3, 4, 2)]),
        ]
    }
}

naive!(PixelUnshuffle);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::forward;
    use crate::ops::{Array, PixelShuffle};

    #[test]
    fn it_is_the_way_back() {
        let x = Array::from_fn(&[1, 8, 2, 3], |i| i as f64);
        for place_first in [false, true] {
            let there = forward(&PixelShuffle { factor: 2, place_first }, &[&x]);
            assert_eq!(forward(&PixelUnshuffle { factor: 2, place_first }, &[&there]), x);
        }
        assert!(PixelUnshuffle::new(2).infer(&[Shape::map(1, 3, 4)]).is_err());
        assert!(PixelUnshuffle::new(0).infer(&[Shape::map(1, 4, 4)]).is_err());
    }
}
