//! A network as TOML text, so that a run keeps the network that it trains, whoever wrote it.
//!
//! Shapes are not stored: they are inferred again, so that a text that was changed cannot give a network that is wrong.

use serde::{Deserialize, Serialize};

use super::{Assembly, Graph, Init, NodeId, ScopeId, Shape, SharedWeight, TensorForm, UnusedTensor};
use crate::ops::Op;

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// Text that is not TOML, or has other keys.
    #[error("{0}")]
    Toml(String),
    /// A form of the text that this version does not know.
    #[error("its format is {found}, expected {FORMAT}: a later version wrote it")]
    Format {
        /// The form that it has.
        found: u32,
    },
    /// A part that does not go with the rest.
    #[error("{0}")]
    Part(String),
}

/// The form of the text.
const FORMAT: u32 = 1;
/// The most elements of a value for one image.
const LARGEST: usize = 1 << 28;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    name: String,
    /// Channels, height, width.
    input: [usize; 3],
    init: Init,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared: Vec<SharedWeight>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unused: Vec<UnusedTensor>,
    outputs: Vec<StoredOutput>,
    scopes: Vec<StoredScope>,
    nodes: Vec<StoredNode>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredOutput {
    name: String,
    node: u32,
    loss_weight: f32,
}

/// A scope; the first is the whole network, and its own parent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredScope {
    path: String,
    kind: String,
    parent: u32,
    result: u32,
}

/// A layer behind the input, whose number is 0.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredNode {
    path: String,
    scope: u32,
    inputs: Vec<u32>,
    #[serde(default, skip_serializing_if = "TensorForm::is_own")]
    tensors: TensorForm,
    op: Op,
}

impl Graph {
    /// The network as text.
    ///
    /// # Errors
    /// If a number in it is beyond TOML's.
    pub fn to_toml(&self) -> Result<String, StoredError> {
        let [channels, height, width] = self.input_size();
        let stored = Stored {
            format: FORMAT,
            name: self.name.clone(),
            input: [channels, height, width],
            init: self.init.clone(),
            shared: self.shared.clone(),
            unused: self.unused.clone(),
            outputs: self
                .outputs
                .iter()
                .map(|output| StoredOutput {
                    name: output.name.clone(),
                    node: output.node.0,
                    loss_weight: output.loss_weight,
                })
                .collect(),
            scopes: self
                .scopes
                .iter()
                .map(|scope| StoredScope {
                    path: scope.path.clone(),
                    kind: scope.kind.clone(),
                    parent: scope.parent.map_or(0, |parent| parent.0),
                    result: scope.result.0,
                })
                .collect(),
            nodes: self
                .nodes
                .iter()
                .skip(1)
                .map(|node| StoredNode {
                    path: node.path.clone(),
                    scope: node.scope.0,
                    inputs: node.inputs.iter().map(|input| input.0).collect(),
                    tensors: node.tensors,
                    op: node.op.clone(),
                })
                .collect(),
        };
        toml::to_string(&stored).map_err(|error| StoredError::Toml(error.to_string()))
    }

