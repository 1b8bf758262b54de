//! Networks as ONNX models, in inference form.

use std::collections::HashSet;
use std::path::Path;

use convnet_formats::onnx::{
    self, Attribute, AttributeKind, Dimension, DimensionSize, Model, Node, OperatorSet, Property,
    Shape as Dims, Tensor, TensorType, ValueInfo, ValueType,
};
use convnet_formats::{Entry, Number};

use super::super::write::elements;
use super::super::{IoError, ModelCard};
use crate::data::Preprocess;
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::{Onnx, OnnxValue, Operand, Operator, ParamSpec};
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
/// The names of what normalizes them.
const MEAN: &str = "mean";
const STD: &str = "std";
const CENTRED: &str = "centred";

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
    let taken = [INPUT, OUTPUT, NORMALIZED, MEAN, STD, CENTRED].map(String::from);
    let taken = taken.into_iter().chain(graph.parameters().into_iter().map(|spec| spec.name)).collect();
    let names = vec![String::new(); graph.nodes().len()];
    let mut exporter = Exporter { graph, output, names, taken };
    let (mut entries, mut written) = (Vec::new(), HashSet::new());
    for id in graph.ids().filter(|id| live[id.index()]) {
        let node = graph.node(id);
        let onnx = node.op.onnx(&graph.input_shapes(id), node.shape).map_err(|reason| IoError::Operator {
            path: node.path.clone(),
            op: node.op.name(),
            reason,
        })?;
        let name = exporter.name(id, &onnx, input);
        exporter.names[id.index()] = name;
        nodes.extend(exporter.nodes(id, &onnx));
        let mut specs = graph.node_parameters(id);
        for (spec, mut shape) in specs.iter_mut().zip(graph.layer_shapes(id)) {
            shape.extend(vec![1; onnx.trailing]);
            spec.shape = shape;
        }
        let entry = |spec: ParamSpec| Entry { name: spec.name, shape: spec.shape, number: Number::F32 };
        // A weight that several layers read is written once.
        entries.extend(specs.into_iter().filter(|spec| written.insert(spec.name.clone())).map(entry));
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

/// An attribute as the format has it.
fn attribute(name: &str, value: &OnnxValue) -> Attribute {
    let mut attribute = Attribute { name: Some(name.into()), ..Attribute::default() };
    let kind = match value {
        OnnxValue::Int(i) => {
            attribute.i = Some(*i as i64);
            AttributeKind::Int
        }
        OnnxValue::Ints(ints) => {
            attribute.ints = ints.iter().map(|&i| i as i64).collect();
            AttributeKind::Ints
        }
        OnnxValue::Float(f) => {
            attribute.f = Some(*f);
            AttributeKind::Float
        }
        OnnxValue::Floats(floats) => {
            attribute.floats = floats.clone();
            AttributeKind::Floats
        }
        OnnxValue::Text(text) => {
            attribute.s = Some(text.as_bytes().to_vec());
            AttributeKind::String
        }
    };
    attribute.kind = Some(kind as i32);
    attribute
}

/// An operator with its inputs and its output, under the output's name.
fn node_of(op: &str, input: Vec<String>, output: &str, attribute: Vec<Attribute>) -> Node {
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
    node_of("Constant", Vec::new(), name, vec![value])
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
        vector(MEAN, preprocess.mean()),
        node_of("Sub", inputs([INPUT, MEAN]), CENTRED, Vec::new()),
        vector(STD, preprocess.std()),
        node_of("Div", inputs([CENTRED, STD]), NORMALIZED, Vec::new()),
    ]
}

struct Exporter<'a> {
    graph: &'a Graph,
    output: NodeId,
    /// The name of each layer's output.
    names: Vec<String>,
    /// Names that values and weights have.
    taken: HashSet<String>,
}

impl Exporter<'_> {
    /// The name of a layer's output; layers that do nothing in inference have their input's. `images` is what the
    /// first layer reads.
    fn name(&mut self, id: NodeId, onnx: &Onnx, images: &str) -> String {
        let node = self.graph.node(id);
        match node.inputs.first() {
            None => images.into(),
            Some(_) if id == self.output => OUTPUT.into(),
            Some(input) if onnx.operators.is_empty() => self.names[input.index()].clone(),
            Some(_) => {
                let path = &node.path;
                let free = |name: &String| !name.is_empty() && !self.taken.contains(name);
                let others = (1_u64..).map(|i| format!("{path}_{i}"));
                let name = std::iter::once(path.clone()).chain(others).find(free).unwrap_or_default();
                self.taken.insert(name.clone());
                name
            }
        }
    }

    /// The operators of a layer, constants that they read first; none for one that does nothing in inference, if
    /// its input is not the output itself.
    fn nodes(&self, id: NodeId, onnx: &Onnx) -> Vec<Node> {
        let node = self.graph.node(id);
        let mut nodes = Vec::new();
        for (i, operator) in onnx.operators.iter().enumerate() {
            let last = i + 1 == onnx.operators.len();
            let inputs = self.operands(id, operator, &mut nodes);
            let result = format!("{}.{}", node.path, operator.result);
            let (name, output) =
                if last { (&node.path, &self.names[id.index()]) } else { (&result, &result) };
            let attributes = operator.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
            nodes.push(Node {
                name: Some(name.clone()),
                ..node_of(operator.name, inputs, output, attributes)
            });
        }
        if let (Some(input), true, true) = (node.inputs.first(), onnx.operators.is_empty(), id == self.output)
        {
            let inputs = vec![self.names[input.index()].clone()];
            nodes.push(Node {
                name: Some(node.path.clone()),
                ..node_of("Identity", inputs, OUTPUT, Vec::new())
            });
        }
        nodes
    }

    /// The name of a layer's parameter, which a layer before it may have too.
    fn parameter(&self, id: NodeId, name: &str) -> String {
        let own = self.graph.node(id).op.parameters(self.graph.input_shapes(id)[0]);
        let place = own.iter().position(|spec| spec.name == name);
        let spec = place.and_then(|place| self.graph.node_parameters(id).into_iter().nth(place));
        spec.map_or_else(|| name.to_owned(), |spec| spec.name)
    }

    /// The names of what an operator reads; constants are added to the nodes.
    fn operands(&self, id: NodeId, operator: &Operator, nodes: &mut Vec<Node>) -> Vec<String> {
        let node = self.graph.node(id);
        let mut names = Vec::new();
        for operand in &operator.operands {
            match operand {
                Operand::Layer => {
                    names.extend(node.inputs.iter().map(|input| self.names[input.index()].clone()));
                    names.extend(self.graph.node_parameters(id).into_iter().map(|spec| spec.name));
                }
                Operand::Input(i) => names.push(self.names[node.inputs[*i].index()].clone()),
                Operand::Parameter(name) => names.push(self.parameter(id, name)),
                Operand::Result(name) => names.push(format!("{}.{name}", node.path)),
                Operand::Absent => names.push(String::new()),
                Operand::Constant(name, value) => {
                    let name = format!("{}.{name}", node.path);
                    let key = match value {
                        OnnxValue::Int(_) => "value_int",
                        OnnxValue::Ints(_) => "value_ints",
                        OnnxValue::Float(_) => "value_float",
                        OnnxValue::Floats(_) => "value_floats",
                        OnnxValue::Text(_) => "value_string",
                    };
                    nodes.push(constant(&name, attribute(key, value)));
                    names.push(name);
                }
            }
        }
        names
    }
}
