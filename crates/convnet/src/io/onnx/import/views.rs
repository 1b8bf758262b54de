//! Elements of a map in other shapes and orders, before a layer gives them: exporters write a shuffle of channels as
//! Reshape, Transpose and Reshape, with five axes between them.

use super::axes::Axes;
use super::call::{Call, Known, Order, Value};
use super::importer::Importer;
use crate::graph::Shape;
use crate::ops::{
    ChannelShuffle, ConstantPad2d, Conv2d, GroupNorm, Op, Permute, PixelShuffle, PixelUnshuffle, Reshape,
};

/// Operators that treat every element by itself, beside the functions of [`Unary`](crate::ops::Unary).
const EACH: [&str; 5] = ["Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh"];

/// The elements of a layer's output under axes of their own.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The layer.
    pub(super) of: usize,
    pub(super) axes: Axes,
    /// What the layer that gives them is called.
    pub(super) path: String,
}

impl View {
    /// Whether it has other axes than a vector or a map.
    pub(super) fn is_lifted(&self) -> bool {
        !matches!(self.axes.sizes.len(), 1 | 3)
    }
}

/// The layer that puts the elements of a map of channels × height × width in the order of these axes, as a map of another
/// size or the same; only those that have a name.
fn named(axes: &Axes, [channels, height, width]: [usize; 3], target: [usize; 3]) -> Option<Op> {
    let merged = axes.merged();
    let is = |axes: Axes| axes.merged() == merged;
    let pixels = height * width;
    if target == [channels, height, width] {
        let found = merged.sizes.get(1).copied().filter(|groups| channels.is_multiple_of(*groups));
        if let Some(groups) = found {
            let of_group = channels / groups;
            if is(Axes::new([of_group, groups, pixels], [pixels, of_group * pixels, 1])) {
                return Some(ChannelShuffle { groups }.into());
            }
        }
    }
    let [out_channels, out_height, out_width] = target;
    if out_height > height && out_height.is_multiple_of(height) {
        let factor = out_height / height;
        if out_width == width * factor && channels == out_channels * factor * factor {
            let sizes = [out_channels, height, factor, width, factor];
            let behind = [factor * factor * pixels, width, factor * pixels, 1, pixels];
            let first = [pixels, width, factor * out_channels * pixels, 1, out_channels * pixels];
            for (strides, place_first) in [(behind, false), (first, true)] {
                if is(Axes::new(sizes, strides)) {
                    return Some(PixelShuffle { factor, place_first }.into());
                }
            }
        }
    }
    if out_height < height && height.is_multiple_of(out_height) {
        let factor = height / out_height;
        if width == out_width * factor && out_channels == channels * factor * factor {
            let behind = Axes::new(
                [channels, factor, factor, out_height, out_width],
                [pixels, width, 1, factor * width, factor],
            );
            let first = behind.permuted(&[1, 2, 0, 3, 4]);
            for (axes, place_first) in [(behind, false), (first, true)] {
                if is(axes) {
                    return Some(PixelUnshuffle { factor, place_first }.into());
                }
            }
        }
    }
    None
}

