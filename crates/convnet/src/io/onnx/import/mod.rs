//! Reading a model: its operators in their order become layers.

mod arithmetic;
mod call;
mod constant;
mod draft;
mod fold;
mod importer;
mod linear;
mod maps;
mod shapes;
mod window;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::Path;

use convnet_formats::onnx::read::{Model, Node, Size, ValueInfo};

use self::call::{Known, Value};
use self::constant::Constant;
use self::draft::Draft;
use self::importer::{Importer, ROOM};
use super::super::{IoError, WeightsFile};
use crate::graph::Graph;

/// The versions of ONNX's operators that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

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

/// Reads a model as a network, called by the path, and its weights; `input` replaces channels, height and width of its
/// images, which must be given where the model leaves them free.
///
/// Constants are folded. Layers are named after their weights (`features.0` for `features.0.weight`), or else after
/// their nodes. Mul, Add, Sub and Div by constants become part of the Conv2d, Linear or BatchNorm2d before them where
/// that is the same, or a layer of their own.
///
/// # Errors
/// If the file cannot be read or is damaged, or holds what no layer here computes; the node and the reason are told.
pub fn import(path: impl AsRef<Path>, input: Option<[usize; 3]>) -> Result<(Graph, WeightsFile), IoError> {
    let path = path.as_ref();
    let (graph, imported) = read(path, input)?;
    Ok((graph, WeightsFile::imported(path, imported)?))
}

/// As [`import`], without the file around the weights.
pub(crate) fn read(path: &Path, input: Option<[usize; 3]>) -> Result<(Graph, Imported), IoError> {
    let model = Model::open(path)?;
    let name = path.display().to_string();
    let whole = |reason: String| IoError::Model { path: path.to_owned(), reason };
    let (draft, output) = translate(&model, input).map_err(|problem| match problem {
        Problem::Model(reason) => whole(reason),
        Problem::FreeInput(input) => IoError::FreeInput { path: path.to_owned(), input },
        Problem::Node { node, op, reason } => IoError::Node { path: path.to_owned(), node, op, reason },
    })?;
    let (graph, tensors) = draft.finish(&name, output).map_err(|error| whole(error.to_string()))?;
    Ok((graph, Imported { model, tensors }))
}

/// Why a model cannot be imported.
enum Problem {
    Model(String),
    FreeInput(String),
    Node { node: String, op: String, reason: String },
}

fn translate(model: &Model, input: Option<[usize; 3]>) -> Result<(Draft, usize), Problem> {
    let opset = opset(model).map_err(Problem::Model)?;
    let (name, shape, batch) = images(model, input)?;
    let draft = Draft::new(shape).map_err(Problem::Model)?;
    let [output] = &model.outputs[..] else {
        let names: Vec<&str> = model.outputs.iter().map(|output| output.name.as_str()).collect();
        return Err(Problem::Model(format!("it has outputs {names:?}, expected one")));
    };
    let mut names = HashMap::new();
    for tensor in &model.initializers {
        names.insert(tensor.name.clone(), Known::Constant(Constant::stored(tensor.clone())));
    }
    names.insert(name, Known::Value(Value::plain(0)));
    let mut uses: HashMap<&str, usize> = HashMap::from([(output.name.as_str(), 1)]);
    for name in model.nodes.iter().flat_map(|node| &node.inputs) {
        *uses.entry(name).or_default() += 1;
    }
    let mut importer = Importer { model, opset, batch, draft, names, uses, room: ROOM };
    for (i, node) in model.nodes.iter().enumerate() {
        importer.node(node).map_err(|reason| Problem::Node {
            node: label(node, i),
            op: shown(&node.op),
            reason,
        })?;
    }
    let output = importer.result(&output.name).map_err(Problem::Model)?;
    Ok((importer.draft, output))
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

/// The name of the images, their channels, height and width, and the batch where the model fixes one.
fn images(model: &Model, input: Option<[usize; 3]>) -> Result<(String, [usize; 3], Option<usize>), Problem> {
    let wrong = |reason: String| Err(Problem::Model(reason));
    let constants: HashSet<&str> = model.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<&ValueInfo> =
        model.inputs.iter().filter(|input| !constants.contains(input.name.as_str())).collect();
    let &[images] = &inputs[..] else {
        let names: Vec<String> = inputs.iter().map(|input| shown(&input.name)).collect();
        return wrong(format!("it has inputs {names:?} that are no constants, expected one: the images"));
    };
    let name = shown(&images.name);
    let Some([batch, sizes @ ..]) = images.shape.as_deref() else {
        return wrong(format!("its input `{name}` has no shape, expected (N, C, H, W)"));
    };
    let &[_, _, _] = &sizes else {
        let rank = sizes.len() + 1;
        return wrong(format!("its input `{name}` has {rank} dimensions, expected 4: (N, C, H, W)"));
    };
    let known = |size: &Size| match size {
        Size::Known(size) => Some(*size),
        Size::Free(_) => None,
    };
    let shape = match (input, known(&sizes[0]), known(&sizes[1]), known(&sizes[2])) {
        (Some(shape), ..) => shape,
        (None, Some(channels), Some(height), Some(width)) => [channels, height, width],
        _ => {
            return Err(Problem::FreeInput(name));
        }
    };
    Ok((images.name.clone(), shape, known(batch)))
}
