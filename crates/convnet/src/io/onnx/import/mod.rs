//! Reading a model: its operators in their order become layers.

mod apart;
mod arithmetic;
mod axes;
mod broadcast;
mod call;
mod channels;
mod constant;
mod draft;
mod fold;
mod fold_values;
mod functions;
mod importer;
mod inputs;
mod lift;
mod linear;
mod maps;
mod norms;
mod pools;
mod resize;
mod shapes;
mod sharing;
mod slices;
mod split;
mod strided;
mod transposed;
mod views;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::Path;

use convnet_formats::onnx::read::{Model, Node, ValueInfo};

use self::call::{Known, Order, Value};
use self::constant::Constant;
use self::draft::NetworkDraft;
use self::importer::{Importer, room};
use self::inputs::{Images, images};
use super::super::{IoError, WeightsFile};
use crate::graph::Graph;

/// The versions of ONNX's operators that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// The weights of an imported model, which stay in its file until they are asked for.
pub(crate) struct Imported {
    model: Model,
    tensors: BTreeMap<String, Constant>,
}

impl fmt::Debug for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imported").field("tensors", &self.tensors.len()).finish_non_exhaustive()
    }
}

impl Imported {
    /// The tensors' names, in order, and their shapes.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, constant)| (name.as_str(), constant.shape.as_slice()))
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|constant| constant.shape.as_slice())
    }

    /// Reads elements of a tensor in row-major order, from number `first` on.
    pub(crate) fn read(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        self.tensors.get(name).ok_or(io::ErrorKind::NotFound)?.read(&self.model, first, out)
    }

    /// Free text by key.
    pub(crate) fn metadata(&self) -> &BTreeMap<String, String> {
        &self.model.metadata
    }
}

/// What of a model is read.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Channels, height and width of an image, instead of the model's own; they must be given where it leaves them free.
    pub input: Option<[usize; 3]>,
    /// The name of the output, where the model has several.
    pub output: Option<String>,
}

/// A model as a network.
#[derive(Debug)]
pub struct Import {
    /// The network, called by the path.
    pub graph: Graph,
    /// Its weights, which stay in the file.
    pub weights: WeightsFile,
    /// The name of the images, if the model takes them with their channels last, (N, H, W, C): the network takes them
    /// as all others do, (N, C, H, W).
    pub channels_last: Option<String>,
    /// The output's sizes for one image, if they are not those of a vector or a map: the network gives the same numbers,
    /// in their order, as one of these.
    pub output_axes: Option<Vec<usize>>,
}

/// Reads a model as a network, and its weights; see [`import_with`].
///
/// # Errors
/// As [`import_with`].
pub fn import(path: impl AsRef<Path>, input: Option<[usize; 3]>) -> Result<(Graph, WeightsFile), IoError> {
    let Import { graph, weights, .. } = import_with(path, &ImportOptions { input, output: None })?;
    Ok((graph, weights))
}