    /// The network of a text that [`Graph::to_toml`] gave; every layer is checked anew.
    ///
    /// # Errors
    /// Text that is no network: the first part that does not fit.
    pub fn from_toml(text: &str) -> Result<Self, StoredError> {
        let stored: Stored = toml::from_str(text).map_err(|error| StoredError::Toml(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(StoredError::Format { found: stored.format });
        }
        let [channels, height, width] = stored.input;
        let image = checked("input", Shape::map(channels, height, width))?;
        let (mut assembly, issue) = Assembly::with_image(&stored.name, image);
        if let Some(issue) = issue {
            return Err(StoredError::Part(format!(
                "its image is {}, expected {}",
                issue.found, issue.expected
            )));
        }
        let results = scopes(&mut assembly, stored.scopes, stored.nodes.len() + 1)?;
        for node in stored.nodes {
            push(&mut assembly, node)?;
        }
        for (scope, result) in results {
            assembly.returns(scope, result);
        }
        assembly.init(stored.init);
        stored.shared.into_iter().for_each(|shared| assembly.share(shared));
        stored.unused.into_iter().for_each(|tensor| assembly.unused(tensor));
        let mut outputs = stored.outputs.into_iter();
        let Some(main) = outputs.next() else { return Err(StoredError::Part("it has no output".into())) };
        if main.name != "output" || main.loss_weight != 1.0 {
            return Err(StoredError::Part(format!(
                "its first output is `{}` with loss weight {}, expected `output` with 1",
                main.name, main.loss_weight
            )));
        }
        outputs.for_each(|output| assembly.auxiliary(&output.name, NodeId(output.node), output.loss_weight));
        assembly.finish(NodeId(main.node)).map_err(|error| {
            let (name, issue) = (error.path, error.issue);
            StoredError::Part(format!("`{name}`: got {}, expected {}", issue.found, issue.expected))
        })
    }
}

/// Adds a layer behind those that are there.
fn push(assembly: &mut Assembly, stored: StoredNode) -> Result<(), StoredError> {
    let StoredNode { path, scope, inputs, tensors, op } = stored;
    let name = op.name();
    let wrong = |what: String| StoredError::Part(format!("node `{path}` ({name}): {what}"));
    let graph = assembly.so_far();
    if inputs.is_empty() || op == Op::Input {
        return Err(wrong("it reads nothing, and only the first node is the input".into()));
    }
    if let Some(input) = inputs.iter().find(|&&input| input as usize >= graph.nodes.len()) {
        return Err(wrong(format!("it reads node {input}, which does not stand before it")));
    }
    if scope as usize >= graph.scopes.len() {
        return Err(wrong(format!("it lies in scope {scope}, there are {}", graph.scopes.len())));
    }
    let inputs: Vec<NodeId> = inputs.into_iter().map(NodeId).collect();
    let node = assembly
        .push(ScopeId(scope), &path, op, &inputs)
        .map_err(|(_, issue)| wrong(format!("got {}, expected {}", issue.found, issue.expected)))?;
    if assembly.path(node) != path {
        return Err(StoredError::Part(format!("two nodes are called `{path}`")));
    }
    assembly.keep_as(node, tensors).map_err(|error| {
        let issue = error.issue;
        StoredError::Part(format!("node `{path}` ({name}): got {}, expected {}", issue.found, issue.expected))
    })?;
    checked(&path, assembly.shape(node)).map(drop)
}

/// Refuses what no machine would compute.
fn checked(path: &str, shape: Shape) -> Result<Shape, StoredError> {
    let count = shape.dims().iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    match count {
        Some(1..=LARGEST) => Ok(shape),
        _ => Err(StoredError::Part(format!(
            "node `{path}` gives {shape} for one image, expected 1 to {LARGEST} elements"
        ))),
    }
}

/// Adds the scopes; gives what each returns.
fn scopes(
    assembly: &mut Assembly,
    stored: Vec<StoredScope>,
    nodes: usize,
) -> Result<Vec<(ScopeId, NodeId)>, StoredError> {
    let wrong = |path: &str, what| StoredError::Part(format!("scope `{path}` {what}"));
    match stored.first() {
        Some(root) if root.path.is_empty() => assembly.kind(&root.kind),
        _ => return Err(StoredError::Part("its first scope is not the whole network".into())),
    }
    let mut results = Vec::new();
    for (index, StoredScope { path, kind, parent, result }) in stored.into_iter().enumerate() {
        if result as usize >= nodes {
            return Err(wrong(&path, format!("returns node {result}, there are {nodes}")));
        }
        if index > 0 {
            if parent as usize >= index {
                return Err(wrong(&path, format!("lies in scope {parent}, which does not stand before it")));
            }
            if assembly.scope(&path, &kind, ScopeId(parent)).index() != index {
                return Err(wrong(&path, "lies too deep".into()));
            }
        }
        results.push((ScopeId(index as u32), NodeId(result)));
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, combine};
    use crate::ops::Conv2d;
    use crate::zoo;

    #[test]
    fn every_network_of_the_zoo_comes_back() {
        for entry in zoo::entries() {
            let graph = entry.model().build().unwrap();
            let text = graph.to_toml().unwrap();
            assert_eq!(Graph::from_toml(&text).unwrap(), graph, "{}", entry.name);
        }
    }

    #[test]
    fn every_layer_comes_back_whatever_its_settings() {
        for (op, shapes) in Op::samples() {
            let Some(&Shape::Map { channels, height, width }) = shapes.first() else { continue };
            if op == Op::Input || shapes.iter().any(|shape| *shape != shapes[0]) {
                continue;
            }
            let net = Builder::image("one", channels, height, width);
            let inputs = vec![net.input(); shapes.len()];
            let graph = net.build(combine("layer", op, &inputs)).unwrap();
            assert_eq!(Graph::from_toml(&graph.to_toml().unwrap()).unwrap(), graph);
        }
        let net = Builder::image("bounds", 1, 4, 4);
        let pad =
            crate::ops::ConstantPad2d { left: 1, right: 0, top: 0, bottom: 2, value: f32::NEG_INFINITY };
        let graph = net.build(net.input().then(pad)).unwrap();
        assert_eq!(Graph::from_toml(&graph.to_toml().unwrap()).unwrap(), graph);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let net = Builder::image("net", 1, 8, 8);
        let x = net.input().sequential("features", |x| x.conv2d(Conv2d::new(2, 3)).relu());
        let text = net.build(x.flatten()).unwrap().to_toml().unwrap();
        let fail = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            Graph::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(fail("format = 1", "format = 2").contains("format is 2"));
        assert!(fail("[1, 8, 8]", "[1, 2, 2]").contains("node `features.0` (Conv2d)"));
        assert!(fail("[1, 8, 8]", "[1, 8000000000, 8000000000]").contains("node `input`"));
        assert!(fail("h = 3", "h = 9223372036854775807").contains("node `features.0`"));
        assert!(fail("inputs = [0]", "inputs = [7]").contains("node 7"));
        assert!(fail("inputs = [0]", "inputs = []").contains("reads nothing"));
        assert!(fail("features.1", "features.0").contains("two nodes"));
        assert!(fail("out_channels", "channels").contains("channels"));
        assert!(fail("scope = 1", "scope = 9").contains("scope 9"));
        assert!(fail("loss_weight = 1.0", "loss_weight = nan").contains("NaN"));
    }
}
