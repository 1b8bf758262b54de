//! Normalizations by the numbers of one image.

use super::call::{Call, Known, Order, axis};
use super::constant::Constant;
use super::importer::Importer;
use crate::graph::Shape;
use crate::ops::{GroupNorm, InstanceNorm2d, LayerNorm};

impl Importer<'_> {
    /// Over the last axis, which must be that of the channels; over all axes of a map where γ and β are those of channels.
    pub(super) fn layer_norm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let (shape, rank) = (self.shape(value), self.sizes(value).len() + 1);
        let from = axis(call.int("axis", -1)?, rank)?;
        let eps = call.float("epsilon", 1e-5)?;
        let channels = shape.channels();
        let last = match (shape, value.order) {
            (Shape::Vector { .. }, Order::ChannelsFirst) => from == 1,
            (Shape::Map { .. }, Order::ChannelsLast) => from == 3,
            _ => false,
        };
        if last {
            let weights = scale_and_bias(call, channels, vector)?;
            return self.push_on(call, LayerNorm { eps }, value, weights);
        }
        if from == 1
            && value.order == Order::ChannelsFirst
            && let Some(weights) = self.by_planes(call, shape)?
        {
            return self.push_on(call, GroupNorm { groups: 1, eps }, value, weights);
        }
        let view = self.view(call, value)?;
        let normalized = self.layer_norm_of(call, &view)?;
        Ok(self.known(normalized))
    }

    /// γ and β of all elements of a map, as one number for each channel; `None` where they differ within a channel.
    fn by_planes(&self, call: &Call<'_>, shape: Shape) -> Result<Option<Vec<Constant>>, String> {
        let pixels = shape.elements() / shape.channels();
        let plane = |constant: &Constant| -> Result<Option<Constant>, String> {
            let values = constant.floats(self.model)?;
            let planes: Vec<&[f32]> = values.chunks(pixels).collect();
            let even = planes.iter().all(|plane| plane.iter().all(|&x| x == plane[0]));
            let fits = values.len() == shape.elements() && even;
            let first = planes.iter().map(|plane| plane[0]).collect();
            Ok(fits.then(|| Constant::numbers(vec![shape.channels()], first)))
        };
        let scale = plane(call.needed(1, "scale")?)?;
        let bias = match call.weight(2, "bias")? {
            Some(bias) => plane(bias)?,
            None => Some(Constant::fill(vec![shape.channels()], 0.0)),
        };
        Ok(scale.zip(bias).map(|(scale, bias)| vec![scale, bias]))
    }

    pub(super) fn instance_norm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let weights = scale_and_bias(call, self.shape(value).channels(), vector)?;
        self.push(call, InstanceNorm2d { eps: call.float("epsilon", 1e-5)? }, &[value.layer], weights)
    }

    /// γ and β are by group in version 18, by channel from 21 on.
    pub(super) fn group_normalization(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let channels = self.shape(value).channels();
        let groups = call.int("num_groups", 0)?;
        let groups = usize::try_from(groups).ok().filter(|&g| g > 0 && channels.is_multiple_of(g));
        let groups = groups
            .ok_or_else(|| format!("num_groups of {channels} channels, expected one that divides them"))?;
        let weights = if call.opset >= 21 {
            scale_and_bias(call, channels, vector)?
        } else {
            let by_group = scale_and_bias(call, groups, vector)?;
            let spread = |constant: &Constant| self.spread(constant, channels / groups);
            by_group.iter().map(spread).collect::<Result<_, _>>()?
        };
        let norm = GroupNorm { groups, eps: call.float("epsilon", 1e-5)? };
        self.push(call, norm, &[value.layer], weights)
    }

    /// A number for each group as one for each of its channels.
    pub(super) fn spread(&self, constant: &Constant, of_group: usize) -> Result<Constant, String> {
        let values = constant.floats(self.model)?.into_iter();
        let values: Vec<f32> = values.flat_map(|x| std::iter::repeat_n(x, of_group)).collect();
        Ok(Constant::numbers(vec![values.len()], values))
    }
}

/// γ and β, as `read` has a constant for each of so many channels or groups; β is 0 where it is left out.
fn scale_and_bias(
    call: &Call<'_>,
    count: usize,
    read: impl Fn(&Constant, &str, usize) -> Result<Constant, String>,
) -> Result<Vec<Constant>, String> {
    let scale = read(call.needed(1, "scale")?, "scale", count)?;
    let bias = match call.weight(2, "bias")? {
        Some(bias) => read(bias, "bias", count)?,
        None => Constant::fill(vec![count], 0.0),
    };
    Ok(vec![scale, bias])
}

/// A constant with a number for each of so many channels, whatever axes of one element it has.
fn vector(constant: &Constant, what: &str, channels: usize) -> Result<Constant, String> {
    if constant.len() != channels || constant.shape.iter().filter(|&&size| size != 1).count() > 1 {
        return Err(format!(
            "its {what} has shape {:?}, expected one for each of {channels} channels",
            constant.shape
        ));
    }
    Ok(constant.clone().reshaped(&[channels]))
}
