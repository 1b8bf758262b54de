//! A network while its model is read: layers that later operators may still be merged into.

use std::collections::BTreeMap;

use super::constant::Constant;
use crate::graph::{Assembly, Graph, GraphError, NodeId, ScopeId, Shape};
use crate::ops::Op;

/// The most elements that a value may have for one image, and that weights may have which are in no file.
const LARGEST: usize = 1 << 28;

/// A layer with its weights.
#[derive(Clone, Debug)]
pub(super) struct DraftLayer {
    pub(super) op: Op,
    pub(super) inputs: Vec<usize>,
    pub(super) path: String,
    /// The output's shape for one image.
    pub(super) shape: Shape,
    /// The weights, in the order of the op's parameters.
    pub(super) weights: Vec<Constant>,
}

/// Layers in topological order; the first is the input.
#[derive(Clone, Debug)]
pub(super) struct NetworkDraft {
    pub(super) layers: Vec<DraftLayer>,
    /// Elements of weights that are in no file.
    filled: usize,
}

impl NetworkDraft {
    /// Images of this shape, and nothing else.
    pub(super) fn new([channels, height, width]: [usize; 3]) -> Result<Self, String> {
        let shape = Shape::map(channels, height, width);
        check(shape)?;
        let input = DraftLayer {
            op: Op::Input,
            inputs: Vec::new(),
            path: "input".into(),
            shape,
            weights: Vec::new(),
        };
        Ok(Self { layers: vec![input], filled: 0 })
    }

    pub(super) fn shape(&self, layer: usize) -> Shape {
        self.layers[layer].shape
    }

    /// Adds a layer, if its inputs and its weights fit it.
    pub(super) fn push(
        &mut self,
        op: impl Into<Op>,
        inputs: &[usize],
        path: String,
        weights: Vec<Constant>,
    ) -> Result<usize, String> {
        let op = op.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = op.infer(&shapes).map_err(|issue| {
            let arithmetic = issue.arithmetic.map(|text| format!(" ({text})")).unwrap_or_default();
            format!("got {}, expected {}{arithmetic}", issue.found, issue.expected)
        })?;
        check(shape)?;
        let specs = shapes.first().map(|&first| op.parameters(first)).unwrap_or_default();
        for (spec, weight) in specs.iter().zip(&weights) {
            if spec.shape != weight.shape {
                return Err(format!(
                    "its {} has shape {:?}, expected {:?}",
                    spec.name, weight.shape, spec.shape
                ));
            }
        }
        debug_assert_eq!(specs.len(), weights.len());
        self.filled = weights.iter().fold(self.filled, |sum, weight| sum.saturating_add(weight.filled()));
        if self.filled > LARGEST {
            return Err(format!(
                "{} elements of weights that are in no file, expected at most {LARGEST}",
                self.filled
            ));
        }
        self.layers.push(DraftLayer { op, inputs: inputs.to_vec(), path, shape, weights });
        Ok(self.layers.len() - 1)
    }

    /// The layers that the output depends on as a network, and its weights by name.
    pub(super) fn finish(
        self,
        name: &str,
        output: usize,
    ) -> Result<(Graph, BTreeMap<String, Constant>), GraphError> {
        let mut wanted = vec![false; self.layers.len()];
        wanted[output] = true;
        for (i, layer) in self.layers.iter().enumerate().rev() {
            if wanted[i] {
                layer.inputs.iter().for_each(|&input| wanted[input] = true);
            }
        }
        let input = self.shape(0);
        let (height, width) = input.spatial();
        let mut net = Assembly::new(name, [input.channels(), height, width])?;
        let mut scopes = BTreeMap::new();
        let mut ids = vec![net.input()];
        let mut weights = Vec::new();
        for (layer, wanted) in self.layers.iter().zip(wanted).skip(1) {
            if !wanted {
                ids.push(net.input());
                continue;
            }
            let inputs: Vec<NodeId> = layer.inputs.iter().map(|&input| ids[input]).collect();
            let scope = scope(&mut net, &mut scopes, &layer.path);
            let id = net.node(scope, &layer.path, layer.op.clone(), &inputs)?;
            weights.push((id, &layer.weights));
            ids.push(id);
        }
        let mut graph = net.finish(ids[output])?;
        classes(&mut graph);
        let mut named = BTreeMap::new();
        for (id, constants) in &weights {
            let specs = graph.node_parameters(*id).into_iter();
            named.extend(specs.map(|spec| spec.name).zip(constants.iter().cloned()));
        }
        Ok((graph, named))
    }
}

/// The deepest scope: what is deeper is left where it is.
const DEPTH: usize = 16;

/// The scope of a layer, by the parts of its path.
fn scope(net: &mut Assembly, scopes: &mut BTreeMap<String, ScopeId>, path: &str) -> ScopeId {
    let ends: Vec<usize> = path.match_indices('.').map(|(at, _)| at).collect();
    if ends.len() > DEPTH {
        return ScopeId::ROOT;
    }
    ends.into_iter().fold(ScopeId::ROOT, |parent, end| {
        *scopes.entry(path[..end].to_owned()).or_insert_with(|| net.scope(&path[..end], "Sequential", parent))
    })
}

/// Gives scopes that are no Sequential another class.
fn classes(graph: &mut Graph) {
    // PyTorch numbers the parts of a Sequential; what has names for them is some other module.
    let own = |path: &str| path.rsplit('.').next().unwrap_or_default().parse::<usize>().is_err();
    let mut modules = vec![false; graph.scopes.len()];
    for node in graph.nodes.iter().filter(|node| own(&node.path)) {
        modules[node.scope.index()] = true;
    }
    for scope in &graph.scopes {
        if let Some(parent) = scope.parent.filter(|_| own(&scope.path)) {
            modules[parent.index()] = true;
        }
    }
    for (scope, _) in graph.scopes.iter_mut().zip(modules).skip(1).filter(|(_, module)| *module) {
        scope.kind = "Module".into();
    }
}

/// Refuses what no machine would compute.
fn check(shape: Shape) -> Result<(), String> {
    let count = shape.dims().iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    match count {
        Some(1..=LARGEST) => Ok(()),
        _ => Err(format!("a value of {shape} for one image, expected 1 to {LARGEST} elements")),
    }
}
