//! Networks as ONNX models, in inference form.

use std::path::Path;

use convnet_formats::onnx::{
    self, Attribute, AttributeKind, Dimension, DimensionSize, Model, Node, OperatorSet, Property,
    Shape as Dims, Tensor, TensorType, ValueInfo, ValueType,
};
use convnet_formats::{Entry, Number};

use super::super::write::elements;
use super::super::{IoError, ModelCard};
use crate::data::Preprocess;
use crate::graph::{Graph, NodeId, Shape, Size2};
use crate::ops::{AvgPool2d, Conv2d, Op, ParamSpec};
use crate::state::TensorSource;

/// Versions of ONNX's operators and of its format.
const OPSET: i64 = 17;
const IR: i64 = 8;
/// `TensorProto.FLOAT`.
const FLOAT: i32 = 1;
/// The names of what enters and what leaves.
const INPUT: &str = "input";
const OUTPUT: &str = "output";
/// The name of the images once their pixels are normalized.
const NORMALIZED: &str = "normalized";

/// Where the pixels' normalization goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// To the model's metadata: whoever runs the model normalizes.
    Metadata,
    /// To nodes of the model, which takes pixels from 0 to 1.
    Nodes,
}

/// Writes a network and its weights: images (N, C, H, W) in, the main output out, the batch's size free. Nodes have
/// the names of the layers, initializers those of the parameters; the card goes into the model's properties.
///
/// # Errors
/// If ONNX has no operator for a layer, a weight cannot be read, or the file cannot be written.
pub fn export(
    graph: &Graph,
    source: &dyn TensorSource,
    card: Option<&ModelCard>,
    normalization: Normalization,
    path: &Path,
) -> Result<(), IoError> {
    let output = graph.output();
    let live = graph.reachable(&[output]);
    let mut card = card.cloned();
    let (mut nodes, mut input) = (Vec::new(), INPUT);
    if let (Some(card), Normalization::Nodes) = (&mut card, normalization) {
        nodes = normalize(&card.preprocess);
        input = NORMALIZED;
        card.preprocess = card.preprocess.clone().without_normalization();
    }
    let exporter = Exporter { graph, input, output };
    let mut entries = Vec::new();
    for id in graph.ids().filter(|id| live[id.index()]) {
        nodes.extend(exporter.nodes(id)?);
        let mut specs = graph.node_parameters(id);
        if let (Op::Affine, Shape::Map { .. }) = (&graph.node(id).op, graph.node(id).shape) {
            // To be multiplied with maps.
            specs.iter_mut().for_each(|spec| spec.shape.extend([1, 1]));
        }
        let entry = |spec: ParamSpec| Entry { name: spec.name, shape: spec.shape, number: Number::F32 };
        entries.extend(specs.into_iter().map(entry));
    }
    let properties = card.as_ref().map(ModelCard::to_metadata).unwrap_or_default();
    let model = Model {
        ir_version: Some(IR),
        producer_name: Some("convnet".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        opset_import: vec![OperatorSet { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props: properties
            .into_iter()
            .map(|(key, value)| Property { key: Some(key), value: Some(value) })
            .collect(),
        graph: Some(onnx::Graph {
            node: nodes,
            name: Some(graph.name().into()),
            initializer: Vec::new(),
            input: vec![value(INPUT, graph.input_shape())],
            output: vec![value(OUTPUT, graph.node(output).shape)],
        }),
    };
    Ok(onnx::write(path, &model, &entries, |entry, out| elements(source, entry, out))?)
}

/// A value of a shape for any number of images.
fn value(name: &str, shape: Shape) -> ValueInfo {
    let sizes = shape.with_batch(1);
    let known = sizes[1..].iter().map(|&size| DimensionSize::Value(size as i64));
    let dim = std::iter::once(DimensionSize::Parameter("N".into()))
        .chain(known)
        .map(|size| Dimension { size: Some(size) })
        .collect();
    let tensor_type = Some(TensorType { elem_type: Some(FLOAT), shape: Some(Dims { dim }) });
    ValueInfo { name: Some(name.into()), kind: Some(ValueType { tensor_type }) }
}

fn int(name: &str, i: usize) -> Attribute {
    let kind = Some(AttributeKind::Int as i32);
    Attribute { name: Some(name.into()), i: Some(i as i64), kind, ..Attribute::default() }
}

fn ints(name: &str, ints: &[usize]) -> Attribute {
    let ints = ints.iter().map(|&i| i as i64).collect();
    Attribute {
        name: Some(name.into()),
        ints,
        kind: Some(AttributeKind::Ints as i32),
        ..Attribute::default()
    }
}

fn float(name: &str, f: f32) -> Attribute {
    let kind = Some(AttributeKind::Float as i32);
    Attribute { name: Some(name.into()), f: Some(f), kind, ..Attribute::default() }
}

fn pair(name: &str, size: Size2) -> Attribute {
    ints(name, &[size.h, size.w])
}

/// An operator with its inputs and its output, under the output's name.
fn operator(op: &str, input: Vec<String>, output: &str, attribute: Vec<Attribute>) -> Node {
    Node {
        input,
        output: vec![output.into()],
        name: Some(output.into()),
        op_type: Some(op.into()),
        attribute,
        domain: None,
    }
}

/// A constant that an attribute holds.
fn constant(name: &str, value: Attribute) -> Node {
    operator("Constant", Vec::new(), name, vec![value])
}

/// (pixels − mean) / std by channel.
fn normalize(preprocess: &Preprocess) -> Vec<Node> {
    let vector = |name: &str, values: &[f32]| {
        let tensor = Tensor {
            dims: vec![values.len() as i64, 1, 1],
            data_type: Some(FLOAT),
            name: None,
            raw_data: Some(values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let kind = Some(AttributeKind::Tensor as i32);
        let value = Attribute { name: Some("value".into()), t: Some(tensor), kind, ..Attribute::default() };
        constant(name, value)
    };
    let inputs = |names: [&str; 2]| names.map(String::from).to_vec();
    vec![
        vector("mean", preprocess.mean()),
        operator("Sub", inputs([INPUT, "mean"]), "centred", Vec::new()),
        vector("std", preprocess.std()),
        operator("Div", inputs(["centred", "std"]), NORMALIZED, Vec::new()),
    ]
}

struct Exporter<'a> {
    graph: &'a Graph,
    /// The name of what the first layer reads.
    input: &'a str,
    output: NodeId,
}

impl Exporter<'_> {
    /// The name of a layer's output; layers that do nothing in inference have their input's.
    fn value(&self, id: NodeId) -> String {
        let node = self.graph.node(id);
        match node.op {
            Op::Input => self.input.into(),
            _ if id == self.output => OUTPUT.into(),
            Op::Identity | Op::Dropout(_) | Op::Dropout1d(_) => self.value(node.inputs[0]),
            _ => node.path.clone(),
        }
    }

    /// The operators of a layer, constants that they read first; none for one that does nothing in inference.
    fn nodes(&self, id: NodeId) -> Result<Vec<Node>, IoError> {
        let node = self.graph.node(id);
        let input = self.graph.input_shapes(id).first().copied().unwrap_or(node.shape);
        let mut constants = Vec::new();
        let (op, attributes) = match &node.op {
            Op::Input => return Ok(Vec::new()),
            Op::Identity | Op::Dropout(_) | Op::Dropout1d(_) if id != self.output => return Ok(Vec::new()),
            Op::Identity | Op::Dropout(_) | Op::Dropout1d(_) => ("Identity", Vec::new()),
            Op::Conv2d(conv) => ("Conv", convolution(conv)),
            Op::Linear(_) => ("Gemm", vec![int("transB", 1)]),
            Op::BatchNorm2d(norm) => ("BatchNormalization", vec![float("epsilon", norm.eps)]),
            Op::Affine => return Ok(self.affine(id)),
            Op::LocalResponseNorm(norm) => {
                let settings = [("alpha", norm.alpha), ("beta", norm.beta), ("bias", norm.k)];
                let mut attributes: Vec<_> = settings.map(|(name, x)| float(name, x)).into();
                attributes.push(int("size", norm.size));
                ("LRN", attributes)
            }
            Op::Relu => ("Relu", Vec::new()),
            Op::LeakyRelu(op) => ("LeakyRelu", vec![float("alpha", op.slope)]),
            Op::Hardtanh(op) => {
                constants =
                    vec![("min", float("value_float", op.min)), ("max", float("value_float", op.max))];
                ("Clip", Vec::new())
            }
            Op::Sigmoid => ("Sigmoid", Vec::new()),
            Op::Tanh => ("Tanh", Vec::new()),
            Op::Softmax => ("Softmax", vec![int("axis", 1)]),
            Op::LogSoftmax => ("LogSoftmax", vec![int("axis", 1)]),
            Op::MaxPool2d(pool) => {
                let window = (pool.kernel, pool.stride, pool.padding);
                ("MaxPool", pooling(window, input, node.shape))
            }
            Op::AvgPool2d(pool) => ("AveragePool", average(pool, input, node.shape)),
            Op::AdaptiveAvgPool2d(_) => self.adaptive(id, input, node.shape)?,
            Op::ConstantPad2d(op) => {
                let pads = [0, 0, op.top, op.left, 0, 0, op.bottom, op.right];
                constants =
                    vec![("pads", ints("value_ints", &pads)), ("value", float("value_float", op.value))];
                ("Pad", Vec::new())
            }
            Op::Flatten => ("Flatten", vec![int("axis", 1)]),
            Op::Unflatten => {
                constants = vec![("axes", ints("value_ints", &[2, 3]))];
                ("Unsqueeze", Vec::new())
            }
            Op::Concat => ("Concat", vec![int("axis", 1)]),
            Op::Add => ("Add", Vec::new()),
        };
        let mut inputs: Vec<String> = node.inputs.iter().map(|&input| self.value(input)).collect();
        inputs.extend(self.graph.node_parameters(id).into_iter().map(|spec| spec.name));
        let mut nodes = Vec::new();
        for (name, value) in constants {
            let name = format!("{}.{name}", node.path);
            nodes.push(constant(&name, value));
            inputs.push(name);
        }
        nodes.push(Node {
            name: Some(node.path.clone()),
            ..operator(op, inputs, &self.value(id), attributes)
        });
        Ok(nodes)
    }

    fn affine(&self, id: NodeId) -> Vec<Node> {
        let node = self.graph.node(id);
        let [weight, bias] = ["weight", "bias"].map(|name| format!("{}.{name}", node.path));
        let scaled = format!("{}.scaled", node.path);
        vec![
            operator("Mul", vec![self.value(node.inputs[0]), weight], &scaled, Vec::new()),
            operator("Add", vec![scaled.clone(), bias], &self.value(id), Vec::new()),
        ]
    }

    /// A mean over windows of one size, which is what an adaptive pooling comes to where its output divides the map.
    fn adaptive(
        &self,
        id: NodeId,
        input: Shape,
        output: Shape,
    ) -> Result<(&'static str, Vec<Attribute>), IoError> {
        let ((height, width), (rows, columns)) = (input.spatial(), output.spatial());
        if (rows, columns) == (1, 1) {
            return Ok(("GlobalAveragePool", Vec::new()));
        }
        if !height.is_multiple_of(rows) || !width.is_multiple_of(columns) {
            return Err(IoError::Operator {
                path: self.graph.node(id).path.clone(),
                op: "AdaptiveAvgPool2d",
                reason: format!(
                    "ONNX has windows of one size only, and {rows}×{columns} do not divide a map of \
                     {height}×{width}; build the network for an input at which they do"
                ),
            });
        }
        let window = Size2 { h: height / rows, w: width / columns };
        Ok(("AveragePool", vec![pair("kernel_shape", window), pair("strides", window)]))
    }
}

fn convolution(conv: &Conv2d) -> Vec<Attribute> {
    let Size2 { h, w } = conv.padding;
    vec![
        pair("kernel_shape", conv.kernel),
        pair("strides", conv.stride),
        ints("pads", &[h, w, h, w]),
        pair("dilations", conv.dilation),
        int("group", conv.groups),
    ]
}

/// The windows of a pooling; padding at the end is as wide as the last window reaches.
fn pooling((kernel, stride, padding): (Size2, Size2, Size2), input: Shape, output: Shape) -> Vec<Attribute> {
    let end = |size: usize, count: usize, kernel: usize, stride: usize, padding: usize| {
        ((count - 1) * stride + kernel).saturating_sub(size + padding)
    };
    let ((height, width), (rows, columns)) = (input.spatial(), output.spatial());
    let bottom = end(height, rows, kernel.h, stride.h, padding.h);
    let right = end(width, columns, kernel.w, stride.w, padding.w);
    vec![
        pair("kernel_shape", kernel),
        pair("strides", stride),
        ints("pads", &[padding.h, padding.w, bottom, right]),
    ]
}

/// An average pooling. Where the last window hangs over the border, PyTorch counts it up to the padding, which the
/// operator does with `ceil_mode`.
fn average(pool: &AvgPool2d, input: Shape, output: Shape) -> Vec<Attribute> {
    let mut attributes = if pool.ceil_mode {
        let Size2 { h, w } = pool.padding;
        vec![
            pair("kernel_shape", pool.kernel),
            pair("strides", pool.stride),
            ints("pads", &[h, w, h, w]),
            int("ceil_mode", 1),
        ]
    } else {
        pooling((pool.kernel, pool.stride, pool.padding), input, output)
    };
    attributes.push(int("count_include_pad", usize::from(pool.count_include_pad)));
    attributes
}