/// Reads a model as a network: the nodes that its output depends on.
///
/// Constants are folded. Layers are named after their weights (`features.0` for `features.0.weight`), or else after
/// their nodes. Mul, Add, Sub and Div by constants become part of the Conv2d, Linear or BatchNorm2d before them where
/// that is the same, or a layer of their own.
///
/// # Errors
/// If the file cannot be read or is damaged, has several outputs of which none is chosen, or holds what no layer here
/// computes; the node and the reason are told.
pub fn import_with(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Import, IoError> {
    let path = path.as_ref();
    let Read { graph, imported, channels_last, output_axes } = read_with(path, options)?;
    let weights = WeightsFile::imported(path, &graph, imported)?;
    Ok(Import { graph, weights, channels_last, output_axes })
}

/// A network, and where its weights are.
struct Read {
    graph: Graph,
    imported: Imported,
    channels_last: Option<String>,
    output_axes: Option<Vec<usize>>,
}

/// As [`import`], without the file around the weights.
pub(crate) fn read(path: &Path, input: Option<[usize; 3]>) -> Result<(Graph, Imported), IoError> {
    let Read { graph, imported, .. } = read_with(path, &ImportOptions { input, output: None })?;
    Ok((graph, imported))
}

fn read_with(path: &Path, options: &ImportOptions) -> Result<Read, IoError> {
    let model = Model::open(path)?;
    let name = path.display().to_string();
    let whole = |reason: String| IoError::Model { path: path.to_owned(), reason };
    let Translation { draft, output, channels_last, output_axes } =
        translate(&model, options).map_err(|problem| match problem {
            Problem::Model(reason) => whole(reason),
            Problem::Outputs(outputs) => {
                IoError::Outputs { path: path.to_owned(), outputs, asked: options.output.clone() }
            }
            Problem::FreeInput(input) => IoError::FreeInput { path: path.to_owned(), input },
            Problem::Node { node, op, reason } => IoError::Node { path: path.to_owned(), node, op, reason },
        })?;
    let (mut graph, mut tensors) = draft.finish(&name, output).map_err(|error| whole(error.to_string()))?;
    (graph.shared, graph.apart) =
        sharing::shared(&graph, &tensors, &model).map_err(|error| whole(error.to_string()))?;
    for shared in graph.shared_weights() {
        tensors.remove(&shared.name);
    }
    Ok(Read { graph, imported: Imported { model, tensors }, channels_last, output_axes })
}

/// A model as layers.
struct Translation {
    draft: NetworkDraft,
    output: usize,
    channels_last: Option<String>,
    output_axes: Option<Vec<usize>>,
}

/// Why a model cannot be imported.
enum Problem {
    Model(String),
    Outputs(Vec<String>),
    FreeInput(String),
    Node { node: String, op: String, reason: String },
}

fn translate(model: &Model, options: &ImportOptions) -> Result<Translation, Problem> {
    let opset = opset(model).map_err(Problem::Model)?;
    let output = chosen(model, options.output.as_deref())?;
    let nodes = needed(model, &output.name);
    let Images { name, shape, batch, channels_last } = images(model, &nodes, options.input)?;
    let draft = NetworkDraft::new(shape).map_err(Problem::Model)?;
    let mut names = HashMap::new();
    for tensor in &model.initializers {
        names.insert(tensor.name.clone(), Known::Constant(Constant::stored(tensor.clone())));
    }
    let order = if channels_last { Order::ChannelsLast } else { Order::ChannelsFirst };
    names.insert(name.clone(), Known::Value(Value { order, ..Value::plain(0) }));
    let mut uses: HashMap<&str, usize> = HashMap::from([(output.name.as_str(), 1)]);
    for name in nodes.iter().flat_map(|(_, node)| &node.inputs) {
        *uses.entry(name).or_default() += 1;
    }
    let most = room(model);
    let mut importer = Importer { model, opset, batch, draft, names, uses, room: most, most };
    for &(i, node) in &nodes {
        importer.node(node).map_err(|reason| Problem::Node {
            node: label(node, i),
            op: shown(&node.op),
            reason,
        })?;
    }
    let (output, output_axes) = importer.result(&output.name).map_err(Problem::Model)?;
    let channels_last = channels_last.then(|| shown(&name));
    Ok(Translation { draft: importer.draft, output, channels_last, output_axes })
}

/// The output of that name, or the only one.
fn chosen<'a>(model: &'a Model, name: Option<&str>) -> Result<&'a ValueInfo, Problem> {
    let found = match (name, &model.outputs[..]) {
        (None, [output]) => Some(output),
        (None, _) => None,
        (Some(name), outputs) => outputs.iter().find(|output| output.name == name),
    };
    let names = || model.outputs.iter().map(|output| shown(&output.name)).collect();
    found.ok_or_else(|| Problem::Outputs(names()))
}

/// The nodes that a value depends on, with their numbers, in the model's order.
fn needed<'a>(model: &'a Model, output: &str) -> Vec<(usize, &'a Node)> {
    let mut givers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, node) in model.nodes.iter().enumerate() {
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            givers.entry(name).or_default().push(i);
        }
    }
    let mut wanted = vec![false; model.nodes.len()];
    let mut open: Vec<usize> = givers.get(output).cloned().unwrap_or_default();
    while let Some(i) = open.pop() {
        if std::mem::replace(&mut wanted[i], true) {
            continue;
        }
        for name in &model.nodes[i].inputs {
            let givers = givers.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            open.extend(givers.iter().filter(|&&i| !wanted[i]));
        }
    }
    model.nodes.iter().enumerate().filter(|(i, _)| wanted[*i]).collect()
}

/// What a node is called in a message.
fn label(node: &Node, index: usize) -> String {
    let named = [&node.name].into_iter().chain(&node.outputs).find(|name| !name.is_empty());
    named.map_or_else(|| format!("number {index}"), |name| shown(name))
}

/// Text of a file as it may be printed: without control characters.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
}

fn opset(model: &Model) -> Result<i64, String> {
    let own = model.opsets.iter().find(|(domain, _)| domain.is_empty() || domain == "ai.onnx");
    let &(_, version) = own.ok_or("it does not tell the version of its operators")?;
    if !OPSETS.contains(&version) {
        return Err(format!(
            "its operators are of version {version}, expected {} to {}; export it again for one of these",
            OPSETS.start(),
            OPSETS.end()
        ));
    }
    Ok(version)
}
