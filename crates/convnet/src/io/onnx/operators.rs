//! Each of ONNX's operators as a layer, or as part of the one before it.
//!
//! Source: <https://onnx.ai/onnx/operators/>, which tells what changed with each version.

use std::collections::HashMap;

use convnet_formats::onnx::read::{Attribute, Model, Node, Tensor};

use super::super::names::canonical;
use super::constant::Constant;
use super::draft::Draft;
use super::fold::{fold, shape_of};
use super::import::shown;
use super::window::{Sliding, sides};
use crate::graph::{Shape, Size2};
use crate::ops::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, ConstantPad2d, Conv2d, Dropout, Hardtanh, LeakyRelu, Linear,
    LocalResponseNorm, MaxPool2d, Op,
};

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// What a layer gives.
    Value(Value),
    /// What does not depend on the images.
    Constant(Constant),
}

/// A layer's output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    layer: usize,
    order: Order,
    /// Whether another name for it is read by others.
    shared: bool,
}

/// The order of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
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
    node: &'a Node,
    /// `None` where an optional input is left out.
    inputs: Vec<Option<Known>>,
    opset: i64,
}

impl Call<'_> {
    pub(super) fn op(&self) -> &str {
        &self.node.op
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.node.attributes.contains_key(name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Int(value)) => Ok(*value),
            Some(other) => Err(format!("{name} is {other:?}, expected a whole number")),
        }
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(other) => Err(format!("{name} is {other:?}, expected a real number")),
        }
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>, String> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Ints(values)) => Ok(Some(values)),
            Some(other) => Err(format!("{name} is {other:?}, expected whole numbers")),
        }
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&[f32]>, String> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Floats(values)) => Ok(Some(values)),
            Some(other) => Err(format!("{name} is {other:?}, expected real numbers")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Text(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{name} is {other:?}, expected text")),
        }
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&Tensor>, String> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Tensor(tensor)) => Ok(Some(tensor)),
            Some(other) => Err(format!("{name} is {other:?}, expected a tensor")),
        }
    }

    /// An input that is a constant.
    pub(super) fn constant(&self, input: usize) -> Option<&Constant> {
        match self.inputs.get(input) {
            Some(Some(Known::Constant(constant))) => Some(constant),
            _ => None,
        }
    }

    /// An input that must be a constant, if it is there.
    fn weight(&self, input: usize, what: &str) -> Result<Option<&Constant>, String> {
        match self.inputs.get(input) {
            Some(Some(Known::Constant(constant))) => Ok(Some(constant)),
            Some(Some(Known::Value(_))) => {
                Err(format!("its {what} depends on the images, expected a constant"))
            }
            Some(None) | None => Ok(None),
        }
    }

    fn needed(&self, input: usize, what: &str) -> Result<&Constant, String> {
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
    fn number(&self, input: usize, name: &str, default: f32) -> Result<f32, String> {
        match self.weight(input, name)? {
            Some(constant) if constant.len() == 1 => Ok(constant.floats(self.model)?[0]),
            Some(constant) => Err(format!("its {name} has shape {:?}, expected one number", constant.shape)),
            None => self.float(name, default),
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
    let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = from_start.and_then(|axis| usize::try_from(axis).ok()).filter(|&axis| axis < rank);
    found.ok_or_else(|| format!("axis {axis} of {rank}"))
}

/// Axes that all differ.
pub(super) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let found = list.iter().map(|&i| axis(i, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = found.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == found.len() { Ok(found) } else { Err(format!("axes {list:?} have one twice")) }
}

/// What turns nodes into layers.
pub(super) struct Importer<'a> {
    pub(super) model: &'a Model,
    pub(super) opset: i64,
    /// The batch that the model was exported for, where it is fixed.
    pub(super) batch: Option<usize>,
    pub(super) draft: Draft,
    pub(super) names: HashMap<String, Known>,
    /// How often each name is read.
    pub(super) uses: HashMap<&'a str, usize>,
}

impl<'a> Importer<'a> {
    /// Takes the next node in.
    pub(super) fn node(&mut self, node: &'a Node) -> Result<(), String> {
        if !node.domain.is_empty() && node.domain != "ai.onnx" {
            return Err(format!(
                "it is of the set `{}`, only ONNX's own operators are known",
                shown(&node.domain)
            ));
        }
        let known = |name: &String| match self.names.get(name) {
            _ if name.is_empty() => Ok(None),
            Some(known) => Ok(Some(known.clone())),
            None => Err(format!("it reads `{}`, which nothing before it gives", shown(name))),
        };
        let inputs = node.inputs.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let call = Call { model: self.model, node, inputs, opset: self.opset };
        let result = self.apply(&call)?;
        let mut outputs = node.outputs.iter();
        let output = outputs.next().filter(|name| !name.is_empty()).ok_or("it has no output")?;
        if let Some(other) = outputs.find(|name| !name.is_empty() && self.uses.contains_key(name.as_str())) {
            return Err(format!("its second output `{}` is read, which no layer gives", shown(other)));
        }
        if self.names.insert(output.clone(), result).is_some() {
            return Err(format!("it gives `{}`, which is there already", shown(output)));
        }
        Ok(())
    }

    /// The layer of the model's output.
    pub(super) fn result(&self, name: &str) -> Result<usize, String> {
        match self.names.get(name) {
            Some(Known::Value(Value { layer, order: Order::ChannelsFirst, .. })) => Ok(*layer),
            Some(Known::Value(_)) => {
                Err(format!("its output `{}` has channels last, expected them first", shown(name)))
            }
            Some(Known::Constant(_)) => {
                Err(format!("its output `{}` does not depend on the images", shown(name)))
            }
            None => Err(format!("its output `{}` is given by no node", shown(name))),
        }
    }

    fn apply(&mut self, call: &Call<'a>) -> Result<Known, String> {
        let constants: Option<Vec<&Constant>> =
            (0..call.inputs.len()).filter(|&i| call.inputs[i].is_some()).map(|i| call.constant(i)).collect();
        if let Some(constants) = constants {
            let folded = fold(call, &constants)?.ok_or("it is not computed on constants")?;
            return Ok(Known::Constant(folded));
        }
        match call.op() {
            "Conv" => self.convolution(call),
            "MaxPool" => self.max_pool(call),
            "AveragePool" => self.average_pool(call),
            "GlobalAveragePool" => self.layer(call, AdaptiveAvgPool2d { height: 1, width: 1 }),
            "GlobalMaxPool" => {
                let (height, width) = self.shape(self.input(call, 0)?).spatial();
                self.layer(call, MaxPool2d::new((height, width)))
            }
            "ReduceMean" => self.reduce_mean(call),
            "BatchNormalization" => self.batch_norm(call),
            "LRN" => self.local_response(call),
            "Relu" => self.element_wise(call, Op::Relu),
            "LeakyRelu" => {
                let slope = call.float("alpha", 0.01)?;
                self.element_wise(call, if slope == 0.0 { Op::Relu } else { LeakyRelu { slope }.into() })
            }
            "Clip" => {
                let min = call.number(1, "min", f32::NEG_INFINITY)?;
                let max = call.number(2, "max", f32::INFINITY)?;
                let relu = min == 0.0 && max >= f32::MAX;
                self.element_wise(call, if relu { Op::Relu } else { Hardtanh { min, max }.into() })
            }
            "Sigmoid" => self.element_wise(call, Op::Sigmoid),
            "Tanh" => self.element_wise(call, Op::Tanh),
            "Dropout" => {
                let p = match call.opset {
                    ..12 => call.float("ratio", 0.5)?,
                    _ => call.number(1, "ratio", 0.5)?,
                };
                self.element_wise(call, Dropout { p })
            }
            "CastLike" if call.constant(0).is_some() => {
                Ok(call.inputs[0].clone().ok_or("it has no input")?)
            }
            "Identity" | "Cast" | "CastLike" => self.alias(call, 0),
            "Softmax" => self.softmax(call, Op::Softmax),
            "LogSoftmax" => self.softmax(call, Op::LogSoftmax),
            "Gemm" => self.gemm(call),
            "MatMul" => self.matmul(call),
            "Add" | "Sum" | "Sub" | "Mul" | "Div" => self.arithmetic(call),
            "Concat" => self.concat(call),
            "Flatten" => self.flatten(call),
            "Reshape" => self.reshape(call),
            "Squeeze" => self.squeeze(call),
            "Unsqueeze" => self.unsqueeze(call),
            "Transpose" => self.transpose(call),
            "Shape" => self.shape_constant(call),
            "Pad" => self.pad(call),
            _ => Err("no layer computes it on what depends on the images".into()),
        }
    }

    /// An input that a layer gives.
    fn value(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        match call.inputs.get(input) {
            Some(Some(Known::Value(value))) => Ok(*value),
            Some(Some(Known::Constant(_))) => {
                Err(format!("input {input} is a constant, expected what depends on the images"))
            }
            Some(None) | None => Err(format!("it has no input {input}")),
        }
    }

    /// An input with its channels first.
    fn input(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        let value = self.value(call, input)?;
        if value.order != Order::ChannelsFirst {
            return Err("it reads a map whose channels were put last, which is only supported before a Flatten and a Gemm".into());
        }
        Ok(value)
    }

    fn shape(&self, value: Value) -> Shape {
        self.draft.shape(value.layer)
    }

    /// What the network calls a layer: by the name of its weights, or else of the node.
    fn path(&self, call: &Call<'_>) -> String {
        let named = call.node.inputs.iter().enumerate().find_map(|(i, name)| {
            let path = canonical(name.strip_suffix(".weight")?);
            call.constant(i).filter(|_| !path.is_empty()).map(|_| path)
        });
        let own = || Some(module(&call.node.name)).filter(|path| !path.is_empty());
        let output = || call.node.outputs.first().map(|name| module(name)).filter(|path| !path.is_empty());
        shown(&named.or_else(own).or_else(output).unwrap_or_else(|| call.op().to_lowercase()))
    }

    fn push(
        &mut self,
        call: &Call<'_>,
        op: impl Into<Op>,
        inputs: &[usize],
        weights: Vec<Constant>,
    ) -> Result<Known, String> {
        let path = self.path(call);
        Ok(Known::Value(Value::plain(self.draft.push(op, inputs, path, weights)?)))
    }

    /// A layer without weights on the first input.
    fn layer(&mut self, call: &Call<'_>, op: impl Into<Op>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        self.push(call, op, &[value.layer], Vec::new())
    }

    /// A layer that treats all elements alike, whatever their order.
    fn element_wise(&mut self, call: &Call<'_>, op: impl Into<Op>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let path = self.path(call);
        let layer = self.draft.push(op, &[value.layer], path, Vec::new())?;
        Ok(Known::Value(Value { layer, order: value.order, shared: false }))
    }

    /// The input under another name.
    fn alias(&self, call: &Call<'_>, input: usize) -> Result<Known, String> {
        let value = self.value(call, input)?;
        let shared = value.shared || self.uses.get(call.node.inputs[input].as_str()).is_some_and(|&n| n > 1);
        Ok(Known::Value(Value { shared, ..value }))
    }

    /// Whether nobody else reads an input, so that its layer may be changed.
    fn is_sole(&self, call: &Call<'_>, input: usize, value: Value) -> bool {
        !value.shared && self.uses.get(call.node.inputs[input].as_str()) == Some(&1)
    }

    fn convolution(&mut self, call: &Call<'_>) -> Result<Known, String> {
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

    fn max_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut layer = self.input(call, 0)?.layer;
        let mut sliding = Sliding::of(call, None, self.draft.shape(layer))?;
        if sliding.dilation != 1.into() {
            return Err(format!("dilations are {}, expected 1", sliding.dilation));
        }
        let shape = self.draft.shape(layer);
        sliding = sliding.narrowed(shape.spatial())?;
        let found = match sliding.symmetric(shape, true)? {
            None => {
                let border;
                (border, sliding) = sliding.split(f32::NEG_INFINITY);
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

    fn average_pool(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut layer = self.input(call, 0)?.layer;
        let mut sliding = Sliding::of(call, None, self.draft.shape(layer))?;
        if sliding.dilation != 1.into() {
            return Err(format!("dilations are {}, expected 1", sliding.dilation));
        }
        let count_include_pad = call.int("count_include_pad", 0)? != 0;
        let [top, left, bottom, right] = sliding.pads;
        // Where padding counts, it must be there on the other side too.
        if count_include_pad && (top, left) != (bottom, right) {
            let border;
            (border, sliding) = sliding.split(0.0);
            layer = self.border(call, layer, border)?;
        }
        if !count_include_pad {
            sliding = sliding.narrowed(self.draft.shape(layer).spatial())?;
        }
        let (padding, ceil_mode) = sliding
            .symmetric(self.draft.shape(layer), true)?
            .ok_or("no padding that is the same on opposite sides has its windows, and what is padded does not count")?;
        let pool = AvgPool2d {
            kernel: sliding.kernel,
            stride: sliding.stride,
            padding,
            ceil_mode,
            count_include_pad,
        };
        self.push(call, pool, &[layer], Vec::new())
    }

    /// A mean over height and width.
    fn reduce_mean(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let Shape::Map { .. } = self.shape(value) else {
            return Err("it reduces a vector, expected a map".into());
        };
        let mut over = axes(&call.axes(1)?.unwrap_or_default(), 4)?;
        over.sort_unstable();
        if over != [2, 3] {
            return Err(format!("over axes {over:?}, expected height and width: 2 and 3"));
        }
        let mean = self.layer(call, AdaptiveAvgPool2d { height: 1, width: 1 })?;
        match (mean, call.int("keepdims", 1)?) {
            (Known::Value(mean), 0) => self.push(call, Op::Flatten, &[mean.layer], Vec::new()),
            (mean, _) => Ok(mean),
        }
    }

    fn batch_norm(&mut self, call: &Call<'_>) -> Result<Known, String> {
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

    fn local_response(&mut self, call: &Call<'_>) -> Result<Known, String> {
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

    fn softmax(&mut self, call: &Call<'_>, op: Op) -> Result<Known, String> {
        let shape = self.shape(self.input(call, 0)?);
        let rank = shape.dims().len() + 1;
        let coerced = call.opset < 13;
        let along = axis(call.int("axis", if coerced { 1 } else { -1 })?, rank)?;
        let whole = coerced && shape.spatial() != (1, 1);
        if along != 1 || whole {
            return Err(format!("over axis {along} of {shape}, expected the channels alone"));
        }
        self.layer(call, op)
    }

    /// y = α·x·B + β·C.
    fn gemm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        if call.int("transA", 0)? != 0 {
            return Err("its input is transposed".into());
        }
        let matrix = call.needed(1, "matrix")?;
        let matrix = if call.int("transB", 0)? == 0 { self.rows(matrix)? } else { matrix.clone() };
        let scaled = |constant: Constant, factor: f32| -> Result<Constant, String> {
            if factor == 1.0 {
                return Ok(constant);
            }
            let values = constant.floats(self.model)?.into_iter().map(|x| x * factor).collect();
            Ok(Constant::numbers(constant.shape.clone(), values))
        };
        let matrix = scaled(matrix, call.float("alpha", 1.0)?)?;
        let bias = match call.weight(2, "bias")?.filter(|bias| !bias.is_zero()) {
            None => None,
            Some(bias) => Some(scaled(
                self.vector(bias, matrix.shape.first().copied().unwrap_or(0))?,
                call.float("beta", 1.0)?,
            )?),
        };
        self.linear(call, matrix, bias)
    }

    fn matmul(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let matrix = self.rows(call.needed(1, "matrix")?)?;
        self.linear(call, matrix, None)
    }

    /// A matrix (I, O) as a Linear's weight (O, I).
    fn rows(&self, matrix: &Constant) -> Result<Constant, String> {
        match matrix.shape.len() {
            2 => Ok(matrix.permuted(&[1, 0])),
            _ => Err(format!("its matrix has shape {:?}, expected two dimensions", matrix.shape)),
        }
    }

    /// A constant that is added to each row, one number for each of `len` columns.
    fn vector(&self, constant: &Constant, len: usize) -> Result<Constant, String> {
        let columns = constant.shape.last().copied().unwrap_or(1);
        if constant.len() != columns || (columns != len && columns != 1) {
            return Err(format!("its bias has shape {:?}, expected [{len}]", constant.shape));
        }
        if columns == len {
            return Ok(constant.clone().reshaped(&[len]));
        }
        Ok(Constant::fill(vec![len], constant.floats(self.model)?[0]))
    }

    fn linear(&mut self, call: &Call<'_>, weight: Constant, bias: Option<Constant>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let &[out_features, features] = &weight.shape[..] else {
            return Err(format!("its matrix has shape {:?}, expected two dimensions", weight.shape));
        };
        let weight = match value.order {
            Order::ChannelsFirst => weight,
            Order::Flattened([channels, height, width]) if channels * height * width == features => weight
                .reshaped(&[out_features, height, width, channels])
                .permuted(&[0, 3, 1, 2])
                .reshaped(&[out_features, features]),
            Order::Flattened(_) => {
                return Err(format!("a matrix of {features} rows for {}", self.shape(value)));
            }
            Order::ChannelsLast => return Err("it multiplies along the channels of a map; use Conv".into()),
        };
        let linear = Linear { out_features, bias: bias.is_some() };
        self.push(call, linear, &[value.layer], [Some(weight), bias].into_iter().flatten().collect())
    }

    /// Sums of values; scales and shifts by constants.
    fn arithmetic(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let constants = (0..call.inputs.len()).filter(|&i| call.constant(i).is_some()).count();
        let sums = matches!(call.op(), "Add" | "Sum");
        if sums && constants == 0 {
            return self.sum(call);
        }
        if constants != 1 || call.inputs.len() != 2 {
            return Err(
                "no layer computes it on two values that depend on the images; one must be a constant".into(),
            );
        }
        let at = usize::from(call.constant(0).is_some());
        let value = self.input(call, at)?;
        let constant = call.needed(1 - at, "constant")?;
        let numbers = self.by_channel(constant, self.shape(value))?;
        let ones = vec![1.0; numbers.len()];
        let zeros = vec![0.0; numbers.len()];
        let negative = |numbers: Vec<f32>| numbers.into_iter().map(|x| -x).collect();
        let (scale, shift) = match (call.op(), at) {
            ("Mul", _) => (numbers, zeros),
            ("Div", 0) => (numbers.into_iter().map(f32::recip).collect(), zeros),
            ("Div", _) => return Err("it divides a constant by what depends on the images".into()),
            ("Sub", 0) => (ones, negative(numbers)),
            ("Sub", _) => (negative(ones), numbers),
            _ => (ones, numbers),
        };
        if self.is_sole(call, at, value) && self.merge(value.layer, &scale, &shift)? {
            return Ok(Known::Value(value));
        }
        self.affine(call, value, (scale, shift))
    }

    fn sum(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut total = self.input(call, 0)?;
        if call.inputs.len() == 1 {
            return self.alias(call, 0);
        }
        for i in 1..call.inputs.len() {
            let next = self.input(call, i)?;
            let Known::Value(sum) = self.push(call, Op::Add, &[total.layer, next.layer], Vec::new())? else {
                continue;
            };
            total = sum;
        }
        Ok(Known::Value(total))
    }

    /// A constant as a number for each channel of a value.
    fn by_channel(&self, constant: &Constant, shape: Shape) -> Result<Vec<f32>, String> {
        let (channels, rank) = (shape.channels(), shape.dims().len() + 1);
        let lead = rank.checked_sub(constant.shape.len());
        let fits = lead.is_some_and(|lead| {
            constant
                .shape
                .iter()
                .enumerate()
                .all(|(i, &size)| size == 1 || (lead + i == 1 && size == channels))
        });
        if !fits {
            return Err(format!(
                "by a constant of shape {:?}, expected a number, or one for each of {channels} channels",
                constant.shape
            ));
        }
        let values = constant.floats(self.model)?;
        Ok(if values.len() == channels { values } else { vec![values[0]; channels] })
    }

    /// Takes a scale and a shift by channel into the layer that gives the value, if it can.
    fn merge(&mut self, layer: usize, scale: &[f32], shift: &[f32]) -> Result<bool, String> {
        let layer = &mut self.draft.layers[layer];
        let channels = vec![scale.len()];
        let shifts_only = scale.iter().all(|&scale| scale == 1.0);
        match &mut layer.op {
            Op::Conv2d(Conv2d { bias, .. }) | Op::Linear(Linear { bias, .. }) if !*bias && shifts_only => {
                *bias = true;
                layer.weights.push(Constant::numbers(channels, shift.to_vec()));
            }
            Op::BatchNorm2d(_) | Op::Affine => {
                let weight = layer.weights[0].floats(self.model)?;
                let bias = layer.weights[1].floats(self.model)?;
                let bias =
                    bias.iter().zip(scale).zip(shift).map(|((b, scale), shift)| b * scale + shift).collect();
                let weight = weight.iter().zip(scale).map(|(w, scale)| w * scale).collect();
                layer.weights[0] = Constant::numbers(channels.clone(), weight);
                layer.weights[1] = Constant::numbers(channels, bias);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn affine(
        &mut self,
        call: &Call<'_>,
        value: Value,
        (scale, shift): (Vec<f32>, Vec<f32>),
    ) -> Result<Known, String> {
        let vector = |values: Vec<f32>| Constant::numbers(vec![values.len()], values);
        self.push(call, Op::Affine, &[value.layer], vec![vector(scale), vector(shift)])
    }

    fn concat(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut layers = Vec::new();
        for i in 0..call.inputs.len() {
            layers.push(self.input(call, i)?.layer);
        }
        let first = *layers.first().ok_or("it has no input")?;
        let rank = self.draft.shape(first).dims().len() + 1;
        let along = axis(call.int("axis", 1)?, rank)?;
        if along != 1 {
            return Err(format!("along axis {along}, expected 1: the channels"));
        }
        self.push(call, Op::Concat, &layers, Vec::new())
    }

    fn flatten(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let rank = self.shape(self.value(call, 0)?).dims().len() + 1;
        let at = axis(call.int("axis", 1)?, rank + 1)?;
        if at != 1 {
            return Err(format!("from axis {at} on, expected 1: all but the images"));
        }
        self.vectors(call)
    }

    /// A value as vectors.
    fn vectors(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let Shape::Map { channels, height, width } = self.shape(value) else { return self.alias(call, 0) };
        let path = self.path(call);
        let layer = self.draft.push(Op::Flatten, &[value.layer], path, Vec::new())?;
        let order = match value.order {
            Order::ChannelsLast if channels > 1 && height * width > 1 => {
                Order::Flattened([channels, height, width])
            }
            _ => Order::ChannelsFirst,
        };
        Ok(Known::Value(Value { layer, order, shared: false }))
    }

    /// A value's sizes without the images, in its order.
    fn sizes(&self, value: Value) -> Vec<usize> {
        match (self.shape(value), value.order) {
            (Shape::Map { channels, height, width }, Order::ChannelsLast) => vec![height, width, channels],
            (shape, _) => shape.dims(),
        }
    }

    fn reshape(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let told = call.integers(1)?.ok_or("it has no shape")?;
        let target = self.target(&told, &sizes, call.int("allowzero", 0)? != 0)?;
        self.shaped(call, value, &target, &sizes)
    }

    /// The sizes without the images that a shape asks for.
    fn target(&self, told: &[Option<i64>], sizes: &[usize], zeros: bool) -> Result<Vec<usize>, String> {
        let wrong = || {
            let told = told.iter().map(|size| size.map_or("N".into(), |size| size.to_string()));
            format!(
                "from (N, {sizes:?}) to ({}), expected the images to stay apart",
                told.collect::<Vec<_>>().join(", ")
            )
        };
        let count: usize = sizes.iter().product();
        let (images, rest) = told.split_first().ok_or_else(wrong)?;
        let batch = self.batch.map(|batch| batch as i64);
        if !(matches!(images, None | Some(-1)) || *images == batch || (*images == Some(0) && !zeros)) {
            return Err(wrong());
        }
        let mut target = Vec::new();
        let mut free = None;
        for (i, size) in rest.iter().enumerate() {
            target.push(match *size {
                Some(0) if !zeros => *sizes.get(i).ok_or_else(wrong)?,
                Some(-1) if free.is_none() && *images != Some(-1) => {
                    free = Some(i);
                    1
                }
                Some(size) => usize::try_from(size).map_err(|_| wrong())?,
                None => return Err(wrong()),
            });
        }
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        if let (Some(free), Some(known @ 1..)) = (free, product(&target)) {
            target[free] = count / known;
        }
        if product(&target) == Some(count) { Ok(target) } else { Err(wrong()) }
    }

    /// A value with other sizes, where a layer gives them.
    fn shaped(
        &mut self,
        call: &Call<'_>,
        value: Value,
        target: &[usize],
        sizes: &[usize],
    ) -> Result<Known, String> {
        if target == sizes {
            return self.alias(call, 0);
        }
        match (target, self.shape(value)) {
            ([_], _) => self.vectors(call),
            ([_, 1, 1], Shape::Vector { .. }) => self.layer(call, Op::Unflatten),
            _ => Err(format!(
                "from {sizes:?} to {target:?} for an image, which no layer does but Flatten and Unflatten"
            )),
        }
    }

    fn squeeze(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let dropped = match call.axes(1)? {
            Some(list) => axes(&list, sizes.len() + 1)?,
            None => (1..=sizes.len()).filter(|&i| sizes[i - 1] == 1).collect(),
        };
        if dropped.iter().any(|&i| i == 0 || sizes[i - 1] != 1) {
            return Err(format!("axes {dropped:?} of (N, {sizes:?}), expected sizes of 1"));
        }
        let kept: Vec<usize> =
            (0..sizes.len()).filter(|i| !dropped.contains(&(i + 1))).map(|i| sizes[i]).collect();
        self.shaped(call, value, &kept, &sizes)
    }

    fn unsqueeze(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let list = call.axes(1)?.ok_or("it has no axes")?;
        let rank = sizes.len() + 1 + list.len();
        let new = axes(&list, rank)?;
        let mut old = std::iter::once(0).chain(sizes.iter().copied());
        let all: Vec<usize> =
            (0..rank).map(|i| if new.contains(&i) { 1 } else { old.next().unwrap_or(1) }).collect();
        self.shaped(call, value, &all[1..], &sizes)
    }

    fn transpose(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let rank = self.sizes(value).len() + 1;
        let permutation = call.permutation(rank)?;
        let order = match (&permutation[..], value.order) {
            (same, order) if same.iter().enumerate().all(|(i, &axis)| i == axis) => order,
            ([0, 2, 3, 1], Order::ChannelsFirst) => Order::ChannelsLast,
            ([0, 3, 1, 2], Order::ChannelsLast) => Order::ChannelsFirst,
            _ => {
                let wanted = "expected one that puts the channels last or first again";
                return Err(format!("perm is {permutation:?}, {wanted}"));
            }
        };
        Ok(match self.alias(call, 0)? {
            Known::Value(value) => Known::Value(Value { order, ..value }),
            constant => constant,
        })
    }

    fn shape_constant(&self, call: &Call<'_>) -> Result<Known, String> {
        let sizes = self.sizes(self.value(call, 0)?);
        let sizes = std::iter::once(None).chain(sizes.iter().map(|&size| Some(size as i64)));
        Ok(Known::Constant(shape_of(call, sizes.collect())?))
    }

    fn pad(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
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
        let &[0, 0, top, left, 0, 0, bottom, right] = &all[..] else {
            return Err(format!("pads are {all:?}, expected them at height and width of a map"));
        };
        let [top, left, bottom, right] = sides(&[top, left, bottom, right])?;
        let value = call.number(2, "value", 0.0)?;
        self.layer(call, ConstantPad2d { left, right, top, bottom, value })
    }
}

/// The module that a node of PyTorch's exporters belongs to: `layer1.0.conv1` for `/layer1/layer1.0/conv1/Conv`; other
/// names stay as they are.
fn module(name: &str) -> String {
    let Some(rest) = name.strip_prefix('/') else { return name.to_owned() };
    let parts: Vec<&str> = rest.split('/').collect();
    let mut path: Vec<&str> = Vec::new();
    for part in parts[..parts.len() - 1].iter().filter(|part| !part.is_empty()) {
        let child =
            path.last().is_some_and(|last| part.strip_prefix(last).is_some_and(|rest| rest.starts_with('.')));
        if child {
            path.pop();
        }
        path.push(part);
    }
    if path.is_empty() { parts[parts.len() - 1].to_lowercase() } else { path.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_after_their_modules() {
        assert_eq!(module("/layer1/layer1.0/conv1/Conv"), "layer1.0.conv1");
        assert_eq!(module("/features/features.0/Conv"), "features.0");
        assert_eq!(module("/Flatten"), "flatten");
        assert_eq!(module("/"), "");
        assert_eq!(module("node_conv2d_1"), "node_conv2d_1");
    }

    #[test]
    fn axes_count_from_either_end() {
        assert_eq!(axes(&[0, -1], 4), Ok(vec![0, 3]));
        assert!(axis(4, 4).is_err() && axis(-5, 4).is_err() && axis(i64::MIN, 4).is_err());
        assert!(axes(&[1, -3], 4).is_err());
    }
}
