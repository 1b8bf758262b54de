//! A node with what it reads: settings, constants, and values that depend on the images.

use convnet_formats::onnx::read::{Attribute, Model, Node, Tensor};

use super::apart::Apart;
use super::channels::Channels;
use super::constant::Constant;
use super::strided::Places;
use super::views::View;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// What a layer gives.
    Value(Value),
    /// What does not depend on the images.
    Constant(Constant),
    /// Channels of a value, which no layer gives yet.
    Channels(Channels),
    /// Elements of a value under other axes, which no layer gives yet.
    View(View),
    /// The same, with axes before that of the images.
    Apart(Apart),
    /// The same, all images' elements in one row.
    Row(View),
    /// Whole numbers that count the images.
    Places(Places),
}

/// A layer's output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) layer: usize,
    pub(super) order: Order,
    /// Whether another name for it is read by others.
    pub(super) shared: bool,
}

/// The order of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// (N, C, H, W) or (N, F), as layers have them.
    ChannelsFirst,
    /// (N, H, W, C): a map after Transpose.
    ChannelsLast,
    /// (N, F), where F is H·W·C of a map of these channels, height and width.
    Flattened([usize; 3]),
}

impl Value {
    pub(super) fn plain(layer: usize) -> Self {
        Self { layer, order: Order::ChannelsFirst, shared: false }
    }
}

/// A node and what it reads.
pub(super) struct Call<'a> {
    pub(super) model: &'a Model,
    pub(super) node: &'a Node,
    /// `None` where an optional input is left out.
    pub(super) inputs: Vec<Option<Known>>,
    pub(super) opset: i64,
}

impl Call<'_> {
    pub(super) fn op(&self) -> &str {
        &self.node.op
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.node.attributes.contains_key(name)
    }

    /// A setting of the kind that `take` takes, if it is there.
    fn setting<'b, T>(
        &'b self,
        name: &str,
        expected: &str,
        take: impl Fn(&'b Attribute) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(attribute) = self.node.attributes.get(name) else { return Ok(None) };
        match take(attribute) {
            None => Err(format!("{name} is {attribute:?}, expected {expected}")),
            value => Ok(value),
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        let take =
            |attribute: &Attribute| if let Attribute::Int(value) = attribute { Some(*value) } else { None };
        Ok(self.setting(name, "a whole number", take)?.unwrap_or(default))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        let take =
            |attribute: &Attribute| if let Attribute::Float(value) = attribute { Some(*value) } else { None };
        Ok(self.setting(name, "a real number", take)?.unwrap_or(default))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>, String> {
        self.setting(name, "whole numbers", |attribute| match attribute {
            Attribute::Ints(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&[f32]>, String> {
        self.setting(name, "real numbers", |attribute| match attribute {
            Attribute::Floats(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        self.setting(name, "text", |attribute| match attribute {
            Attribute::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&Tensor>, String> {
        self.setting(name, "a tensor", |attribute| match attribute {
            Attribute::Tensor(tensor) => Some(tensor),
            _ => None,
        })
    }

    /// An input that is a constant.
    pub(super) fn constant(&self, input: usize) -> Option<&Constant> {
        match self.inputs.get(input) {
            Some(Some(Known::Constant(constant))) => Some(constant),
            _ => None,
        }
    }

    /// An input that must be a constant, if it is there.
    pub(super) fn weight(&self, input: usize, what: &str) -> Result<Option<&Constant>, String> {
        match self.inputs.get(input) {
            Some(Some(Known::Constant(constant))) => Ok(Some(constant)),
            Some(Some(_)) => Err(format!("its {what} depends on the images, expected a constant")),
            Some(None) | None => Ok(None),
        }
    }

    pub(super) fn needed(&self, input: usize, what: &str) -> Result<&Constant, String> {
        self.weight(input, what)?.ok_or_else(|| format!("it has no {what}"))
    }

    /// The whole numbers of an input, if it is there.
    pub(super) fn integers(&self, input: usize) -> Result<Option<Vec<Option<i64>>>, String> {
        self.weight(input, "setting")?.map(|constant| constant.integers(self.model)).transpose()
    }

    /// The axes of an operator: an input since some version, an attribute before.
    pub(super) fn axes(&self, input: usize) -> Result<Option<Vec<i64>>, String> {
        match self.integers(input)? {
            Some(axes) => axes
                .into_iter()
                .map(|axis| axis.ok_or("its axes are not known".into()))
                .collect::<Result<_, _>>()
                .map(Some),
            None => Ok(self.ints("axes")?.map(<[i64]>::to_vec)),
        }
    }

    /// A number that is an input since some version, an attribute before.
    pub(super) fn number(&self, input: usize, name: &str, default: f32) -> Result<f32, String> {
        match self.weight(input, name)? {
            Some(constant) if constant.len() == 1 => Ok(constant.floats(self.model)?[0]),
            Some(constant) => Err(format!("its {name} has shape {:?}, expected one number", constant.shape)),
            None => self.float(name, default),
        }
    }

    /// Refuses a Dropout that drops in inference too.
    pub(super) fn refuse_training(&self) -> Result<(), String> {
        let told =
            self.weight(2, "training_mode")?.map(|constant| constant.floats(self.model)).transpose()?;
        match told {
            Some(values) if values.iter().any(|&x| x != 0.0) => Err(
                "it says that it drops in inference too (training_mode); export the model in inference mode"
                    .into(),
            ),
            _ => Ok(()),
        }
    }

    /// The order of axes that Transpose gives.
    pub(super) fn permutation(&self, rank: usize) -> Result<Vec<usize>, String> {
        let Some(order) = self.ints("perm")? else { return Ok((0..rank).rev().collect()) };
        let order = axes(order, rank)?;
        if order.len() == rank { Ok(order) } else { Err(format!("perm is {order:?} for {rank} axes")) }
    }
}

/// An axis of a value of `rank` axes; a negative one counts from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    index(axis, rank).ok_or_else(|| format!("axis {axis} of {rank}"))
}

/// The number of one of `count`, if it is there; a negative one counts from the end.
pub(super) fn index(at: i64, count: usize) -> Option<usize> {
    let from_start = if at < 0 { at.saturating_add(count as i64) } else { at };
    usize::try_from(from_start).ok().filter(|&at| at < count)
}

/// An axis before which or behind the last one of which a value of `rank` axes is cut; a negative one counts from the
/// last axis.
pub(super) fn end_axis(at: i64, rank: usize) -> Result<usize, String> {
    if at < 0 { axis(at, rank) } else { axis(at, rank + 1) }
}

/// Axes that all differ.
pub(super) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let found = list.iter().map(|&i| axis(i, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = found.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == found.len() { Ok(found) } else { Err(format!("axes {list:?} have one twice")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_count_from_either_end() {
        assert_eq!(axes(&[0, -1], 4), Ok(vec![0, 3]));
        assert!(axis(4, 4).is_err() && axis(-5, 4).is_err() && axis(i64::MIN, 4).is_err());
        assert!(axes(&[1, -3], 4).is_err());
        assert_eq!([end_axis(-1, 4), end_axis(-3, 4), end_axis(4, 4)], [Ok(3), Ok(1), Ok(4)]);
        assert!(end_axis(-5, 4).is_err() && end_axis(5, 4).is_err());
    }
}
