//! What PyTorch's autograd would know: whether a value has a gradient, and the name of what made it.

use std::collections::{HashMap, HashSet};

use convnet::ops::Op;

use super::{Tape, TapeId, What};

/// What the steps alone do not tell.
#[derive(Default)]
pub(crate) struct Autograd {
    /// How many `no_grad` are around.
    pub(crate) off: usize,
    /// Steps that were taken with it off, or by `detach()`.
    pub(crate) detached: HashSet<TapeId>,
    /// Leaves for which a gradient was asked.
    pub(crate) asked: HashSet<TapeId>,
    /// Names where what a step computes does not tell them.
    pub(crate) names: HashMap<TapeId, &'static str>,
}

impl Tape {
    /// Whether the value has a gradient: a parameter that is trained is behind it.
    pub(crate) fn requires_grad(&self, id: TapeId) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if self.autograd.detached.contains(&id) || !seen.insert(id) {
                continue;
            }
            let step = self.step(id);
            if self.autograd.asked.contains(&id)
                || step.parameters.iter().any(|(_, parameter)| parameter.requires_grad.get())
            {
                return true;
            }
            open.extend(&step.inputs);
        }
        false
    }

    /// What PyTorch prints for a value behind its numbers: `grad_fn=<SoftmaxBackward0>`, `requires_grad=True`, or
    /// nothing.
    pub(crate) fn grad_text(&self, id: TapeId) -> Option<String> {
        if !self.requires_grad(id) {
            return None;
        }
        Some(match self.grad_fn(id) {
            Some(name) => format!("grad_fn=<{name}>"),
            None => "requires_grad=True".to_owned(),
        })
    }

    /// The name that PyTorch gives the backward function of a step; a leaf has none.
    fn grad_fn(&self, id: TapeId) -> Option<&'static str> {
        if let Some(name) = self.autograd.names.get(&id) {
            return Some(name);
        }
        let step = self.step(id);
        Some(match &step.what {
            What::Leaf(_) => return None,
            What::Layer(op) => layer(op),
            What::Reshape => "ViewBackward0",
            What::Permute(_) => "PermuteBackward0",
            What::Narrow { .. } => "SliceBackward0",
            What::Mean { .. } => "MeanBackward1",
            What::Scale { offset, .. } if *offset == 0.0 => "MulBackward0",
            What::Scale { .. } => "AddBackward0",
            What::Missing(_) => "Backward",
        })
    }
}

fn layer(op: &Op) -> &'static str {
    match op {
        Op::Conv2d(_) => "ConvolutionBackward0",
        Op::Linear(linear) if !linear.bias => "MmBackward0",
        Op::Linear(_) => "AddmmBackward0",
        Op::BatchNorm2d(_) => "NativeBatchNormBackward0",
        Op::LocalResponseNorm(_) => "DivBackward0",
        Op::Relu => "ReluBackward0",
        Op::LeakyRelu(_) => "LeakyReluBackward0",
        Op::Hardtanh(_) => "HardtanhBackward0",
        Op::Sigmoid => "SigmoidBackward0",
        Op::Tanh => "TanhBackward0",
        Op::Silu => "SiluBackward0",
        Op::Softmax => "SoftmaxBackward0",
        Op::LogSoftmax => "LogSoftmaxBackward0",
        Op::MaxPool2d(_) => "MaxPool2DWithIndicesBackward0",
        Op::AvgPool2d(_) => "AvgPool2DBackward0",
        Op::AdaptiveAvgPool2d(pool) if (pool.height, pool.width) == (1, 1) => "MeanBackward1",
        Op::AdaptiveAvgPool2d(_) => "AdaptiveAvgPool2DBackward0",
        Op::ConstantPad2d(_) => "ConstantPadNdBackward0",
        Op::Flatten | Op::Unflatten | Op::Identity | Op::Input => "ViewBackward0",
        Op::Affine | Op::Mul | Op::Dropout(_) | Op::StochasticDepth(_) => "MulBackward0",
        Op::Dropout1d(_) => "SqueezeBackward1",
        Op::Concat => "CatBackward0",
        Op::Add => "AddBackward0",
    }
}
