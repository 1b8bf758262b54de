//! What each layer of a network costs, and what the whole network does.

use super::memory::{FLOAT, Peak, TrainingMemory, inference_peak, tensor_bytes, training_memory};
use super::receptive::{ReceptiveField, receptive_fields};
use crate::graph::{Graph, NodeId, ScopeId, Shape};

/// The figures of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerFigures {
    /// The node.
    pub node: NodeId,
    /// Its path: `features.3`.
    pub path: String,
    /// PyTorch's class name.
    pub op: &'static str,
    /// Its settings in short: `3×3 s2 p1`.
    pub settings: String,
    /// Named groups around it, the network itself included: 1 for a layer of the network's own.
    pub depth: usize,
    /// Shape of its output for one image.
    pub output: Shape,
    /// Parameters (running statistics are buffers and do not count); one that is shared counts where it is first.
    pub params: u64,
    /// Elements of its buffers.
    pub buffers: u64,
    /// Multiply-accumulates for one image, see [`Op::macs`](crate::ops::Op::macs).
    pub macs: u64,
    /// Bytes of its output for the whole batch, in float32.
    pub activation_bytes: u64,
    /// What one of its outputs sees of the image.
    pub receptive_field: ReceptiveField,
    /// Arithmetic intensity: floating-point operations (2 a multiply-accumulate) per byte of inputs,
    /// parameters and output, for the whole batch.
    pub intensity: f64,
    /// Whether only auxiliary classifiers need it: inference leaves it out.
    pub auxiliary: bool,
}

/// The figures of a network, layer by layer and in total.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The network.
    pub graph: Graph,
    /// Images in a batch; memory is counted for all of them, MACs for one.
    pub batch: usize,
    /// All layers in topological order, the input left out.
    pub layers: Vec<LayerFigures>,
    /// Parameters, those of auxiliary classifiers included.
    pub params: u64,
    /// Parameters that inference uses.
    pub inference_params: u64,
    /// Parameters of layers that the network's code registers and never calls; they are not among `params`.
    pub unused_params: u64,
    /// Multiply-accumulates of inference for one image.
    pub macs: u64,
    /// Multiply-accumulates for one image with the auxiliary classifiers.
    pub training_macs: u64,
    /// Bytes of all layers' outputs for a batch, auxiliary classifiers left out.
    pub activation_bytes: u64,
    /// The most that is alive at one time in inference.
    pub peak: Peak,
    /// What a training step needs.
    pub training: TrainingMemory,
}

impl Summary {
    /// Works out the figures for a batch.
    pub fn new(graph: &Graph, batch: usize) -> Self {
        let fields = receptive_fields(graph);
        let used = graph.reachable(&[graph.output()]);
        let layers: Vec<LayerFigures> = graph
            .ids()
            .skip(1)
            .map(|id| LayerFigures {
                receptive_field: fields[id.index()],
                auxiliary: !used[id.index()],
                ..layer(graph, id, batch, fields[id.index()])
            })
            .collect();
        let sum = |value: fn(&LayerFigures) -> u64, all: bool| {
            let counted = layers.iter().filter(|l| all || !l.auxiliary);
            counted.fold(0u64, |sum, l| sum.saturating_add(value(l)))
        };
        Self {
            graph: graph.clone(),
            batch,
            params: sum(|l| l.params, true),
            inference_params: sum(|l| l.params, false),
            unused_params: unused(graph),
            macs: sum(|l| l.macs, false),
            training_macs: sum(|l| l.macs, true),
            activation_bytes: sum(|l| l.activation_bytes, false),
            peak: inference_peak(graph, batch),
            training: training_memory(graph, batch),
            layers,
        }
    }

    /// The figures of one node; `None` for the input.
    pub fn layer(&self, id: NodeId) -> Option<&LayerFigures> {
        self.layers.get(id.index().checked_sub(1)?)
    }
}

/// Elements of parameters that no layer reads.
fn unused(graph: &Graph) -> u64 {
    let trainable = graph.unused().iter().filter(|tensor| tensor.trainable);
    trainable.fold(0, |sum: u64, tensor| sum.saturating_add(tensor.elements() as u64))
}

fn layer(graph: &Graph, id: NodeId, batch: usize, receptive_field: ReceptiveField) -> LayerFigures {
    let node = graph.node(id);
    let inputs = graph.input_shapes(id);
    let macs = node.op.macs(&inputs, node.shape);
    let (mut params, mut buffers) = (0u64, 0u64);
    for spec in graph.own_parameters(id) {
        let count = if spec.kind.trainable() { &mut params } else { &mut buffers };
        *count = count.saturating_add(spec.elements() as u64);
    }
    let activation_bytes = tensor_bytes(graph, id, batch);
    let read: u64 = node.inputs.iter().map(|&i| tensor_bytes(graph, i, batch)).fold(0, u64::saturating_add);
    // Weights that a layer before it has too are read again.
    let weights = graph.node_parameters(id);
    let weights = weights.iter().fold(0u64, |sum, spec| sum.saturating_add(spec.elements() as u64));
    let moved = read as f64 + activation_bytes as f64 + weights.saturating_mul(FLOAT) as f64;
    LayerFigures {
        node: id,
        path: node.path.clone(),
        op: node.op.name(),
        settings: node.op.settings(&inputs),
        depth: depth(graph, node.scope),
        output: node.shape,
        params,
        buffers,
        macs,
        activation_bytes,
        receptive_field,
        intensity: 2.0 * macs as f64 * batch as f64 / moved,
        auxiliary: false,
    }
}

/// Scopes from the root down to one, both counted.
fn depth(graph: &Graph, scope: ScopeId) -> usize {
    1 + graph.scope(scope).parent.map_or(0, |parent| depth(graph, parent))
}
