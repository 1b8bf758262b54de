//! Nodes become layers, each by the operator that it names.
//!
//! Source: <https://onnx.ai/onnx/operators/>, which tells what changed with each version.

use std::collections::HashMap;

use convnet_formats::onnx::read::{Model, Node};

use super::call::{Call, Known, Order, Value};
use super::constant::Constant;
use super::draft::NetworkDraft;
use super::fold::{fold, is_real};
use super::shown;
use crate::graph::Shape;
use crate::ops::{AdaptiveAvgPool2d, Dropout, Hardtanh, LeakyRelu, MaxPool2d, Op};
use crate::zoo;

/// What turns nodes into layers.
pub(super) struct Importer<'a> {
    pub(super) model: &'a Model,
    pub(super) opset: i64,
    /// The batch that the model was exported for, where it is fixed.
    pub(super) batch: Option<usize>,
    pub(super) draft: NetworkDraft,
    pub(super) names: HashMap<String, Known>,
    /// How often each name is read.
    pub(super) uses: HashMap<&'a str, usize>,
    /// Bytes that computed constants may still take, and that they may take in all.
    pub(super) room: usize,
    pub(super) most: usize,
}

/// What all computed constants may take in memory: this, and so many times what the file's own take, since weights that are
/// standardized go through several steps; in all no more than the last.
const ROOM: usize = 64 << 20;
const STEPS: usize = 12;
const MOST: usize = 2 << 30;

