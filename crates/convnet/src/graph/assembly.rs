//! Networks put together layer by layer, by code that has their layers as a list.

use std::collections::HashSet;

use super::{
    Graph, GraphError, Init, Node, NodeId, Output, Scope, ScopeId, Shape, ShapeIssue, SharedWeight,
    TensorForm, UnusedTensor,
};
use crate::ops::{MOST_ELEMENTS, Op, ParamSpec, check_shape};

/// The deepest scope: layers that lie deeper are put into the one at this depth.
const DEEPEST: usize = 64;

/// A network that is put together one layer at a time: what reads networks from files or from code writes them with.
///
/// Each layer is checked when it is added, and reads layers that stand before it, so that the network is in topological
/// order. [`Builder`](super::Builder) is the way to write one by hand.
///
/// ```
/// use convnet::graph::{Assembly, ScopeId};
/// use convnet::ops::{Conv2d, Linear, Op};
/// use convnet::shape::Shape;
///
/// let mut net = Assembly::new("net", [1, 8, 8])?;
/// net.kind("LeNet");
/// let features = net.scope("features", "Sequential", ScopeId::ROOT);
/// let conv = net.node(features, "features.0", Conv2d::new(4, 3), &[net.input()])?;
/// let relu = net.node(features, "features.1", Op::Relu, &[conv])?;
/// assert_eq!(net.shape(relu), Shape::map(4, 6, 6));
/// let flat = net.node(ScopeId::ROOT, "flatten", Op::Flatten, &[relu])?;
/// // The first layer that does not fit is named, with the layers before it.
/// let error = net.node(ScopeId::ROOT, "fc", Conv2d::new(4, 3), &[flat]).unwrap_err();
/// assert_eq!((error.path.as_str(), error.partial.nodes().len()), ("fc", 4));
/// let scores = net.node(ScopeId::ROOT, "fc", Linear::new(10), &[flat])?;
/// let graph = net.finish(scores)?;
/// assert_eq!(graph.parameters()[0].name, "features.0.weight");
/// assert_eq!(graph.scopes()[1].result, relu);
/// # Ok::<(), convnet::graph::GraphError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assembly {
    graph: Graph,
    /// The paths that layers have.
    taken: HashSet<String>,
    /// The paths that are kept for layers with parameters.
    reserved: HashSet<String>,
    /// Elements of all values and parameters so far.
    elements: usize,
}

impl Assembly {
    /// A network called `name` that takes images of channels, height and width.
    ///
    /// # Errors
    /// If no image has this size.
    pub fn new(name: &str, [channels, height, width]: [usize; 3]) -> Result<Self, GraphError> {
        let (assembly, issue) = Self::with_image(name, Shape::map(channels, height, width));
        match issue {
            None => Ok(assembly),
            Some(issue) => Err(assembly.error("input", "Input", &[], issue)),
        }
    }

    /// The same, with what is wrong with the images beside it.
    pub(super) fn with_image(name: &str, shape: Shape) -> (Self, Option<ShapeIssue>) {
        let path = String::from("input");
        let taken = HashSet::from([path.clone()]);
        let input = Node {
            op: Op::Input,
            inputs: Vec::new(),
            path,
            scope: ScopeId::ROOT,
            shape,
            tensors: TensorForm::Own,
        };
        let root = Scope {
            name: String::new(),
            kind: "Sequential".into(),
            path: String::new(),
            parent: None,
            result: NodeId(0),
        };
        let graph = Graph {
            name: name.into(),
            nodes: vec![input],
            scopes: vec![root],
            outputs: Vec::new(),
            init: Init::default(),
            shared: Vec::new(),
            unused: Vec::new(),
            apart: None,
        };
        let assembly = Self { graph, taken, reserved: HashSet::new(), elements: shape.elements() };
        (assembly, check_shape("an image", shape).err())
    }

    /// Sets the class of the whole network, `Sequential` if it is not told.
    pub fn kind(&mut self, kind: &str) {
        self.graph.scopes[0].kind = kind.into();
    }

    /// Keeps paths for the first layers with parameters that ask for them: other layers, and layers that are there a
    /// second time, get none of these.
    pub fn reserve(&mut self, paths: impl IntoIterator<Item = String>) {
        self.reserved.extend(paths);
    }

