//! The closed set of layers: their parameters, shape rules, costs and plain implementations.

pub(crate) mod activation;
pub(crate) mod adaptive_avg_pool2d;
pub(crate) mod add;
pub(crate) mod affine;
mod array;
pub(crate) mod avg_pool2d;
pub(crate) mod batch_norm2d;
pub(crate) mod concat;
pub(crate) mod constant_pad2d;
pub(crate) mod conv2d;
pub(crate) mod dropout;
mod facts;
pub(crate) mod flatten;
pub(crate) mod linear;
pub(crate) mod local_response_norm;
pub(crate) mod max_pool2d;
pub(crate) mod softmax;
mod window;

pub use activation::{Hardtanh, LeakyRelu};
pub use adaptive_avg_pool2d::AdaptiveAvgPool2d;
pub(crate) use adaptive_avg_pool2d::span as adaptive_span;
pub use array::Array;
pub use avg_pool2d::AvgPool2d;
pub use batch_norm2d::BatchNorm2d;
pub use constant_pad2d::ConstantPad2d;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use linear::Linear;
pub use local_response_norm::LocalResponseNorm;
pub use max_pool2d::MaxPool2d;
pub(crate) use window::Window;

use crate::shape::{Shape, ShapeIssue};

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The images that enter the network.
    Input,
    /// 2-D cross-correlation (LeCun et al. 1989).
    Conv2d(Conv2d),
    /// y = x·Wᵀ + b.
    Linear(Linear),
    /// Batch normalization (Ioffe and Szegedy 2015).
    BatchNorm2d(BatchNorm2d),
    /// Local response normalization (Krizhevsky et al. 2012, section 3.3).
    LocalResponseNorm(LocalResponseNorm),
    /// max(x, 0).
    Relu,
    /// x where it is positive, a small multiple elsewhere.
    LeakyRelu(LeakyRelu),
    /// x within two bounds.
    Hardtanh(Hardtanh),
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Softmax over dimension 1.
    Softmax,
    /// The logarithm of softmax over dimension 1.
    LogSoftmax,
    /// Maximum over windows.
    MaxPool2d(MaxPool2d),
    /// Mean over windows.
    AvgPool2d(AvgPool2d),
    /// Mean over windows chosen so that the output has a given size.
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    /// A border of one value.
    ConstantPad2d(ConstantPad2d),
    /// C × H × W to a vector.
    Flatten,
    /// A vector to maps of one pixel: C × 1 × 1.
    Unflatten,
    /// A fixed scale and shift by channel.
    Affine,
    /// Zeroes elements while training, scales the rest by 1/(1−p) (Srivastava et al. 2014).
    Dropout(Dropout),
    /// Zeroes whole channels while training. On a batch of vectors PyTorch takes the (N, F) input for one
    /// unbatched (C, L) sample, so that whole vectors are zeroed; this does the same.
    Dropout1d(Dropout),
    /// Joins its inputs along the channels.
    Concat,
    /// Element-wise sum of two inputs.
    Add,
    /// Its input, unchanged.
    Identity,
}

/// What a parameter is for, and so how it is initialized and whether it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A Conv2d weight, (O, I/groups, kH, kW).
    ConvWeight,
    /// A Linear weight, (out_features, in_features).
    LinearWeight,
    /// A Conv2d bias.
    ConvBias,
    /// A Linear bias.
    LinearBias,
    /// BatchNorm2d's γ, initially 1.
    NormWeight,
    /// BatchNorm2d's β, initially 0.
    NormBias,
    /// BatchNorm2d's running mean: a buffer, initially 0.
    RunningMean,
    /// BatchNorm2d's running variance: a buffer, initially 1.
    RunningVar,
    /// Affine's scale: a buffer, 1 where nothing else is known.
    Scale,
    /// Affine's shift: a buffer, 0 where nothing else is known.
    Shift,
}

impl ParamKind {
    /// Whether gradients reach it; buffers keep what they hold, or are updated otherwise.
    pub fn trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVar | Self::Scale | Self::Shift)
    }

    /// Whether a batch normalization updates it while it trains.
    pub(crate) fn is_running(self) -> bool {
        matches!(self, Self::RunningMean | Self::RunningVar)
    }
}

/// One tensor of a layer, in PyTorch's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// `weight`, or with its node's path `features.0.weight`.
    pub name: String,
    /// PyTorch's shape: OIHW for a convolution, (out, in) for Linear.
    pub shape: Vec<usize>,
    /// What it is for.
    pub kind: ParamKind,
}