impl Importer<'_> {
    /// A value under axes.
    pub(super) fn view(&self, call: &Call<'_>, value: Value) -> Result<View, String> {
        let shape = self.shape(value);
        let axes = match (shape, value.order) {
            (Shape::Map { channels, height, width }, Order::ChannelsLast) => {
                Axes::contiguous(&[channels, height, width]).permuted(&[1, 2, 0])
            }
            (_, Order::Flattened(_)) => {
                return Err(
                    "it reads a vector of a map whose channels were put last, which only a Gemm may".into()
                );
            }
            _ => Axes::contiguous(&shape.dims()),
        };
        Ok(View { of: value.layer, axes, path: self.path(call) })
    }

    /// What an operator that changes shapes and orders alone gives of elements under axes; `None` for any other operator,
    /// or any other input.
    pub(super) fn viewed(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let Some(Some(Known::View(view))) = call.inputs.first() else { return Ok(None) };
        let sizes = view.axes.sizes.clone();
        let target = match call.op() {
            "Identity" | "Dropout" | "CastLike" => return Ok(Some(Known::View(view.clone()))),
            "Cast" if super::fold::is_real(call)? => return Ok(Some(Known::View(view.clone()))),
            "Shape" => {
                let all = std::iter::once(None).chain(sizes.iter().map(|&size| Some(size as i64)));
                let all: Vec<Option<i64>> = all.collect();
                return super::fold::shape_of(call, &all).map(|shape| Some(Known::Constant(shape)));
            }
            "Transpose" => {
                let order = call.permutation(sizes.len() + 1)?;
                return self.turned(view.clone(), &order).map(Some);
            }
            "Reshape" => {
                let told = call.integers(1)?.ok_or("it has no shape")?;
                self.target(&told, &sizes, call.int("allowzero", 0)? != 0)?
            }
            "Flatten" if call.int("axis", 1)? == 1 => vec![view.axes.len()],
            "Squeeze" => self.squeezed(call, &sizes)?,
            "Unsqueeze" => self.unsqueezed(call, &sizes)?,
            "InstanceNormalization" => return self.group_norm(call, view).map(Some),
            "Conv" if sizes.len() == 2 => return self.along_lines(call, &view.clone()).map(Some),
            _ if EACH.contains(&call.op()) || self.function(call)?.is_some() => {
                return self.each(call, view.clone()).map(Some);
            }
            _ => return Ok(None),
        };
        self.under(view.clone(), &target).map(Some)
    }

    /// A value under other axes, which no layer gives at once.
    pub(super) fn reshaped_view(
        &mut self,
        call: &Call<'_>,
        value: Value,
        target: &[usize],
    ) -> Result<Known, String> {
        let view = self.view(call, value)?;
        self.under(view, target)
    }

    /// A value with its axes in another order, that of the images first.
    pub(super) fn turned_view(
        &mut self,
        call: &Call<'_>,
        value: Value,
        order: &[usize],
    ) -> Result<Known, String> {
        let view = self.view(call, value)?;
        self.turned(view, order)
    }

    fn turned(&mut self, view: View, order: &[usize]) -> Result<Known, String> {
        if order.first() != Some(&0) {
            return self.turned_images(view, 0, order);
        }
        let order: Vec<usize> = order[1..].iter().map(|&axis| axis - 1).collect();
        Ok(Known::View(View { axes: view.axes.permuted(&order), ..view }))
    }

    /// Elements under other axes: a layer where these are a map's or a vector's.
    fn under(&mut self, view: View, target: &[usize]) -> Result<Known, String> {
        if matches!(target.len(), 1 | 3) {
            return self.settle_view(&view, target).map(Known::Value);
        }
        if let Some(axes) = view.axes.reshaped(target) {
            return Ok(Known::View(View { axes, ..view }));
        }
        let flat = self.settle_view(&view, &[view.axes.len()])?;
        let axes = Axes::contiguous(target);
        Ok(Known::View(View { of: flat.layer, axes, path: view.path }))
    }

    /// Elements under axes as a layer gives them.
    pub(super) fn settled_view(&mut self, view: &View) -> Result<Value, String> {
        let sizes = view.axes.sizes.clone();
        match sizes.len() {
            1 | 3 => self.settle_view(view, &sizes),
            _ => Err(format!(
                "it reads (N, {sizes:?}), expected a map or a vector: no layer computes on tokens"
            )),
        }
    }

    /// The same in the shape of a map or a vector.
    pub(super) fn settle_view(&mut self, view: &View, target: &[usize]) -> Result<Value, String> {
        let shape = self.draft.shape(view.of);
        let wanted = match *target {
            [channels, height, width] => Shape::map(channels, height, width),
            _ => Shape::vector(view.axes.len()),
        };
        let merged = view.axes.merged();
        let path = view.path.clone();
        if let (Shape::Map { channels, height, width }, &[a, b, c]) = (shape, target)
            && let Some(op) = named(&view.axes, [channels, height, width], [a, b, c])
        {
            return Ok(Value::plain(self.draft.push(op, &[view.of], path, Vec::new())?));
        }
        let mut layer = view.of;
        if merged.strides.len() > 1 {
            // The axes in the order in which the elements lie are a map, whose axes then change places.
            let mut order: Vec<usize> = (0..merged.sizes.len()).collect();
            order.sort_by_key(|&axis| std::cmp::Reverse(merged.strides[axis]));
            let lying = merged.permuted(&order);
            let &[a, b, ref rest @ ..] = &lying.sizes[..] else { return Err("it has no axes".into()) };
            if rest.len() > 1 || lying != Axes::contiguous(&lying.sizes) {
                return Err(format!(
                    "elements of {shape} under axes of {:?} and steps of {:?}, which no layer gives",
                    view.axes.sizes, view.axes.strides
                ));
            }
            let sizes = [a, b, rest.first().copied().unwrap_or(1)];
            layer = self.as_shape(layer, Shape::map(sizes[0], sizes[1], sizes[2]), &path)?;
            let mut dims = [1, 2, 3];
            for (to, dim) in dims.iter_mut().enumerate().take(order.len()) {
                *dim = 1 + order.iter().position(|&axis| axis == to).unwrap_or(to);
            }
            layer = self.draft.push(Permute { dims }, &[layer], path.clone(), Vec::new())?;
        }
        Ok(Value { shared: layer == view.of, ..Value::plain(self.as_shape(layer, wanted, &path)?) })
    }

    /// A layer's elements in another shape.
    fn as_shape(&mut self, layer: usize, wanted: Shape, path: &str) -> Result<usize, String> {
        let shape = self.draft.shape(layer);
        let op: Op = match (shape, wanted) {
            _ if shape == wanted => return Ok(layer),
            (_, Shape::Vector { .. }) => Op::Flatten,
            (Shape::Vector { .. }, Shape::Map { height: 1, width: 1, .. }) => Op::Unflatten,
            (_, Shape::Map { channels, height, width }) => Reshape { channels, height, width }.into(),
        };
        self.draft.push(op, &[layer], path.into(), Vec::new())
    }

    /// A function of each element by itself, whatever the axes.
    fn each(&mut self, call: &Call<'_>, view: View) -> Result<Known, String> {
        let mut inputs = call.inputs.clone();
        inputs[0] = Some(Known::Value(Value { shared: true, ..Value::plain(view.of) }));
        let plain = Call { inputs, ..*call };
        let Known::Value(value) = self.apply(&plain)? else { return Err("of a constant".into()) };
        Ok(Known::View(View { of: value.layer, ..view }))
    }

    /// A convolution of (N, C, length): one over maps of one row.
    fn along_lines(&mut self, call: &Call<'_>, view: &View) -> Result<Known, String> {
        let &[channels, length] = &view.axes.sizes[..] else { return Err("it has no line".into()) };
        let map = self.settle_view(view, &[channels, 1, length])?;
        let weight = call.needed(1, "weight")?.clone();
        let &[out_channels, of_group, kernel] = &weight.shape[..] else {
            return Err(format!("its weight has shape {:?}, expected (O, C/groups, k)", weight.shape));
        };
        let one = |name: &str, usual: usize| match call.ints(name)? {
            None => Ok(usual),
            Some(&[x @ 1..=0xFFFF]) => Ok(x as usize),
            Some(found) => Err(format!("{name} is {found:?}, expected one number from 1 to 65535")),
        };
        let (begin, end) = match call.ints("pads")? {
            None => (0, 0),
            Some(&[begin @ 0..=0xFFFF, end @ 0..=0xFFFF]) => (begin as usize, end as usize),
            Some(found) => return Err(format!("pads are {found:?}, expected two numbers from 0 to 65535")),
        };
        if !matches!(call.text("auto_pad")?, None | Some("NOTSET" | "VALID")) {
            return Err("auto_pad along a line, expected pads".into());
        }
        let groups = usize::try_from(call.int("group", 1)?).map_err(|_| "its group is below 0")?;
        let path = self.path(call);
        let mut layer = map.layer;
        if begin != end {
            let border = ConstantPad2d { left: begin, right: end, top: 0, bottom: 0, value: 0.0 };
            layer = self.draft.push(border, &[layer], format!("{path}.pad"), Vec::new())?;
        }
        let bias = call.weight(2, "bias")?.filter(|bias| !bias.is_zero()).cloned();
        let conv = Conv2d {
            out_channels,
            kernel: (1, kernel).into(),
            stride: (1, one("strides", 1)?).into(),
            padding: (0, if begin == end { begin } else { 0 }).into(),
            dilation: (1, one("dilations", 1)?).into(),
            groups,
            bias: bias.is_some(),
        };
        let weights = [Some(weight.reshaped(&[out_channels, of_group, 1, kernel])), bias];
        let of = self.draft.push(conv, &[layer], path.clone(), weights.into_iter().flatten().collect())?;
        let (channels, (_, length)) = (self.draft.shape(of).channels(), self.draft.shape(of).spatial());
        Ok(Known::View(View { of, axes: Axes::contiguous(&[channels, length]), path }))
    }

    /// A normalization of groups as exporters write it: of vectors, each a group of a map's channels.
    fn group_norm(&mut self, call: &Call<'_>, view: &View) -> Result<Known, String> {
        let shape = self.draft.shape(view.of);
        let &[groups, elements] = &view.axes.sizes[..] else {
            return Err(format!("of (N, {:?}), expected (N, groups, elements)", view.axes.sizes));
        };
        let whole = view.axes.merged() == Axes::contiguous(&[groups * elements]).merged();
        if !whole || !shape.channels().is_multiple_of(groups) {
            return Err(format!("{groups} groups of a map of {shape}, expected groups of its channels"));
        }
        let (scale, bias) = (call.needed(1, "scale")?, call.needed(2, "bias")?);
        if scale.len() != groups || bias.len() != groups {
            return Err(format!("{} scales and {} shifts, expected {groups}", scale.len(), bias.len()));
        }
        let of_group = shape.channels() / groups;
        let weights = vec![self.spread(scale, of_group)?, self.spread(bias, of_group)?];
        let norm = GroupNorm { groups, eps: call.float("epsilon", 1e-5)? };
        let path = self.path(call);
        let of = self.draft.push(norm, &[view.of], path.clone(), weights)?;
        Ok(Known::View(View { of, axes: view.axes.clone(), path }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_are_known_by_their_steps() {
        let name = |axes: &Axes, from, to| named(axes, from, to);
        let shuffled = Axes::contiguous(&[2, 3, 4]).permuted(&[1, 0, 2]);
        assert_eq!(name(&shuffled, [6, 2, 2], [6, 2, 2]), Some(ChannelShuffle { groups: 2 }.into()));
        let pixels = Axes::contiguous(&[3, 2, 2, 4, 5]).permuted(&[0, 3, 1, 4, 2]);
        assert_eq!(name(&pixels, [12, 4, 5], [3, 8, 10]), Some(PixelShuffle::new(2).into()));
        let first = Axes::contiguous(&[2, 2, 3, 4, 5]).permuted(&[2, 3, 0, 4, 1]);
        let op = PixelShuffle { factor: 2, place_first: true };
        assert_eq!(name(&first, [12, 4, 5], [3, 8, 10]), Some(op.into()));
        let back = Axes::contiguous(&[3, 4, 2, 5, 2]).permuted(&[0, 2, 4, 1, 3]);
        assert_eq!(name(&back, [3, 8, 10], [12, 4, 5]), Some(PixelUnshuffle::new(2).into()));
        assert_eq!(name(&back, [3, 8, 10], [6, 8, 5]), None);
    }
}
