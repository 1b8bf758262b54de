//! A network as data: nodes in topological order, grouped in scopes, with inferred shapes.
//!
//! Everything else in this crate is a reading of a [`Graph`].
//!
//! ```
//! use convnet::graph::{Builder, concat};
//! use convnet::ops::Conv2d;
//! use convnet::shape::Shape;
//!
//! let net = Builder::image("branches", 3, 32, 32);
//! let x = net.input().conv2d(Conv2d::new(16, 3).padding(1)).relu();
//! let y = concat(&[x.conv2d(Conv2d::new(8, 1)), x.conv2d(Conv2d::new(8, 3).padding(1))]);
//! let graph = net.build((x + y).relu()).unwrap();
//! assert_eq!(graph.node(graph.output()).shape, Shape::map(16, 32, 32));
//! assert_eq!(graph.parameters()[0].name, "0.weight");
//!
//! // A layer that does not fit is named, with what came before it and a way out.
//! let error = net.build(x.conv2d(Conv2d::new(8, 33))).unwrap_err();
//! assert_eq!(error.path, "5");
//! assert!(error.to_string().contains("height of at least 33"));
//! ```

mod assembly;
mod builder;
mod error;
mod head;
mod init;
mod residual;
mod stored;
mod tensors;

#[cfg(test)]
mod tests;

pub use assembly::Assembly;
pub use builder::{Builder, Value, combine, concat};
pub use error::GraphError;
pub use init::{Draw, Init};
pub use stored::StoredError;
pub use tensors::{SharedWeight, TensorForm, UnusedTensor};

pub use crate::shape::{Shape, ShapeIssue, Size2};

use std::collections::HashMap;

use crate::ops::{Op, ParamSpec};

/// Index of a node in its graph; inputs have smaller indices than their consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a scope in its graph; a parent has a smaller index than its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub(crate) u32);

impl ScopeId {
    /// The whole network.
    pub const ROOT: Self = Self(0);

    /// The position in [`Graph::scopes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// The nodes whose outputs it reads.
    pub inputs: Vec<NodeId>,
    /// Its place in the module tree, which prefixes its parameters' names: `features.3`.
    pub path: String,
    /// The innermost scope that holds it.
    pub scope: ScopeId,
    /// Its output's shape for one image.
    pub shape: Shape,
    /// How the state dict has its parameters.
    pub tensors: TensorForm,
}

/// A named group of layers: a `Sequential`, an Inception block, a whole dense block.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// The last component of its path; empty for the root.
    pub name: String,
    /// The class that PyTorch code would give it: `Sequential`, `Inception`, `BasicBlock`.
    pub kind: String,
    /// Its full path; empty for the root.
    pub path: String,
    /// The scope around it; `None` for the root.
    pub parent: Option<ScopeId>,
    /// The node whose output the scope returns.
    pub result: NodeId,
}

/// A result of the network: the logits, or an auxiliary classifier's.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `output`, `aux1`, …
    pub name: String,
    /// The node that gives it.
    pub node: NodeId,
    /// Its weight in the training loss (1 for the main output, 0.3 for GoogLeNet's auxiliaries).
    pub loss_weight: f32,
}

/// A checked network.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    pub(crate) name: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) init: Init,
    pub(crate) shared: Vec<SharedWeight>,
    pub(crate) unused: Vec<UnusedTensor>,
    /// Two weights that are one tensor in other orders of its elements, and so cannot be trained.
    pub(crate) apart: Option<[String; 2]>,
}

