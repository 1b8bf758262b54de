//! The backward pass of a whole network.

use super::{Masks, State};
use crate::graph::{Graph, NodeId};
use crate::ops::{
    Array, Op, ParamSpec, activation, adaptive_avg_pool2d, affine, avg_pool2d, batch_norm2d, concat,
    constant_pad2d, conv2d, dropout, flatten, linear, local_response_norm, max_pool2d, softmax,
};

/// What a backward pass reads.
pub(super) struct Pass<'a> {
    pub(super) graph: &'a Graph,
    pub(super) parameters: &'a [Vec<(ParamSpec, Array)>],
    pub(super) masks: Masks<'a>,
    /// Every node's output in the forward pass.
    pub(super) outputs: &'a [Array],
}

/// The gradients that one node hands on.
struct Gradients {
    inputs: Vec<Array>,
    /// In the order of the node's trainable parameters.
    parameters: Vec<Array>,
}

impl Gradients {
    fn input(dx: Array) -> Self {
        Self { inputs: vec![dx], parameters: Vec::new() }
    }

    fn with_parameters([dx, first, second]: [Array; 3]) -> Self {
        Self { inputs: vec![dx], parameters: vec![first, second] }
    }
}

impl Pass<'_> {
    /// The gradients of all trainable parameters, from those of the loss in some nodes' outputs; zeros where
    /// the loss does not depend on a parameter.
    pub(super) fn run(&self, sources: Vec<(NodeId, Array)>) -> State {
        let mut reached: Vec<Option<Array>> = vec![None; self.outputs.len()];
        for (id, gradient) in sources {
            accumulate(&mut reached[id.index()], gradient);
        }
        let mut gradients = State::new();
        for id in self.graph.ids().rev() {
            let specs = self.parameters[id.index()].iter().filter(|(spec, _)| spec.kind.trainable());
            let Some(dy) = reached[id.index()].take() else {
                gradients.extend(specs.map(|(spec, array)| (spec.name.clone(), Array::zeros(&array.shape))));
                continue;
            };
            let node = self.graph.node(id);
            if node.inputs.is_empty() {
                continue;
            }
            let handed = self.apply(id, &dy);
            for (input, gradient) in node.inputs.iter().zip(handed.inputs) {
                accumulate(&mut reached[input.index()], gradient);
            }
            gradients.extend(specs.map(|(spec, _)| spec.name.clone()).zip(handed.parameters));
        }
        gradients
    }

    fn apply(&self, id: NodeId, dy: &Array) -> Gradients {
        let node = self.graph.node(id);
        let inputs: Vec<&Array> = node.inputs.iter().map(|i| &self.outputs[i.index()]).collect();
        let (x, y) = (inputs[0], &self.outputs[id.index()]);
        let parameter = |i: usize| &self.parameters[id.index()][i].1;
        match &node.op {
            Op::Input | Op::Identity => Gradients::input(dy.clone()),
            Op::Conv2d(op) => Gradients::with_parameters(conv2d::naive::backward(op, x, parameter(0), dy)),
            Op::Linear(_) => Gradients::with_parameters(linear::naive::backward(x, parameter(0), dy)),
            Op::BatchNorm2d(op) => {
                Gradients::with_parameters(batch_norm2d::naive::backward(op, x, parameter(0), dy))
            }
            Op::LocalResponseNorm(op) => Gradients::input(local_response_norm::naive::backward(op, x, dy)),
            Op::Relu => Gradients::input(activation::naive::relu_backward(y, dy)),
            Op::LeakyRelu(op) => Gradients::input(activation::naive::leaky_relu_backward(y, dy, op.slope)),
            Op::Hardtanh(op) => Gradients::input(activation::naive::hardtanh_backward(y, dy, op)),
            Op::Sigmoid => Gradients::input(activation::naive::sigmoid_backward(y, dy)),
            Op::Tanh => Gradients::input(activation::naive::tanh_backward(y, dy)),
            Op::Softmax => Gradients::input(softmax::naive::backward(y, dy)),
            Op::LogSoftmax => Gradients::input(softmax::naive::log_backward(y, dy)),
            Op::MaxPool2d(op) => Gradients::input(max_pool2d::naive::backward(op, x, dy)),
            Op::AvgPool2d(op) => Gradients::input(avg_pool2d::naive::backward(op, &x.shape, dy)),
            Op::AdaptiveAvgPool2d(op) => {
                Gradients::input(adaptive_avg_pool2d::naive::backward(op, &x.shape, dy))
            }
            Op::ConstantPad2d(op) => Gradients::input(constant_pad2d::naive::backward(op, &x.shape, dy)),
            Op::Flatten => Gradients::input(flatten::naive::backward(&x.shape, dy)),
            Op::Unflatten => Gradients::input(dy.reshape(&x.shape)),
            Op::Affine => Gradients::input(affine::naive::backward(parameter(0), dy)),
            Op::Dropout(_) => Gradients::input(dropout::naive::elements(dy, |i| (self.masks)(id, i))),
            Op::Dropout1d(_) => Gradients::input(dropout::naive::units(dy, |i| (self.masks)(id, i))),
            Op::Concat => {
                let shapes: Vec<&[usize]> = inputs.iter().map(|x| &x.shape[..]).collect();
                Gradients { inputs: concat::naive::backward(&shapes, dy), parameters: Vec::new() }
            }
            Op::Add => Gradients { inputs: vec![dy.clone(), dy.clone()], parameters: Vec::new() },
        }
    }
}

fn accumulate(sum: &mut Option<Array>, gradient: Array) {
    *sum = Some(match sum.take() {
        Some(sum) => sum.zip(&gradient, |a, b| a + b),
        None => gradient,
    });
}