    /// The images.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// A scope of class `kind` inside of `parent`. Its path is full (`layer1.0`), and need not be one of its own: a block
    /// that is called twice is two scopes. It returns the last of its layers, unless [`Assembly::returns`] tells of
    /// another. What would lie deeper than 64 levels is the scope at that depth.
    ///
    /// # Panics
    /// If there is no scope `parent`.
    pub fn scope(&mut self, path: &str, kind: &str, parent: ScopeId) -> ScopeId {
        let depth = std::iter::successors(Some(parent), |&scope| self.graph.scope(scope).parent).count();
        if depth > DEEPEST {
            return parent;
        }
        let id = ScopeId(self.graph.scopes.len() as u32);
        self.graph.scopes.push(Scope {
            name: path.rsplit('.').next().unwrap_or(path).to_owned(),
            kind: kind.into(),
            path: path.into(),
            parent: Some(parent),
            result: NodeId(self.graph.nodes.len() as u32 - 1),
        });
        id
    }

    /// Tells which layer's output a scope returns.
    ///
    /// # Panics
    /// If there is no such scope or layer.
    pub fn returns(&mut self, scope: ScopeId, node: NodeId) {
        assert!(node.index() < self.graph.nodes.len(), "the network has no node {}", node.index());
        self.graph.scopes[scope.index()].result = node;
    }

    /// Adds a layer that lies in `scope` and reads `inputs`. Its path is full (`layer1.0.conv1`); one that is taken gets a
    /// suffix (`layer1.0.conv1_1`), see [`Assembly::path`]. The images give their own path up to a layer that asks for it.
    ///
    /// # Errors
    /// If it does not fit what it reads, or the network becomes larger than any machine.
    pub fn node(
        &mut self,
        scope: ScopeId,
        path: &str,
        op: impl Into<Op>,
        inputs: &[NodeId],
    ) -> Result<NodeId, GraphError> {
        let op = op.into();
        let name = op.name();
        self.push(scope, path, op, inputs).map_err(|(path, issue)| self.error(&path, name, inputs, issue))
    }

    /// The same; a failure is the path that the layer would have, and what is wrong.
    pub(super) fn push(
        &mut self,
        scope: ScopeId,
        path: &str,
        op: Op,
        inputs: &[NodeId],
    ) -> Result<NodeId, (String, ShapeIssue)> {
        let known = inputs.iter().all(|input| input.index() < self.graph.nodes.len());
        if op == Op::Input || inputs.is_empty() || !known || scope.index() >= self.graph.scopes.len() {
            let found = format!("inputs {inputs:?} in {scope:?}");
            let expected = "layers and a scope that the network has";
            let issue = ShapeIssue::new(found, expected, "give those that were returned for this network");
            return Err((path.to_owned(), issue));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let parameters = op.parameters(shapes[0]);
        let path = self.free(path, !parameters.is_empty());
        let checked = op.infer(&shapes).and_then(|shape| self.count(&parameters, shape).map(|()| shape));
        let shape = match checked {
            Ok(shape) => shape,
            Err(issue) => return Err((path, issue)),
        };
        if self.graph.nodes[0].path == path {
            self.graph.nodes[0].path = self.free(&path, false);
            self.taken.insert(self.graph.nodes[0].path.clone());
        }
        self.taken.insert(path.clone());
        let id = NodeId(self.graph.nodes.len() as u32);
        let tensors = TensorForm::Own;
        self.graph.nodes.push(Node { op, inputs: inputs.to_vec(), path, scope, shape, tensors });
        let mut around = Some(scope);
        while let Some(scope) = around {
            let scope = &mut self.graph.scopes[scope.index()];
            scope.result = id;
            around = scope.parent;
        }
        Ok(id)
    }

    /// Tells how the state dict has a layer's parameters.
    ///
    /// # Errors
    /// If the layer's cannot have this form.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn keep_as(&mut self, node: NodeId, form: TensorForm) -> Result<(), GraphError> {
        let Node { op, path, inputs, .. } = self.graph.node(node);
        form.check(op).map_err(|issue| self.error(path, op.name(), inputs, issue))?;
        self.graph.nodes[node.index()].tensors = form;
        Ok(())
    }

