//! Channels of groups in turn.

use serde::{Deserialize, Serialize};

use super::layer::only_map;
use super::separable::{Axes, naive, picked, sizes, whole};
use super::{Facts, Layer, Onnx, OnnxValue, Operand, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// The first channel of each group, then the second of each, and so on: what grouped convolutions need between them
/// (Zhang et al. 2018), PyTorch's `nn.ChannelShuffle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelShuffle {
    /// Groups of as many channels.
    pub groups: usize,
}

impl ChannelShuffle {
    pub(crate) fn axes(&self, input: Shape) -> Axes {
        let [channels, height, width] = sizes(input);
        let of_group = channels / self.groups;
        let order = (0..channels).map(|c| c % self.groups * of_group + c / self.groups);
        [picked(order), whole(height), whole(width)]
    }
}

impl Layer for ChannelShuffle {
    fn facts(&self) -> Facts {
        Facts::linear("ChannelShuffle", Reach::Position)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (channels, height, width) = only_map(inputs, "ChannelShuffle")?;
        if self.groups > 0 && channels.is_multiple_of(self.groups) {
            return Ok(Shape::map(channels, height, width));
        }
        Err(ShapeIssue::new(
            format!("{} groups of {channels} channels", self.groups),
            "groups that divide the channels",
            "give a number of groups that divides them",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![("groups", self.groups.to_string())]
    }

    fn settings(&self, _: &[Shape]) -> String {
        format!("g{}", self.groups)
    }

    /// As exporters write it: the groups and their channels as two axes, which change places.
    fn onnx(&self, inputs: &[Shape], _: Shape) -> Result<Onnx, String> {
        let [channels, height, width] = sizes(inputs[0]);
        let apart = OnnxValue::Ints(vec![0, self.groups, channels / self.groups, height, width]);
        let together = OnnxValue::Ints(vec![0, channels, height, width]);
        let operators = vec![
            Operator::new("Reshape").constant("apart", apart).result("groups"),
            Operator::reading("Transpose", vec![Operand::Result("groups")])
                .ints("perm", &[0, 2, 1, 3, 4])
                .result("turned"),
            Operator::reading("Reshape", vec![Operand::Result("turned")]).constant("together", together),
        ];
        Ok(Onnx { operators, trailing: 0 })
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Self { groups: 2 }, vec![Shape::map(6, 3, 4)]), (Self { groups: 3 }, vec![Shape::map(6, 2, 2)])]
    }
}

naive!(ChannelShuffle);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    /// The example of PyTorch's documentation.
    #[test]
    fn channels_of_groups_take_turns() {
        let x = Array::from_fn(&[1, 6, 1, 1], |i| i as f64);
        assert_eq!(forward(&ChannelShuffle { groups: 2 }, &[&x]).data, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(forward(&ChannelShuffle { groups: 3 }, &[&x]).data, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert!(ChannelShuffle { groups: 4 }.infer(&[Shape::map(6, 1, 1)]).is_err());
        assert!(ChannelShuffle { groups: 0 }.infer(&[Shape::map(6, 1, 1)]).is_err());
    }
}