impl Graph {
    /// The name it was built under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All nodes, in topological order; the first is the input.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The ids of all nodes, in topological order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// All scopes; the first is the whole network.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// One scope.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.index()]
    }

    /// The results: the main one first, then auxiliary classifiers.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The same network, each of whose auxiliary outputs counts so much in training; `None` if it has none.
    #[must_use]
    pub fn with_auxiliary_weight(&self, weight: f32) -> Option<Self> {
        let mut graph = self.clone();
        let (_, auxiliary) = graph.outputs.split_first_mut()?;
        auxiliary.iter_mut().for_each(|output| output.loss_weight = weight);
        (graph.outputs.len() > 1).then_some(graph)
    }

    /// The node of the main output.
    pub fn output(&self) -> NodeId {
        self.outputs[0].node
    }

    /// The shape of one input image.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// Channels, height and width of one input image.
    pub fn input_size(&self) -> [usize; 3] {
        let shape = self.input_shape();
        let (height, width) = shape.spatial();
        [shape.channels(), height, width]
    }

    /// Features of the main output: the number of classes of a classifier.
    pub fn classes(&self) -> usize {
        self.node(self.output()).shape.channels()
    }

    /// How its weights are drawn before training.
    pub fn init(&self) -> &Init {
        &self.init
    }

    /// The node that gives the logits of an output: the output itself, or what its final Softmax reads.
    pub fn logits(&self, output: NodeId) -> NodeId {
        let node = self.node(output);
        if node.op == Op::Softmax { node.inputs[0] } else { output }
    }

    /// The shapes that feed a node.
    pub fn input_shapes(&self, id: NodeId) -> Vec<Shape> {
        self.node(id).inputs.iter().map(|&i| self.node(i).shape).collect()
    }

    /// The parameters and buffers that one node reads, by their names in the state dict (`features.0.weight`): a weight that
    /// it shares with a layer before it has that one's.
    pub fn node_parameters(&self, id: NodeId) -> Vec<ParamSpec> {
        let mut specs = self.named_parameters(id);
        for spec in &mut specs {
            if let Some(first) = self.first_of(&spec.name) {
                spec.name = first.to_owned();
            }
        }
        specs
    }

    /// Those of them that no layer before it reads.
    pub fn own_parameters(&self, id: NodeId) -> Vec<ParamSpec> {
        let mut specs = self.named_parameters(id);
        specs.retain(|spec| self.first_of(&spec.name).is_none());
        specs
    }

    /// The same with the names that the node's path gives them, whatever it shares.
    pub(crate) fn named_parameters(&self, id: NodeId) -> Vec<ParamSpec> {
        let node = self.node(id);
        let Some(&first) = node.inputs.first() else { return Vec::new() };
        let mut specs = node.op.parameters(self.node(first).shape);
        specs.iter_mut().for_each(|spec| node.tensors.apply(&node.path, spec));
        specs
    }

    /// The shapes that the layer itself gives the parameters of [`Graph::node_parameters`].
    pub(crate) fn layer_shapes(&self, id: NodeId) -> Vec<Vec<usize>> {
        let node = self.node(id);
        let first = node.inputs.first().map(|&first| self.node(first).shape);
        let specs = first.map(|first| node.op.parameters(first)).unwrap_or_default();
        specs.into_iter().map(|spec| spec.shape).collect()
    }

    /// All parameters and buffers, each tensor once, in the order of the nodes. With [`Graph::aliases`] these are the keys
    /// of the state dict.
    pub fn parameters(&self) -> Vec<ParamSpec> {
        self.ids().flat_map(|id| self.own_parameters(id)).collect()
    }

    /// Names of tensors that other parameters have too, ordered by name.
    pub fn shared_weights(&self) -> &[SharedWeight] {
        &self.shared
    }

    /// Those of them that the state dict has beside the first ones.
    pub fn aliases(&self) -> impl Iterator<Item = &SharedWeight> {
        self.shared.iter().filter(|shared| shared.in_state_dict)
    }

    /// The parameter that a name is another name for.
    pub fn first_of(&self, name: &str) -> Option<&str> {
        let found = self.shared.binary_search_by(|shared| shared.name.as_str().cmp(name)).ok()?;
        Some(&self.shared[found].first)
    }

    /// The place of each parameter in the network's order, by its name.
    pub(crate) fn parameter_order(&self) -> HashMap<String, usize> {
        self.parameters().into_iter().enumerate().map(|(place, spec)| (spec.name, place)).collect()
    }

    /// The name that reader number `number` of a weight has for it, from 0, by that of the first.
    pub(crate) fn name_of_reader(&self, first: &str, number: usize) -> Option<String> {
        let pairs = |id| self.node_parameters(id).into_iter().zip(self.named_parameters(id));
        let mut names = self.ids().flat_map(pairs).filter(|(spec, _)| spec.name == first);
        names.nth(number).map(|(_, own)| own.name)
    }

    /// Whether several layers read a weight, by the name of the first.
    pub(crate) fn is_shared(&self, name: &str) -> bool {
        self.name_of_reader(name, 1).is_some()
    }

    /// Tensors of the state dict that no layer reads: those of modules that PyTorch code registers and never calls.
    pub fn unused(&self) -> &[UnusedTensor] {
        &self.unused
    }

    /// Which nodes the given ones depend on, themselves included.
    pub fn reachable(&self, from: &[NodeId]) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for id in from {
            live[id.index()] = true;
        }
        for id in self.ids().rev() {
            if live[id.index()] {
                for input in &self.node(id).inputs {
                    live[input.index()] = true;
                }
            }
        }
        live
    }

    /// The ids of the nodes that read each node.
    pub fn consumers(&self) -> Vec<Vec<NodeId>> {
        let mut consumers = vec![Vec::new(); self.nodes.len()];
        for id in self.ids() {
            for input in &self.node(id).inputs {
                consumers[input.index()].push(id);
            }
        }
        consumers
    }
}
