//! Memory of inference and of training, in bytes of float32, worked out from the graph.

use crate::graph::{Graph, NodeId};
use crate::ops::{PassThrough, Reserve};

/// Bytes of a float32.
pub(super) const FLOAT: u64 = 4;

/// The most memory that activations take at one time during inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Bytes of the tensors alive.
    pub bytes: u64,
    /// The layer that is computed then.
    pub node: NodeId,
}

/// The memory of one training step, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingMemory {
    /// The trainable parameters.
    pub parameters: u64,
    /// Their gradients.
    pub gradients: u64,
    /// Momentum of SGD: one value a parameter. Adam keeps two.
    pub momentum: u64,
    /// What the forward pass keeps for the backward pass, see [`saved_bytes`].
    pub saved: u64,
}

impl TrainingMemory {
    /// All of it, with momentum SGD.
    pub fn total(self) -> u64 {
        [self.gradients, self.momentum, self.saved].iter().fold(self.parameters, |a, &b| a.saturating_add(b))
    }
}

/// The node whose tensor each node's output is: itself, or for a layer that hands its input on, its input's.
fn buffers(graph: &Graph, training: bool) -> Vec<NodeId> {
    let mut buffer: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    for id in graph.ids() {
        let node = graph.node(id);
        let handed_on = match node.op.pass_through() {
            PassThrough::Never => false,
            PassThrough::Inference => !training,
            PassThrough::Always => true,
        };
        buffer.push(match node.inputs.first() {
            Some(input) if handed_on => buffer[input.index()],
            _ => id,
        });
    }
    buffer
}

/// Peak activation memory of inference by liveness.
///
/// The rule: layers run in the order of [`Graph::nodes`], auxiliary classifiers left out; a tensor lives from
/// the layer that writes it to the last one that reads it, the images and the result included; while a layer
/// runs, its inputs and its output are alive together. Nothing is computed in place, and Flatten, Unflatten,
/// Identity and dropout hand their input on without a copy.
pub fn inference_peak(graph: &Graph, batch: usize) -> Peak {
    let live = graph.reachable(&[graph.output()]);
    let buffer = buffers(graph, false);
    let mut last_use: Vec<usize> = (0..graph.nodes().len()).collect();
    for id in graph.ids().filter(|id| live[id.index()]) {
        for input in &graph.node(id).inputs {
            last_use[buffer[input.index()].index()] = id.index();
        }
    }
    last_use[buffer[graph.output().index()].index()] = graph.nodes().len();

    let bytes = |id: NodeId| tensor_bytes(graph, id, batch);
    let mut peak = Peak { bytes: 0, node: NodeId(0) };
    let mut alive: Vec<NodeId> = Vec::new();
    for id in graph.ids().filter(|id| live[id.index()] && buffer[id.index()] == *id) {
        alive.retain(|a| last_use[a.index()] >= id.index());
        alive.push(id);
        let total = alive.iter().fold(0u64, |sum, &a| sum.saturating_add(bytes(a)));
        if total > peak.bytes {
            peak = Peak { bytes: total, node: id };
        }
    }
    peak
}

/// Bytes of a node's output for a batch.
pub(super) fn tensor_bytes(graph: &Graph, id: NodeId, batch: usize) -> u64 {
    (graph.node(id).shape.elements() as u64).saturating_mul(batch as u64).saturating_mul(FLOAT)
}