/// Bytes that the computed constants of a model may take.
pub(super) fn room(model: &Model) -> usize {
    let stored = model.initializers.iter().map(|tensor| tensor.shape.iter().product::<usize>());
    let bytes = stored.fold(0usize, usize::saturating_add).saturating_mul(size_of::<f32>());
    bytes.saturating_mul(STEPS).saturating_add(ROOM).min(MOST)
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
        let mut call = Call { model: self.model, node, inputs, opset: self.opset };
        let results = self.results(&mut call)?;
        if node.outputs.first().is_none_or(String::is_empty) && results.len() == 1 {
            return Err("it has no output".into());
        }
        let mut results = results.into_iter();
        for output in &node.outputs {
            let result = results.next();
            if output.is_empty() {
                continue;
            }
            let Some(result) = result else {
                if self.uses.contains_key(output.as_str()) {
                    return Err(format!("its output `{}` is read, which no layer gives", shown(output)));
                }
                continue;
            };
            if self.names.insert(output.clone(), result).is_some() {
                return Err(format!("it gives `{}`, which is there already", shown(output)));
            }
        }
        Ok(())
    }

    /// What a node gives.
    fn results(&mut self, call: &mut Call<'a>) -> Result<Vec<Known>, String> {
        if let Some(known) = self.apart(call)? {
            return Ok(known);
        }
        if let Some(known) = self.strided(call)? {
            return Ok(vec![known]);
        }
        if let Some(parts) = self.split(call)? {
            return Ok(parts);
        }
        if let Some(channels) = self.channels(call)? {
            return Ok(vec![channels]);
        }
        if let Some(view) = self.viewed(call)? {
            return Ok(vec![view]);
        }
        if let Some(lifted) = self.lifted(call)? {
            return Ok(vec![lifted]);
        }
        self.settle_inputs(call)?;
        self.apply(call).map(|result| vec![result])
    }

    /// Gives channels and elements under other axes that a node reads a layer of their own.
    pub(super) fn settle_inputs(&mut self, call: &mut Call<'_>) -> Result<(), String> {
        for (name, input) in call.node.inputs.iter().zip(&mut call.inputs) {
            let Some(known @ (Known::Channels(_) | Known::View(_))) = input else { continue };
            // It may stand twice among the inputs.
            let known = self.names.get(name).unwrap_or(known).clone();
            let settled = self.settled(&known)?.map_or(known, Known::Value);
            self.names.insert(name.clone(), settled.clone());
            *input = Some(settled);
        }
        Ok(())
    }

    /// Channels, or elements under other axes, as a layer gives them; `None` for what is no such thing.
    fn settled(&mut self, known: &Known) -> Result<Option<Value>, String> {
        match known {
            Known::Channels(channels) => self.settle(channels).map(Some),
            Known::View(view) => self.settled_view(view).map(Some),
            Known::Value(_) | Known::Constant(_) | Known::Apart(_) | Known::Row(_) | Known::Places(_) => {
                Ok(None)
            }
        }
    }

    /// Takes bytes of what is computed from the room for it.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            format!("computed constants take more than {} MiB; simplify the model first", self.most >> 20)
        })?;
        Ok(())
    }

    /// The layer of the model's output, and its sizes where they are not those of a vector or a map.
    pub(super) fn result(&mut self, name: &str) -> Result<(usize, Option<Vec<usize>>), String> {
        let known = self.names.get(name).cloned();
        if let Some(Known::View(view)) = &known
            && view.is_lifted()
        {
            let axes = view.axes.sizes.clone();
            let target = match axes[..] {
                [] => vec![1],
                [first, ref rest @ ..] => vec![first, rest.iter().product(), 1],
            };
            let value = self.settle_view(view, &target)?;
            return Ok((value.layer, Some(axes)));
        }
        if let Some(known) = known
            && let Some(settled) = self.settled(&known)?
        {
            self.names.insert(name.to_owned(), Known::Value(settled));
        }
        match self.names.get(name) {
            Some(Known::Value(Value { layer, order: Order::ChannelsFirst, .. })) => Ok((*layer, None)),
            Some(Known::Value(_)) => {
                Err(format!("its output `{}` has channels last, expected them first", shown(name)))
            }
            Some(Known::Constant(_)) => {
                Err(format!("its output `{}` does not depend on the images", shown(name)))
            }
            Some(Known::Apart(_)) => {
                Err(format!("its output `{}` has its images behind another axis", shown(name)))
            }
            Some(Known::Row(_) | Known::Places(_)) => {
                Err(format!("its output `{}` has its images not apart", shown(name)))
            }
            Some(Known::Channels(_) | Known::View(_)) | None => {
                Err(format!("its output `{}` is given by no node", shown(name)))
            }
        }
    }

    pub(super) fn apply(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let constants: Option<Vec<&Constant>> =
            (0..call.inputs.len()).filter(|&i| call.inputs[i].is_some()).map(|i| call.constant(i)).collect();
        if let Some(constants) = constants {
            if let Some(known) = self.for_each_image(call)? {
                return Ok(known);
            }
            let folded = fold(call, &constants)?.ok_or("it is not computed on constants")?;
            self.spend(folded.own_bytes())?;
            return Ok(Known::Constant(folded));
        }
        if let Some(function) = self.function(call)? {
            return self.element_wise(call, function);
        }
        match call.op() {
            "Conv" => self.convolution(call),
            "ConvTranspose" => self.transposed_convolution(call),
            "MaxPool" => self.max_pool(call),
            "AveragePool" => self.average_pool(call),
            "GlobalAveragePool" => self.layer(call, AdaptiveAvgPool2d { height: 1, width: 1 }),
            "GlobalMaxPool" => {
                let (height, width) = self.shape(self.input(call, 0)?).spatial();
                self.layer(call, MaxPool2d::new((height, width)))
            }
            "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare" | "ReduceL1"
            | "ReduceL2" => self.reduce(call),
            "LpPool" | "GlobalLpPool" => self.lp_pool(call),
            "BatchNormalization" => self.batch_norm(call),
            "LRN" => self.local_response(call),
            "LayerNormalization" => self.layer_norm(call),
            "InstanceNormalization" => self.instance_norm(call),
            "GroupNormalization" => self.group_normalization(call),
            "PRelu" => self.prelu(call),
            "ThresholdedRelu" | "Shrink" | "Swish" => self.pieces(call),
            "RMSNormalization" | "LpNormalization" => self.by_norm(call),
            "Tile" => self.tile(call),
            "Pow" => self.power(call),
            "Neg" => self.negative(call),
            "Selu" => self.selu(call),
            "Mean" => self.mean(call),
            "Resize" | "Upsample" => self.resize(call),
            "Expand" => self.expand(call),
            "DepthToSpace" => self.depth_to_space(call),
            "SpaceToDepth" => self.space_to_depth(call),
            "Relu" => self.element_wise(call, Op::Relu),
            "LeakyRelu" => {
                let slope = call.float("alpha", 0.01)?;
                self.element_wise(call, if slope == 0.0 { Op::Relu } else { LeakyRelu { slope }.into() })
            }
            "Clip" => {
                let min = call.number(1, "min", f32::NEG_INFINITY)?;
                let max = call.number(2, "max", f32::INFINITY)?;
                let relu = min == 0.0 && max >= f32::MAX;
                if min > max {
                    // The upper bound is the last word.
                    let above = self.value(call, 0)?;
                    let above =
                        self.give_on(call, Hardtanh { min, max: f32::INFINITY }, above, Vec::new())?;
                    return self.push_on(call, Hardtanh { min: f32::NEG_INFINITY, max }, above, Vec::new());
                }
                self.element_wise(call, if relu { Op::Relu } else { Hardtanh { min, max }.into() })
            }
            "Sigmoid" => self.element_wise(call, Op::Sigmoid),
            "Tanh" => self.element_wise(call, Op::Tanh),
            "Dropout" => {
                call.refuse_training()?;
                let p = match call.opset {
                    ..12 => call.float("ratio", 0.5)?,
                    _ => call.number(1, "ratio", 0.5)?,
                };
                self.element_wise(call, Dropout { p })
            }
            "CastLike" if call.constant(0).is_some() => {
                Ok(call.inputs[0].clone().ok_or("it has no input")?)
            }
            "Cast" if !is_real(call)? => Err("to whole numbers, which no layer does".into()),
            "Identity" | "Cast" | "CastLike" => self.alias(call, 0),
            "Softmax" => self.softmax(call, Op::Softmax),
            "LogSoftmax" => self.softmax(call, Op::LogSoftmax),
            "Gemm" => self.gemm(call),
            "MatMul" => self.matmul(call),
            "Add" | "Sum" | "Sub" | "Mul" | "Div" | "Max" | "Min" => self.arithmetic(call),
            "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "Equal" | "And" | "Or" | "Not"
            | "Where" => self.computed(call),
            "Concat" => self.concat(call),
            "Flatten" => self.flatten(call),
            "Reshape" => self.reshape(call),
            "Squeeze" => self.squeeze(call),
            "Unsqueeze" => self.unsqueeze(call),
            "Transpose" => self.transpose(call),
            "Shape" => self.shape_constant(call),
            "Pad" => self.pad(call),
            "Slice" => self.cut(call),
            "Gather" => self.gather(call),
            _ => Err("no layer computes it on what depends on the images".into()),
        }
    }

    /// An input that a layer gives.
    pub(super) fn value(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        match call.inputs.get(input) {
            Some(Some(Known::Value(value))) => Ok(*value),
            Some(Some(Known::Constant(_))) => {
                Err(format!("input {input} is a constant, expected what depends on the images"))
            }
            Some(Some(_) | None) | None => Err(format!("it has no input {input}")),
        }
    }

    /// An input with its channels first.
    pub(super) fn input(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        let value = self.value(call, input)?;
        if value.order != Order::ChannelsFirst {
            return Err(
                "it reads a map whose channels were put last, expected them first, as ONNX has them".into()
            );
        }
        Ok(value)
    }

    /// An input with its channels first or last, but not a vector of a map that had them last.
    pub(super) fn map_or_vector(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        let value = self.value(call, input)?;
        match value.order {
            Order::ChannelsFirst | Order::ChannelsLast => Ok(value),
            Order::Flattened(_) => {
                Err("it reads a vector of a map whose channels were put last, which only a Gemm may".into())
            }
        }
    }

    /// Whether all inputs are values of one order, and of as many axes.
    pub(super) fn are_alike(&self, call: &Call<'_>) -> bool {
        self.alike(call).is_ok()
    }

    /// Inputs of one order, and as many axes.
    pub(super) fn alike(&self, call: &Call<'_>) -> Result<Vec<Value>, String> {
        let values: Vec<Value> =
            (0..call.inputs.len()).map(|i| self.map_or_vector(call, i)).collect::<Result<_, _>>()?;
        let first = values.first().ok_or("it has no input")?;
        let rank = self.sizes(*first).len();
        if values.iter().any(|value| value.order != first.order || self.sizes(*value).len() != rank) {
            return Err("it reads maps and vectors, or maps whose channels are first and last".into());
        }
        Ok(values)
    }

    pub(super) fn shape(&self, value: Value) -> Shape {
        self.draft.shape(value.layer)
    }

    /// What the network calls a layer: by the name of its weights, or else of the node.
    pub(super) fn path(&self, call: &Call<'_>) -> String {
        let named = call.node.inputs.iter().enumerate().find_map(|(i, name)| {
            let path = name.strip_suffix(".weight")?;
            let path = zoo::current_name(path).unwrap_or_else(|| path.to_owned());
            call.constant(i).filter(|_| !path.is_empty()).map(|_| path)
        });
        let own = || Some(module(&call.node.name)).filter(|path| !path.is_empty());
        let output = || call.node.outputs.first().map(|name| module(name)).filter(|path| !path.is_empty());
        shown(&named.or_else(own).or_else(output).unwrap_or_else(|| call.op().to_lowercase()))
    }

    pub(super) fn push(
        &mut self,
        call: &Call<'_>,
        op: impl Into<Op>,
        inputs: &[usize],
        weights: Vec<Constant>,
    ) -> Result<Known, String> {
        let path = self.path(call);
        Ok(Known::Value(Value::plain(self.draft.push(op, inputs, path, weights)?)))
    }

    /// A layer whose output has the order of its input.
    pub(super) fn push_on(
        &mut self,
        call: &Call<'_>,
        op: impl Into<Op>,
        input: Value,
        weights: Vec<Constant>,
    ) -> Result<Known, String> {
        self.give_on(call, op, input, weights).map(Known::Value)
    }

    /// The same as a value, for what follows in the same node.
    pub(super) fn give_on(
        &mut self,
        call: &Call<'_>,
        op: impl Into<Op>,
        input: Value,
        weights: Vec<Constant>,
    ) -> Result<Value, String> {
        let path = self.path(call);
        let layer = self.draft.push(op, &[input.layer], path, weights)?;
        Ok(Value { layer, order: input.order, shared: false })
    }

    /// A layer without weights on the first input.
    pub(super) fn layer(&mut self, call: &Call<'_>, op: impl Into<Op>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        self.push(call, op, &[value.layer], Vec::new())
    }

    /// A layer that treats all elements alike, whatever their order.
    pub(super) fn element_wise(&mut self, call: &Call<'_>, op: impl Into<Op>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        self.push_on(call, op, value, Vec::new())
    }

    /// The input under another name.
    pub(super) fn alias(&self, call: &Call<'_>, input: usize) -> Result<Known, String> {
        self.renamed(call, input).map(Known::Value)
    }

    /// The same as a value.
    pub(super) fn renamed(&self, call: &Call<'_>, input: usize) -> Result<Value, String> {
        let value = self.value(call, input)?;
        let shared = value.shared || self.uses.get(call.node.inputs[input].as_str()).is_some_and(|&n| n > 1);
        Ok(Value { shared, ..value })
    }

    /// Whether nobody else reads an input, so that its layer may be changed.
    pub(super) fn is_sole(&self, call: &Call<'_>, input: usize, value: Value) -> bool {
        !value.shared && self.uses.get(call.node.inputs[input].as_str()) == Some(&1)
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
}
