//! A border made of the map itself.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::separable::{Axes, naive, picked, sizes, whole};
use super::{Facts, Layer, Onnx, OnnxValue, Operand, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Rows and columns around a map that repeat what is in it, PyTorch's `nn.ReflectionPad2d`, `nn.ReplicationPad2d` and
/// `nn.CircularPad2d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad2d {
    /// What the border repeats.
    pub mode: PadMode,
    /// Columns added on the left.
    pub left: usize,
    /// Columns added on the right.
    pub right: usize,
    /// Rows added above.
    pub top: usize,
    /// Rows added below.
    pub bottom: usize,
}

/// What a border repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PadMode {
    /// The map mirrored at its outermost pixel, which is not repeated.
    Reflect,
    /// The outermost pixel.
    Replicate,
    /// The map from its other end.
    Circular,
}

impl Pad2d {
    /// Which element of an axis stands at each place of the padded one.
    fn along(&self, size: usize, before: usize, after: usize) -> impl Iterator<Item = usize> {
        let mode = self.mode;
        (0..before + size + after).map(move |i| match mode {
            PadMode::Reflect if i < before => before - i,
            PadMode::Reflect if i >= before + size => 2 * (size - 1) - (i - before),
            PadMode::Replicate if i < before => 0,
            PadMode::Replicate => (i - before).min(size - 1),
            PadMode::Circular if i < before => size - (before - i),
            PadMode::Circular => (i - before) % size,
            PadMode::Reflect => i - before,
        })
    }

    pub(crate) fn axes(&self, input: Shape) -> Axes {
        let [channels, height, width] = sizes(input);
        let rows = picked(self.along(height, self.top, self.bottom));
        [whole(channels), rows, picked(self.along(width, self.left, self.right))]
    }
}

impl Layer for Pad2d {
    fn facts(&self) -> Facts {
        let name = match self.mode {
            PadMode::Reflect => "ReflectionPad2d",
            PadMode::Replicate => "ReplicationPad2d",
            PadMode::Circular => "CircularPad2d",
        };
        Facts::linear(name, Reach::Border { top: self.top, left: self.left })
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, self.facts().name)?;
        let most = |size: usize| match self.mode {
            PadMode::Reflect => size - 1,
            PadMode::Circular => size,
            PadMode::Replicate => super::bounds::LARGEST_SIDE,
        };
        let fits = self.top.max(self.bottom) <= most(height) && self.left.max(self.right) <= most(width);
        if !fits {
            return Err(ShapeIssue::new(
                format!("a border of {} around {height}×{width}", self.settings(&[])),
                "no side wider than what it repeats: the map less a pixel where it is mirrored, the map where it goes round",
                "lower the padding",
            ));
        }
        Ok(Shape::map(channels, self.top + height + self.bottom, self.left + width + self.right))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("padding", format!("{}, {}, {}, {}", self.left, self.right, self.top, self.bottom))]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("{},{},{},{}", self.left, self.right, self.top, self.bottom)
    }

    /// Round the map by Gather: Pad goes round from version 19 on.
    fn onnx(&self, inputs: &[Shape], _: Shape) -> Result<Onnx, String> {
        let mode = match self.mode {
            PadMode::Reflect => "reflect",
            PadMode::Replicate => "edge",
            PadMode::Circular => {
                let (height, width) = inputs[0].spatial();
                let rows = OnnxValue::Ints(self.along(height, self.top, self.bottom).collect());
                let columns = OnnxValue::Ints(self.along(width, self.left, self.right).collect());
                let tall = Operator::new("Gather").constant("rows", rows).int("axis", 2).result("tall");
                let wide = Operator::reading("Gather", vec![Operand::Result("tall")]);
                let wide = wide.constant("columns", columns).int("axis", 3);
                return Ok(Onnx { operators: vec![tall, wide], trailing: 0 });
            }
        };
        let pads = vec![0, 0, self.top, self.left, 0, 0, self.bottom, self.right];
        Ok(Operator::new("Pad").constant("pads", OnnxValue::Ints(pads)).text("mode", mode).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let modes = [PadMode::Reflect, PadMode::Replicate, PadMode::Circular];
        let sample = |mode| (Self { mode, left: 2, right: 1, top: 1, bottom: 2 }, vec![Shape::map(3, 3, 4)]);
        modes.map(sample).to_vec()
    }
}

naive!(Pad2d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    /// torch.nn.functional.pad's, of 0, 1, 2 by two on the left and one on the right.
    #[test]
    fn borders_repeat_the_map() {
        let x = Array::from_fn(&[1, 1, 1, 3], |i| i as f64);
        let known = [
            (PadMode::Reflect, [2.0, 1.0, 0.0, 1.0, 2.0, 1.0]),
            (PadMode::Replicate, [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]),
            (PadMode::Circular, [1.0, 2.0, 0.0, 1.0, 2.0, 0.0]),
        ];
        for (mode, expected) in known {
            let pad = Pad2d { mode, left: 2, right: 1, top: 0, bottom: 0 };
            assert_eq!(forward(&pad, &[&x]).data, expected, "{mode:?}");
        }
    }

    #[test]
    fn no_more_is_repeated_than_there_is() {
        let map = Shape::map(1, 2, 3);
        let pad = |mode, left| Pad2d { mode, left, right: 0, top: 0, bottom: 0 };
        assert!(
            pad(PadMode::Reflect, 2).infer(&[map]).is_ok() && pad(PadMode::Reflect, 3).infer(&[map]).is_err()
        );
        assert!(
            pad(PadMode::Circular, 3).infer(&[map]).is_ok()
                && pad(PadMode::Circular, 4).infer(&[map]).is_err()
        );
        assert!(pad(PadMode::Replicate, 30).infer(&[map]).is_ok());
        assert!(pad(PadMode::Replicate, usize::MAX).infer(&[map]).is_err());
    }
}