/// Bytes that the forward pass of training keeps for the backward pass.
///
/// The rule: Conv2d, Linear, BatchNorm2d and LocalResponseNorm keep their input; activations and Softmax
/// keep their output, from which their derivative follows; a tensor that two layers keep is counted
/// once. MaxPool2d keeps a byte an output (which element of the window), BatchNorm2d a mean and a deviation a
/// channel. Dropout draws its mask again, the other layers need nothing.
pub fn saved_bytes(graph: &Graph, batch: usize) -> u64 {
    let buffer = buffers(graph, true);
    let mut kept = vec![false; graph.nodes().len()];
    let mut extra = 0u64;
    for id in graph.ids() {
        let node = graph.node(id);
        let reads = node.op.gradient_reads();
        if reads.input {
            node.inputs.iter().for_each(|input| kept[buffer[input.index()].index()] = true);
        }
        if reads.output {
            kept[buffer[id.index()].index()] = true;
        }
        extra = extra.saturating_add(match reads.reserve {
            Reserve::None => 0,
            Reserve::BytePerElement => tensor_bytes(graph, id, batch) / FLOAT,
            Reserve::TwoFloatsPerChannel => 2 * FLOAT * node.shape.channels() as u64,
        });
    }
    graph
        .ids()
        .filter(|id| kept[id.index()])
        .fold(extra, |sum, id| sum.saturating_add(tensor_bytes(graph, id, batch)))
}

/// The memory of one training step over a batch.
pub fn training_memory(graph: &Graph, batch: usize) -> TrainingMemory {
    let trainable =
        graph.parameters().into_iter().filter(|p| p.kind.trainable()).map(|p| p.elements() as u64);
    let parameters = trainable.fold(0u64, u64::saturating_add).saturating_mul(FLOAT);
    TrainingMemory {
        parameters,
        gradients: parameters,
        momentum: parameters,
        saved: saved_bytes(graph, batch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear, MaxPool2d};

    #[test]
    fn a_chain_peaks_where_an_input_and_an_output_are_largest_together() {
        let net = Builder::image("chain", 1, 8, 8);
        let x = net.input().conv2d(Conv2d::new(4, 1)).relu().max_pool2d(MaxPool2d::new(2));
        let graph = net.build(x.flatten().linear(Linear::new(10))).unwrap();
        // Input 64, conv 256, relu 256, pool 64, flatten no memory, linear 10.
        let peak = inference_peak(&graph, 1);
        assert_eq!((peak.bytes, graph.node(peak.node).path.as_str()), (512 * 4, "1"));
        assert_eq!(inference_peak(&graph, 3).bytes, 3 * 512 * 4);
    }

    #[test]
    fn a_skip_keeps_its_tensor_alive() {
        let net = Builder::image("skip", 2, 4, 4);
        let x = net.input().conv2d(Conv2d::new(2, 1));
        let y = x.conv2d(Conv2d::new(2, 1)).relu();
        let graph = net.build(y + x).unwrap();
        // While relu runs: x, the second convolution and its own output; while add runs also three.
        assert_eq!(inference_peak(&graph, 1).bytes, 3 * 32 * 4);
    }

    #[test]
    fn an_auxiliary_classifier_takes_no_inference_memory() {
        let build = |auxiliary: bool| {
            let net = Builder::image("aux", 1, 4, 4);
            let x = net.input().conv2d(Conv2d::new(2, 1));
            if auxiliary {
                net.auxiliary("aux", x.conv2d(Conv2d::new(500, 1)).flatten(), 0.3);
            }
            let graph = net.build(x.flatten().linear(Linear::new(3))).unwrap();
            (inference_peak(&graph, 1).bytes, saved_bytes(&graph, 1))
        };
        assert_eq!(build(false).0, build(true).0);
        assert_eq!(build(false).1, build(true).1, "the head reads the same tensor again");
    }

    #[test]
    fn a_tensor_kept_by_two_layers_counts_once() {
        let net = Builder::image("saved", 1, 4, 4);
        let x = net.input().conv2d(Conv2d::new(2, 1)).relu().max_pool2d(MaxPool2d::new(2));
        let graph = net.build(x.flatten().linear(Linear::new(3))).unwrap();
        // The images (16), relu's output (32), a byte for each of 8 pooled values, linear's input (8).
        assert_eq!(saved_bytes(&graph, 1), (16 + 32 + 8) * 4 + 8);
        let memory = training_memory(&graph, 1);
        assert_eq!(memory.parameters, (2 + 2 + 24 + 3) * 4);
        assert_eq!(memory.total(), 3 * memory.parameters + memory.saved);
    }
}
