//! What the plan and the readings of a graph must know of a layer, beside its shape and cost.

use super::Op;

/// What a layer's gradient reads of its forward pass, beside the gradient of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GradientReads {
    /// The layer's input.
    pub(crate) input: bool,
    /// The layer's output.
    pub(crate) output: bool,
}

impl GradientReads {
    const INPUT: Self = Self { input: true, output: false };
    const OUTPUT: Self = Self { input: false, output: true };
    const NEITHER: Self = Self { input: false, output: false };
}

impl Op {
    /// What the layer's gradient reads.
    pub(crate) fn gradient_reads(&self) -> GradientReads {
        match self {
            Self::Conv2d(_) | Self::Linear(_) | Self::BatchNorm2d(_) | Self::LocalResponseNorm(_) => {
                GradientReads::INPUT
            }
            Self::Relu
            | Self::LeakyRelu(_)
            | Self::Hardtanh(_)
            | Self::Sigmoid
            | Self::Tanh
            | Self::Softmax
            | Self::LogSoftmax => GradientReads::OUTPUT,
            Self::Input
            | Self::MaxPool2d(_)
            | Self::AvgPool2d(_)
            | Self::AdaptiveAvgPool2d(_)
            | Self::ConstantPad2d(_)
            | Self::Flatten
            | Self::Unflatten
            | Self::Affine
            | Self::Dropout(_)
            | Self::Dropout1d(_)
            | Self::Concat
            | Self::Add
            | Self::Identity => GradientReads::NEITHER,
        }
    }

    /// Whether the layer treats every element of a vector alike, so that it keeps their order, whichever it is.
    pub(crate) fn keeps_order(&self) -> bool {
        match self {
            Self::Relu
            | Self::LeakyRelu(_)
            | Self::Hardtanh(_)
            | Self::Sigmoid
            | Self::Tanh
            | Self::Dropout(_)
            | Self::Dropout1d(_)
            | Self::Identity => true,
            Self::Input
            | Self::Conv2d(_)
            | Self::Linear(_)
            | Self::BatchNorm2d(_)
            | Self::LocalResponseNorm(_)
            | Self::Softmax
            | Self::LogSoftmax
            | Self::MaxPool2d(_)
            | Self::AvgPool2d(_)
            | Self::AdaptiveAvgPool2d(_)
            | Self::ConstantPad2d(_)
            | Self::Flatten
            | Self::Unflatten
            | Self::Affine
            | Self::Concat
            | Self::Add => false,
        }
    }
}