    /// The shape of a layer's output for one image.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn shape(&self, node: NodeId) -> Shape {
        self.graph.node(node).shape
    }

    /// The path that a layer got.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn path(&self, node: NodeId) -> &str {
        &self.graph.node(node).path
    }

    /// Declares an auxiliary classifier: an output that training adds to the loss with `loss_weight`, and that inference
    /// leaves out.
    pub fn auxiliary(&mut self, name: &str, node: NodeId, loss_weight: f32) {
        self.graph.outputs.push(Output { name: name.into(), node, loss_weight });
    }

    /// Sets how the weights are drawn.
    pub fn init(&mut self, init: Init) {
        self.graph.init = init;
    }

    /// Tells that a parameter is the same tensor as one before it.
    pub fn share(&mut self, shared: SharedWeight) {
        self.graph.shared.push(shared);
    }

    /// Tells of a tensor of the state dict that no layer reads.
    pub fn unused(&mut self, tensor: UnusedTensor) {
        self.graph.unused.push(tensor);
    }

    /// The network so far.
    pub(super) fn so_far(&self) -> &Graph {
        &self.graph
    }

    /// Ends the network with its main output.
    ///
    /// # Errors
    /// An output that is no layer of it or has a loss weight that is not finite, a tensor that is said to be shared and is
    /// not there or has another shape, a name that two tensors have.
    pub fn finish(mut self, output: NodeId) -> Result<Graph, GraphError> {
        self.graph.outputs.insert(0, Output { name: "output".into(), node: output, loss_weight: 1.0 });
        for Output { name, node, loss_weight } in &self.graph.outputs {
            let count = self.graph.nodes.len();
            if node.index() >= count || !loss_weight.is_finite() {
                let issue = ShapeIssue::new(
                    format!("node {} with loss weight {loss_weight}", node.index()),
                    format!("one of {count} nodes and a finite weight"),
                    "give a layer of this network",
                );
                return Err(self.error(name, "Output", &[], issue));
            }
        }
        if let Some(name) = self.graph.init.invalid() {
            let issue = ShapeIssue::new(
                "an initialization that nothing can be drawn from",
                "finite numbers, bounds in their order, no negative deviation",
                "change how it is drawn",
            );
            return Err(self.error(name, "Parameter", &[], issue));
        }
        self.graph.scopes[0].result = output;
        let checked = super::tensors::check(&self.graph);
        self.graph.shared.sort_by(|a, b| a.name.cmp(&b.name));
        match checked {
            Ok(()) => Ok(self.graph),
            Err((name, issue)) => Err(self.error(&name, "Parameter", &[], issue)),
        }
    }

    /// A path that no layer has: the given one, or with a suffix.
    fn free(&self, path: &str, has_parameters: bool) -> String {
        let is_free = |path: &str, reserved: bool| {
            // The images give way.
            (!self.taken.contains(path) || (has_parameters && self.graph.nodes[0].path == path))
                && (reserved || !self.reserved.contains(path))
        };
        if is_free(path, has_parameters) {
            return path.to_owned();
        }
        (1_u64..).map(|i| format!("{path}_{i}")).find(|path| is_free(path, false)).unwrap_or_default()
    }

    /// Counts the elements of a layer.
    fn count(&mut self, parameters: &[ParamSpec], output: Shape) -> Result<(), ShapeIssue> {
        let counts = parameters.iter().map(ParamSpec::elements).chain([output.elements()]);
        let elements = counts.fold(self.elements, usize::saturating_add);
        if elements > MOST_ELEMENTS {
            return Err(ShapeIssue::new(
                format!("{elements} elements of values and parameters up to here"),
                format!("at most {MOST_ELEMENTS}"),
                "make the network smaller",
            ));
        }
        self.elements = elements;
        Ok(())
    }

    /// What is wrong at a path, with the network so far.
    pub(super) fn error(
        &self,
        path: &str,
        op: &'static str,
        inputs: &[NodeId],
        issue: ShapeIssue,
    ) -> GraphError {
        let partial = Box::new(self.graph.clone());
        GraphError { partial, path: path.into(), op, inputs: inputs.to_vec(), issue: Box::new(issue) }
    }
}
