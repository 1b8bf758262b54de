//! The forward pass of a whole network.

use super::Masks;
use crate::graph::{Graph, NodeId};
use crate::ops::{
    Array, Op, ParamSpec, activation, adaptive_avg_pool2d, add, affine, avg_pool2d, batch_norm2d, concat,
    constant_pad2d, conv2d, dropout, flatten, linear, local_response_norm, max_pool2d, softmax,
};

/// What a forward pass reads.
pub(super) struct Pass<'a> {
    pub(super) graph: &'a Graph,
    pub(super) parameters: &'a [Vec<(ParamSpec, Array)>],
    /// The dropout masks of training; `None` is inference.
    pub(super) masks: Option<Masks<'a>>,
}

impl Pass<'_> {
    /// Every node's output.
    pub(super) fn run(&self, input: &Array) -> Vec<Array> {
        let mut outputs: Vec<Array> = Vec::with_capacity(self.graph.nodes().len());
        for id in self.graph.ids() {
            let inputs: Vec<&Array> =
                self.graph.node(id).inputs.iter().map(|i| &outputs[i.index()]).collect();
            let output = if inputs.is_empty() { input.clone() } else { self.apply(id, &inputs) };
            outputs.push(output);
        }
        outputs
    }

    fn apply(&self, id: NodeId, inputs: &[&Array]) -> Array {
        let node = self.graph.node(id);
        let parameters = &self.parameters[id.index()];
        let parameter = |i: usize| &parameters[i].1;
        let x = inputs[0];
        let size = node.shape.spatial();
        match &node.op {
            Op::Input | Op::Identity => x.clone(),
            Op::Conv2d(op) => {
                conv2d::naive::forward(op, x, parameter(0), parameters.get(1).map(|p| &p.1), size)
            }
            Op::Linear(_) => linear::naive::forward(x, parameter(0), parameters.get(1).map(|p| &p.1)),
            Op::BatchNorm2d(op) => {
                let affine = [parameter(0), parameter(1)];
                if self.masks.is_none() {
                    return batch_norm2d::naive::forward(op, x, affine, [parameter(2), parameter(3)]);
                }
                let batch = batch_norm2d::naive::Statistics::of(x);
                batch_norm2d::naive::forward(op, x, affine, [&batch.mean, &batch.variance])
            }
            Op::LocalResponseNorm(op) => local_response_norm::naive::forward(op, x),
            Op::Relu => activation::naive::relu(x),
            Op::LeakyRelu(op) => activation::naive::leaky_relu(x, op.slope),
            Op::Hardtanh(op) => activation::naive::hardtanh(x, op),
            Op::Sigmoid => activation::naive::sigmoid(x),
            Op::Tanh => activation::naive::tanh(x),
            Op::Softmax => softmax::naive::forward(x),
            Op::LogSoftmax => softmax::naive::log_forward(x),
            Op::MaxPool2d(op) => max_pool2d::naive::forward(op, x, size),
            Op::AvgPool2d(op) => avg_pool2d::naive::forward(op, x, size),
            Op::AdaptiveAvgPool2d(op) => adaptive_avg_pool2d::naive::forward(op, x),
            Op::ConstantPad2d(op) => constant_pad2d::naive::forward(op, x),
            Op::Flatten => flatten::naive::forward(x),
            Op::Unflatten => x.reshape(&[x.shape[0], x.shape[1], 1, 1]),
            Op::Affine => affine::naive::forward(x, parameter(0), parameter(1)),
            Op::Dropout(_) => match self.masks {
                Some(masks) => dropout::naive::elements(x, |i| masks(id, i)),
                None => x.clone(),
            },
            Op::Dropout1d(_) => match self.masks {
                Some(masks) => dropout::naive::units(x, |i| masks(id, i)),
                None => x.clone(),
            },
            Op::Concat => concat::naive::forward(inputs),
            Op::Add => add::naive::forward(x, inputs[1]),
        }
    }
}
