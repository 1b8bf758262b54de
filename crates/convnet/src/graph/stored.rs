//! A network as TOML text, so that a run keeps the network that it trains, whoever wrote it.
//!
//! Shapes are not stored: they are inferred again, so that a text that was changed cannot give a network that is wrong.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Graph, Init, Node, NodeId, Output, Scope, ScopeId, Shape, SharedWeight};
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
        let count = stored.nodes.len() + 1;
        let scopes = scopes(stored.scopes, count)?;
        let [channels, height, width] = stored.input;
        let input = Node {
            op: Op::Input,
            inputs: Vec::new(),
            path: "input".into(),
            scope: ScopeId::ROOT,
            shape: checked("input", Shape::map(channels, height, width))?,
        };
        let mut graph = Self {
            name: stored.name,
            nodes: vec![input],
            scopes,
            outputs: outputs(stored.outputs, count)?,
            init: stored.init,
            shared: stored.shared,
        };
        let mut paths = HashSet::new();
        for node in stored.nodes {
            if !paths.insert(node.path.clone()) {
                return Err(StoredError::Part(format!("two nodes are called `{}`", node.path)));
            }
            let node = graph.checked(node)?;
            graph.nodes.push(node);
        }
        Ok(graph)
    }

    /// A layer behind those that are there.
    fn checked(&self, stored: StoredNode) -> Result<Node, StoredError> {
        let StoredNode { path, scope, inputs, op } = stored;
        let wrong = |what: String| StoredError::Part(format!("node `{path}` ({}): {what}", op.name()));
        if inputs.is_empty() || op == Op::Input {
            return Err(wrong("it reads nothing, and only the first node is the input".into()));
        }
        if let Some(input) = inputs.iter().find(|&&input| input as usize >= self.nodes.len()) {
            return Err(wrong(format!("it reads node {input}, which does not stand before it")));
        }
        if scope as usize >= self.scopes.len() {
            return Err(wrong(format!("it lies in scope {scope}, there are {}", self.scopes.len())));
        }
        let inputs: Vec<NodeId> = inputs.into_iter().map(NodeId).collect();
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.node(input).shape).collect();
        let shape = op
            .infer(&shapes)
            .map_err(|issue| wrong(format!("got {}, expected {}", issue.found, issue.expected)))?;
        let shape = checked(&path, shape)?;
        Ok(Node { op, inputs, path, scope: ScopeId(scope), shape })
    }
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

fn scopes(stored: Vec<StoredScope>, nodes: usize) -> Result<Vec<Scope>, StoredError> {
    let wrong = |path: &str, what| StoredError::Part(format!("scope `{path}` {what}"));
    match stored.first() {
        Some(root) if root.path.is_empty() => {}
        _ => return Err(StoredError::Part("its first scope is not the whole network".into())),
    }
    stored
        .into_iter()
        .enumerate()
        .map(|(index, StoredScope { path, kind, parent, result })| {
            if result as usize >= nodes {
                return Err(wrong(&path, format!("returns node {result}, there are {nodes}")));
            }
            if index > 0 && parent as usize >= index {
                return Err(wrong(&path, format!("lies in scope {parent}, which does not stand before it")));
            }
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            let parent = (index > 0).then_some(ScopeId(parent));
            Ok(Scope { name, kind, path, parent, result: NodeId(result) })
        })
        .collect()
}

fn outputs(stored: Vec<StoredOutput>, nodes: usize) -> Result<Vec<Output>, StoredError> {
    if stored.is_empty() {
        return Err(StoredError::Part("it has no output".into()));
    }
    stored
        .into_iter()
        .map(|StoredOutput { name, node, loss_weight }| {
            if node as usize >= nodes || !loss_weight.is_finite() {
                return Err(StoredError::Part(format!(
                    "output `{name}` is node {node} with weight {loss_weight}, expected one of {nodes} nodes and a \
                     finite weight"
                )));
            }
            Ok(Output { name, node: NodeId(node), loss_weight })
        })
        .collect()
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
