//! Operators on maps: convolutions, sums and extremes, borders, normalizations.

use super::call::{Call, Known, Order, Value, axes, axis};
use super::importer::Importer;
use super::window::{Sliding, sides};
use crate::graph::{Shape, Size2};
use crate::ops::{
    AdaptiveAvgPool2d, BatchNorm2d, ConstantPad2d, Conv2d, LocalResponseNorm, MaxPool2d, Op, Pad2d, PadMode,
    Permute, Reduce, Reduction, Slice, Span, Unary,
};

impl Importer<'_> {
    pub(super) fn convolution(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let weight = call.needed(1, "weight")?.clone();
        let bias = call.weight(2, "bias")?.filter(|bias| !bias.is_zero()).cloned();
        let &[out_channels, _, height, width] = &weight.shape[..] else {
            return Err(format!("its weight has shape {:?}, expected (O, C/groups, kH, kW)", weight.shape));
        };
        let groups = call.int("group", 1)?;
        let groups = usize::try_from(groups).ok().filter(|&g| g > 0).ok_or(format!("group is {groups}"))?;
        let input = self.shape(value);
        let kernel = Size2 { h: height, w: width };
        let mut sliding = Sliding::of(call, Some(kernel), input)?;
        let mut layer = value.layer;
        // A border of zeros before it is its padding.
        if let Op::ConstantPad2d(ConstantPad2d { left, right, top, bottom, value: 0.0 }) =
            self.draft.layers[layer].op
            && sliding.pads == [0; 4]
            && self.is_sole(call, 0, value)
        {
            layer = self.draft.layers[layer].inputs[0];
            sliding.pads = [top, left, bottom, right];
        }
        let padding = match sliding.symmetric(self.draft.shape(layer), false)? {
            Some((padding, _)) => padding,
            None => {
                layer = self.border(call, layer, sliding.split(0.0).0)?;
                0.into()
            }
        };
        let conv = Conv2d {
            out_channels,
            kernel,
            stride: sliding.stride,
            padding,
            dilation: sliding.dilation,
            groups,
            bias: bias.is_some(),
        };
        self.push(call, conv, &[layer], [Some(weight), bias].into_iter().flatten().collect())
    }

    /// A border before another layer.
    pub(super) fn border(
        &mut self,
        call: &Call<'_>,
        layer: usize,
        border: ConstantPad2d,
    ) -> Result<usize, String> {
        let path = format!("{}.pad", self.path(call));
        self.draft.push(border, &[layer], path, Vec::new())
    }

    /// A sum, a mean or an extreme over axes of an image.
    pub(super) fn reduce(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let rank = self.sizes(value).len() + 1;
        let over = axes(&call.axes(1)?.unwrap_or_default(), rank)?;
        if over.is_empty() && call.int("noop_with_empty_axes", 0)? != 0 {
            return self.alias(call, 0);
        }
        if over.is_empty() || over.contains(&0) {
            return Err(format!("over axes {over:?}, expected axes of an image: 1 to {}", rank - 1));
        }
        let names: &[usize] = if value.order == Order::ChannelsLast { &[2, 3, 1] } else { &[1, 2, 3] };
        let has = |dim: usize| over.iter().any(|&axis| names[axis - 1] == dim);
        let reduce = |reduction| Reduce { reduction, channels: has(1), height: has(2), width: has(3) };
        let spatial = has(2) && has(3) && !has(1);
        let (height, width) = self.shape(value).spatial();
        let path = self.path(call);
        let layer = match call.op() {
            "ReduceL1" => self.powered(call, value.layer, 1)?,
            "ReduceL2" | "ReduceSumSquare" => self.powered(call, value.layer, 2)?,
            _ => value.layer,
        };
        let op: Op = match call.op() {
            "ReduceMax" if spatial => MaxPool2d::new((height, width)).into(),
            "ReduceMean" if spatial => AdaptiveAvgPool2d { height: 1, width: 1 }.into(),
            "ReduceMax" => reduce(Reduction::Max).into(),
            "ReduceMin" => reduce(Reduction::Min).into(),
            "ReduceMean" => reduce(Reduction::Mean).into(),
            _ => reduce(Reduction::Sum).into(),
        };
        let mut reduced = self.draft.push(op, &[layer], path.clone(), Vec::new())?;
        if call.op() == "ReduceL2" {
            reduced = self.draft.push(Unary::Sqrt, &[reduced], path, Vec::new())?;
        }
        let value = Value { layer: reduced, order: value.order, shared: false };
        if call.int("keepdims", 1)? != 0 {
            return Ok(Known::Value(value));
        }
        let kept: Vec<usize> = self
            .sizes(value)
            .into_iter()
            .enumerate()
            .filter(|(i, _)| !over.contains(&(i + 1)))
            .map(|(_, size)| size)
            .collect();
        self.reshaped_view(call, value, &kept)
    }

    pub(super) fn pad(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let mode = match call.text("mode")?.unwrap_or("constant") {
            "constant" => None,
            "reflect" => Some(PadMode::Reflect),
            "edge" => Some(PadMode::Replicate),
            "wrap" => Some(PadMode::Circular),
            other => return Err(format!("mode is `{other}`, expected constant, reflect, edge or wrap")),
        };
        let told: Vec<i64> = match call.integers(1)? {
            Some(pads) => pads.into_iter().collect::<Option<_>>().ok_or("its pads are not known")?,
            None => call.ints("pads")?.ok_or("it has no pads")?.to_vec(),
        };
        let rank = self.sizes(value).len() + 1;
        let over = match call.integers(3)? {
            Some(list) => {
                axes(&list.into_iter().collect::<Option<Vec<_>>>().ok_or("its axes are not known")?, rank)?
            }
            None => (0..rank).collect(),
        };
        if told.len() != 2 * over.len() {
            return Err(format!("{} pads for {} axes, expected two for each", told.len(), over.len()));
        }
        let mut all = vec![0; 2 * rank];
        for (i, &axis) in over.iter().enumerate() {
            all[axis] = told[i];
            all[rank + axis] = told[over.len() + i];
        }
        if all.iter().all(|&pad| pad == 0) {
            return self.alias(call, 0);
        }
        let pads = match (&all[..], value.order) {
            (&[0, 0, top, left, 0, 0, bottom, right], Order::ChannelsFirst)
            | (&[0, top, left, 0, 0, bottom, right, 0], Order::ChannelsLast) => [top, left, bottom, right],
            _ => return Err(format!("pads are {all:?}, expected them at height and width of a map")),
        };
        let (value, pads) = self.cropped(call, value, pads)?;
        if pads == [0; 4] {
            return Ok(Known::Value(value));
        }
        let [top, left, bottom, right] = sides(&pads)?;
        if let Some(mode) = mode {
            return self.push_on(call, Pad2d { mode, left, right, top, bottom }, value, Vec::new());
        }
        let border = ConstantPad2d { left, right, top, bottom, value: call.number(2, "value", 0.0)? };
        self.push_on(call, border, value, Vec::new())
    }

    /// What is left of a map where pads are below zero, and the pads that are not.
    fn cropped(
        &mut self,
        call: &Call<'_>,
        value: Value,
        pads: [i64; 4],
    ) -> Result<(Value, [i64; 4]), String> {
        if pads.iter().all(|&pad| pad >= 0) {
            return Ok((value, pads));
        }
        let cut = |pad: i64| usize::try_from(pad.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let [top, left, bottom, right] = pads.map(cut);
        let shape = self.shape(value);
        let (height, width) = shape.spatial();
        let left_of = |size: usize, begin: usize, end: usize| {
            let length = size.checked_sub(begin).and_then(|rest| rest.checked_sub(end));
            let length = length.filter(|&length| length > 0);
            length
                .map(|length| Span { start: begin, step: 1, length })
                .ok_or_else(|| format!("pads {pads:?} of {shape}"))
        };
        let (rows, columns) = (left_of(height, top, bottom)?, left_of(width, left, right)?);
        let slice = Slice { rows, columns, ..Slice::channels(0..shape.channels(), shape) };
        let path = format!("{}.crop", self.path(call));
        let layer = self.draft.push(slice, &[value.layer], path, Vec::new())?;
        Ok((Value { layer, shared: false, ..value }, pads.map(|pad| pad.max(0))))
    }

    pub(super) fn batch_norm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        if call.int("training_mode", 0)? != 0 || call.int("spatial", 1)? != 1 {
            return Err(
                "it is in training mode, or not by channel; export the model in inference mode".into()
            );
        }
        let eps = call.float("epsilon", 1e-5)?;
        let names = ["scale", "bias", "mean", "variance"];
        let mut weights = Vec::new();
        for (i, name) in names.into_iter().enumerate() {
            weights.push(call.needed(i + 1, name)?.clone());
        }
        let shape = self.shape(value);
        if let Shape::Map { .. } = shape {
            // PyTorch's momentum is the share of the new statistics, ONNX's that of the old.
            let momentum = 1.0 - call.float("momentum", 0.9)?;
            return self.push(call, BatchNorm2d { eps, momentum }, &[value.layer], weights);
        }
        let mut vectors = Vec::new();
        for (weight, name) in weights.iter().zip(names) {
            if weight.shape != [shape.channels()] {
                return Err(format!(
                    "its {name} has shape {:?}, expected [{}]",
                    weight.shape,
                    shape.channels()
                ));
            }
            vectors.push(weight.floats(self.model)?);
        }
        let scale: Vec<f32> = vectors[0]
            .iter()
            .zip(&vectors[3])
            .map(|(scale, variance)| scale / (variance + eps).sqrt())
            .collect();
        let shift = (0..scale.len()).map(|i| vectors[1][i] - vectors[2][i] * scale[i]).collect();
        self.affine(call, value, (scale, shift)).map(Known::Value)
    }

    pub(super) fn local_response(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let size = call.int("size", 0)?;
        if size < 1 || size % 2 == 0 {
            // PyTorch's window of an even size has its odd channel at the other end.
            return Err(format!("size is {size}, expected an odd number"));
        }
        let norm = LocalResponseNorm {
            size: size as usize,
            alpha: call.float("alpha", 1e-4)?,
            beta: call.float("beta", 0.75)?,
            k: call.float("bias", 1.0)?,
        };
        self.layer(call, norm)
    }

    pub(super) fn softmax(&mut self, call: &Call<'_>, op: Op) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let (shape, sizes) = (self.shape(value), self.sizes(value));
        let coerced = call.opset < 13;
        let along = axis(call.int("axis", if coerced { 1 } else { -1 })?, sizes.len() + 1)?;
        let channels = if value.order == Order::ChannelsLast { 3 } else { 1 };
        // Before version 13 it was over all elements from an axis on.
        let fits = match along {
            0 => false,
            _ if coerced => {
                shape.channels() == shape.elements() && sizes[..along - 1].iter().all(|&size| size == 1)
            }
            _ => along == channels,
        };
        if fits {
            return self.push_on(call, op, value, Vec::new());
        }
        if along == 0 {
            return Err("over the images".into());
        }
        if coerced {
            // All elements from an axis on as one vector, if nothing but the images stands before it.
            if sizes[..along - 1].iter().any(|&size| size > 1) || value.order != Order::ChannelsFirst {
                let view = self.view(call, value)?;
                return self.softmax_of(call, &view).map(|view| self.known(view));
            }
            let path = self.path(call);
            let flat = self.draft.push(Op::Flatten, &[value.layer], path.clone(), Vec::new())?;
            let flat = self.draft.push(op, &[flat], path, Vec::new())?;
            return self.reshaped_view(call, Value::plain(flat), &sizes);
        }
        // Rows or columns change places with the channels and back.
        let dim = if channels == 1 { along } else { along + 1 };
        let dims = if dim == 2 { [2, 1, 3] } else { [3, 2, 1] };
        let path = self.path(call);
        let turned = self.draft.push(Permute { dims }, &[value.layer], path.clone(), Vec::new())?;
        let soft = self.draft.push(op, &[turned], path.clone(), Vec::new())?;
        let back = self.draft.push(Permute { dims }, &[soft], path, Vec::new())?;
        Ok(Known::Value(Value { layer: back, shared: false, ..value }))
    }
}
