//! Operators on maps: convolutions, poolings, borders, normalizations.

use super::call::{Call, Known, Order, axes, axis};
use super::importer::Importer;
use super::window::{Sliding, sides};
use crate::graph::{Shape, Size2};
use crate::ops::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, ConstantPad2d, Conv2d, LocalResponseNorm, MaxPool2d, Op,
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
    fn border(&mut self, call: &Call<'_>, layer: usize, border: ConstantPad2d) -> Result<usize, String> {
        let path = format!("{}.pad", self.path(call));
        self.draft.push(border, &[layer], path, Vec::new())
    }

    /// What a pooling reads, and its windows.
    fn pooling(&self, call: &Call<'_>) -> Result<(usize, Sliding), String> {
        let layer = self.input(call, 0)?.layer;
        let sliding = Sliding::of(call, None, self.draft.shape(layer))?;
        if sliding.dilation != 1.into() {
            return Err(format!("dilations are {}, expected 1", sliding.dilation));
        }
        Ok((layer, sliding))
    }

    pub(super) fn max_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let (mut layer, mut sliding) = self.pooling(call)?;
        let shape = self.draft.shape(layer);
        sliding = sliding.narrowed(shape.spatial())?;
        let found = match sliding.symmetric(shape, true)? {
            None => {
                let border;
                (border, sliding) = sliding.reaching(shape.spatial())?.split(f32::NEG_INFINITY);
                layer = self.border(call, layer, border)?;
                sliding.symmetric(self.draft.shape(layer), true)?
            }
            found => found,
        };
        let (padding, ceil_mode) =
            found.ok_or("no padding that is the same on opposite sides has its windows")?;
        let pool = MaxPool2d { kernel: sliding.kernel, stride: sliding.stride, padding, ceil_mode };
        self.push(call, pool, &[layer], Vec::new())
    }

    pub(super) fn average_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let (layer, sliding) = self.pooling(call)?;
        let count_include_pad = call.int("count_include_pad", 0)? != 0;
        let [top, left, bottom, right] = sliding.pads;
        let even = (top, left) == (bottom, right);
        // Where padding counts, it must be there on the other side too.
        let found = match even || !count_include_pad {
            true => sliding.symmetric(self.draft.shape(layer), true)?,
            false => None,
        };
        let (padding, padding_end, ceil_mode) = match found {
            Some((padding, ceil_mode)) => (padding, None, ceil_mode),
            None => (Size2 { h: top, w: left }, Some(Size2 { h: bottom, w: right }), sliding.ceil_mode),
        };
        let (kernel, stride) = (sliding.kernel, sliding.stride);
        let pool = AvgPool2d { kernel, stride, padding, padding_end, ceil_mode, count_include_pad };
        self.push(call, pool, &[layer], Vec::new())
    }

    /// A mean, or a maximum, over height and width.
    pub(super) fn reduce(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let Shape::Map { height, width, .. } = self.shape(value) else {
            return Err("it reduces a vector, expected a map".into());
        };
        let mut over = axes(&call.axes(1)?.unwrap_or_default(), 4)?;
        over.sort_unstable();
        let plane = if value.order == Order::ChannelsLast { [1, 2] } else { [2, 3] };
        if over != plane {
            return Err(format!(
                "over axes {over:?}, expected height and width: {} and {}",
                plane[0], plane[1]
            ));
        }
        let op: Op = match call.op() {
            "ReduceMax" => MaxPool2d::new((height, width)).into(),
            _ => AdaptiveAvgPool2d { height: 1, width: 1 }.into(),
        };
        let reduced = self.push_on(call, op, value, Vec::new())?;
        match (reduced, call.int("keepdims", 1)?) {
            (Known::Value(reduced), 0) => self.push(call, Op::Flatten, &[reduced.layer], Vec::new()),
            (reduced, _) => Ok(reduced),
        }
    }

    pub(super) fn pad(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        if let Some(mode @ ("reflect" | "edge" | "wrap")) = call.text("mode")? {
            return Err(format!("mode is `{mode}`, expected `constant`"));
        }
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
        let [top, left, bottom, right] = sides(&pads)?;
        let border = ConstantPad2d { left, right, top, bottom, value: call.number(2, "value", 0.0)? };
        self.push_on(call, border, value, Vec::new())
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
        self.affine(call, value, (scale, shift))
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
        if !fits {
            return Err(format!("over axis {along} of {shape}, expected the channels alone"));
        }
        self.push_on(call, op, value, Vec::new())
    }
}
