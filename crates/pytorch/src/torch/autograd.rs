//! What PyTorch's autograd would know: whether a value has a gradient, and the name of what made it.

use std::collections::{HashMap, HashSet};

use convnet::ops::{Arithmetic, Interpolation, Op, PadMode, Reduction, Unary};

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
            What::Last(Op::Conv2d(_)) => "ViewBackward0",
            What::Last(op) => layer(op),
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
        Op::Unary(function) => match function {
            Unary::Silu => "SiluBackward0",
            Unary::Gelu { .. } => "GeluBackward0",
            Unary::Hardswish => "HardswishBackward0",
            Unary::Hardsigmoid { .. } => "HardsigmoidBackward0",
            Unary::Elu { .. } | Unary::Selu | Unary::Celu { .. } => "EluBackward0",
            Unary::Softplus { .. } => "SoftplusBackward0",
            Unary::Softsign => "DivBackward0",
            Unary::Mish => "MishBackward0",
            Unary::Abs => "AbsBackward0",
            Unary::Exp => "ExpBackward0",
            Unary::Log => "LogBackward0",
            Unary::Sqrt => "SqrtBackward0",
            Unary::Reciprocal => "ReciprocalBackward0",
            Unary::Erf => "ErfBackward0",
            Unary::Scale { .. } => "MulBackward0",
            Unary::Power { .. } => "PowBackward0",
        },
        Op::Prelu(_) => "PreluKernelBackward0",
        Op::LayerNorm(_) => "NativeLayerNormBackward0",
        Op::GroupNorm(_) => "NativeGroupNormBackward0",
        Op::InstanceNorm2d(_) => "NativeBatchNormBackward0",
        Op::Reduce(reduce) => match reduce.reduction {
            Reduction::Sum => "SumBackward1",
            Reduction::Mean => "MeanBackward1",
            Reduction::Max => "AmaxBackward0",
            Reduction::Min => "AminBackward0",
        },
        Op::Pad2d(pad) => match pad.mode {
            PadMode::Reflect => "ReflectionPad2DBackward0",
            PadMode::Replicate => "ReplicationPad2DBackward0",
            PadMode::Circular => "CopySlices",
        },
        Op::Upsample(upsample) => match upsample.mode {
            Interpolation::Nearest { .. } => "UpsampleNearest2DBackward0",
            Interpolation::Linear => "UpsampleBilinear2DBackward0",
            Interpolation::Cubic { .. } => "UpsampleBicubic2DBackward0",
        },
        Op::Slice(_) => "SliceBackward0",
        Op::IndexSelect(_) => "IndexSelectBackward0",
        Op::ChannelShuffle(_) => "NativeChannelShuffleBackward0",
        Op::PixelShuffle(_) => "PixelShuffleBackward0",
        Op::PixelUnshuffle(_) => "PixelUnshuffleBackward0",
        Op::Permute(_) => "PermuteBackward0",
        Op::Arithmetic(function) => match function {
            Arithmetic::Add => "AddBackward0",
            Arithmetic::Sub => "SubBackward0",
            Arithmetic::Mul => "MulBackward0",
            Arithmetic::Div => "DivBackward0",
            Arithmetic::Maximum => "MaximumBackward0",
            Arithmetic::Minimum => "MinimumBackward0",
            Arithmetic::Pow => "PowBackward1",
            Arithmetic::Less | Arithmetic::LessOrEqual | Arithmetic::Equal | Arithmetic::Mask => {
                "WhereBackward0"
            }
        },
        Op::Softmax => "SoftmaxBackward0",
        Op::LogSoftmax => "LogSoftmaxBackward0",
        Op::MaxPool2d(_) => "MaxPool2DWithIndicesBackward0",
        Op::AvgPool2d(_) => "AvgPool2DBackward0",
        Op::AdaptiveAvgPool2d(pool) if (pool.height, pool.width) == (1, 1) => "MeanBackward1",
        Op::AdaptiveAvgPool2d(_) => "AdaptiveAvgPool2DBackward0",
        Op::ConstantPad2d(_) => "ConstantPadNdBackward0",
        Op::Flatten | Op::Unflatten | Op::Reshape(_) | Op::Identity | Op::Input => "ViewBackward0",
        Op::Constant(_) => "ExpandBackward0",
        Op::MatMul => "BmmBackward0",
        Op::Affine | Op::LayerScale(_) | Op::Dropout(_) | Op::StochasticDepth(_) => "MulBackward0",
        Op::Dropout1d(_) => "SqueezeBackward1",
        Op::Concat => "CatBackward0",
        Op::Add => "AddBackward0",
    }
}