impl ParamSpec {
    fn new(name: &str, shape: &[usize], kind: ParamKind) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), kind }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Op {
    /// PyTorch's class name; for ops without a module, PyTorch's function (`cat`, `add`) capitalized.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Conv2d(_) => "Conv2d",
            Self::Linear(_) => "Linear",
            Self::BatchNorm2d(_) => "BatchNorm2d",
            Self::LocalResponseNorm(_) => "LocalResponseNorm",
            Self::Relu => "ReLU",
            Self::LeakyRelu(_) => "LeakyReLU",
            Self::Hardtanh(_) => "Hardtanh",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
            Self::Softmax => "Softmax",
            Self::LogSoftmax => "LogSoftmax",
            Self::MaxPool2d(_) => "MaxPool2d",
            Self::AvgPool2d(_) => "AvgPool2d",
            Self::AdaptiveAvgPool2d(_) => "AdaptiveAvgPool2d",
            Self::ConstantPad2d(_) => "ConstantPad2d",
            Self::Flatten => "Flatten",
            Self::Unflatten => "Unflatten",
            Self::Affine => "Affine",
            Self::Dropout(_) => "Dropout",
            Self::Dropout1d(_) => "Dropout1d",
            Self::Concat => "Concat",
            Self::Add => "Add",
            Self::Identity => "Identity",
        }
    }

    /// The output's shape for one image.
    ///
    /// # Errors
    /// What the op got, what it expected, the arithmetic and a way out.
    pub fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        match (self, inputs) {
            (Self::Input, _) => Err(ShapeIssue::new("a second input", "one", "take images at one place")),
            (Self::Concat, _) => concat::infer(inputs),
            (Self::Add, _) => add::infer(inputs),
            (Self::Conv2d(op), &[x]) => op.infer(x),
            (Self::Linear(op), &[x]) => op.infer(x),
            (Self::BatchNorm2d(_), &[x]) => batch_norm2d::infer(x),
            (Self::LocalResponseNorm(op), &[x]) => op.infer(x),
            (Self::MaxPool2d(op), &[x]) => op.infer(x),
            (Self::AvgPool2d(op), &[x]) => op.infer(x),
            (Self::AdaptiveAvgPool2d(op), &[x]) => op.infer(x),
            (Self::LeakyRelu(op), &[x]) => op.infer(x),
            (Self::Hardtanh(op), &[x]) => op.infer(x),
            (Self::ConstantPad2d(op), &[x]) => op.infer(x),
            (Self::Flatten, &[x]) => Ok(Shape::vector(x.elements())),
            (Self::Unflatten, &[Shape::Vector { features }]) => Ok(Shape::map(features, 1, 1)),
            (Self::Unflatten, &[x]) => Err(ShapeIssue::new(
                format!("a feature map of {x}"),
                "a vector of features",
                "put Flatten before this layer",
            )),
            (Self::Dropout1d(_), &[x @ Shape::Map { .. }]) => Err(ShapeIssue::new(
                format!("a feature map of {x}"),
                "a vector of features, as PyTorch's Dropout1d does",
                "use Dropout here, or put Flatten before this layer",
            )),
            (Self::Dropout(op) | Self::Dropout1d(op), &[x]) => op.infer(x),
            (
                Self::Relu
                | Self::Sigmoid
                | Self::Tanh
                | Self::Softmax
                | Self::LogSoftmax
                | Self::Affine
                | Self::Identity,
                &[x],
            ) => Ok(x),
            _ => Err(ShapeIssue::new(
                format!("{} inputs", inputs.len()),
                "one",
                "join several values with concat or add first",
            )),
        }
    }

    /// Multiply-accumulates for one image.
    ///
    /// Those of Conv2d and Linear alone, without biases, as fvcore, torchinfo and torchvision's documented
    /// figures count them; one is two floating-point operations. Saturates.
    pub fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let channels = inputs.first().map_or(0, |x| x.channels());
        match self {
            Self::Conv2d(op) => op.macs(channels, output),
            Self::Linear(op) => op.macs(channels),
            Self::Input
            | Self::BatchNorm2d(_)
            | Self::LocalResponseNorm(_)
            | Self::Relu
            | Self::LeakyRelu(_)
            | Self::Hardtanh(_)
            | Self::Sigmoid
            | Self::Tanh
            | Self::Softmax
            | Self::LogSoftmax
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
            | Self::Identity => 0,
        }
    }

    /// The parameters and buffers of the layer for an input of this shape, trainable ones first.
    pub fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        match self {
            Self::Conv2d(op) => op.parameters(input.channels()),
            Self::Linear(op) => op.parameters(input.channels()),
            Self::BatchNorm2d(_) => batch_norm2d::parameters(input.channels()),
            Self::Affine => affine::parameters(input.channels()),
            Self::Input
            | Self::LocalResponseNorm(_)
            | Self::Relu
            | Self::LeakyRelu(_)
            | Self::Hardtanh(_)
            | Self::Sigmoid
            | Self::Tanh
            | Self::Softmax
            | Self::LogSoftmax
            | Self::MaxPool2d(_)
            | Self::AvgPool2d(_)
            | Self::AdaptiveAvgPool2d(_)
            | Self::ConstantPad2d(_)
            | Self::Flatten
            | Self::Unflatten
            | Self::Dropout(_)
            | Self::Dropout1d(_)
            | Self::Concat
            | Self::Add
            | Self::Identity => Vec::new(),
        }
    }
}

macro_rules! into_op {
    ($($name:ident),*) => {$(
        impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        }
    )*};
}
into_op!(
    Conv2d,
    Linear,
    BatchNorm2d,
    LocalResponseNorm,
    LeakyRelu,
    Hardtanh,
    MaxPool2d,
    AvgPool2d,
    AdaptiveAvgPool2d,
    ConstantPad2d,
    Dropout
);
