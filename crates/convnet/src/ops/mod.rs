//! The closed set of layers: what each is, and its plain implementation.
//!
//! A layer's folder holds all that is known of it (`Layer`) and its formula in f64 (`Naive`); this file lists the
//! layers. Whoever reads a graph asks the layer, or matches on [`Op`] without leaving one out.
//!
//! ```
//! use convnet::ops::{Conv2d, Op};
//! use convnet::shape::Shape;
//!
//! let conv = Op::from(Conv2d::new(96, 11).stride(4));
//! let input = Shape::map(1, 224, 224);
//! let output = conv.infer(&[input]).unwrap();
//! assert_eq!(output, Shape::map(96, 54, 54));
//! assert_eq!((conv.name(), conv.settings(&[input])), ("Conv2d", "11×11 s4".to_string()));
//! assert_eq!(conv.macs(&[input], output), 96 * 54 * 54 * 11 * 11);
//! let shapes: Vec<_> = conv.parameters(input).into_iter().map(|spec| spec.shape).collect();
//! assert_eq!(shapes, [vec![96, 1, 11, 11], vec![96]]);
//! ```

mod adaptive_avg_pool2d;
mod add;
mod affine;
mod arithmetic;
mod array;
mod avg_pool2d;
mod batch_norm2d;
mod bounds;
mod channel_shuffle;
mod concat;
mod constant;
mod constant_pad2d;
mod conv2d;
mod dropout;
mod dropout1d;
mod flatten;
mod group_norm;
mod hardtanh;
mod identity;
mod index_select;
mod input;
mod instance_norm2d;
mod layer;
mod layer_norm;
mod layer_scale;
mod leaky_relu;
mod linear;
mod local_response_norm;
mod log_softmax;
mod matmul;
mod max_pool2d;
mod naive;
mod norm;
mod onnx;
mod pad2d;
mod parameter;
mod permute;
mod pixel_shuffle;
mod pixel_unshuffle;
mod prelu;
mod rearranged;
mod reduce;
mod relu;
mod reshape;
mod separable;
mod sigmoid;
mod slice;
pub(crate) mod softmax;
mod stochastic_depth;
mod tanh;
mod unary;
mod unflatten;
mod upsample;
mod window;

#[cfg(test)]
mod tests;

pub use array::Array;
pub(crate) use bounds::{MOST_ELEMENTS, check_shape};
pub(crate) use layer::{Facts, GradientReads, Layer, PassThrough, Reach, Reserve};
pub(crate) use naive::{Gradients, Naive, Reads};
pub(crate) use onnx::{Onnx, OnnxValue, Operand, Operator};
pub use pad2d::PadMode;
pub use parameter::{ParamKind, ParamSpec};
pub(crate) use rearranged::Source;
pub use reduce::Reduction;
pub(crate) use separable::{Axes, sizes};
pub use slice::Span;
pub(crate) use unary::SELU;
pub use upsample::{Coordinates, Interpolation, Rounding};
pub(crate) use window::Window;

use serde::{Deserialize, Serialize};

use crate::shape::{Shape, ShapeIssue};

/// Declares the set of layers: for each its folder, its variant of [`Op`] and its struct, which is the variant's
/// payload where it has settings.
macro_rules! layers {
    ($($(#[$doc:meta])* $folder:ident :: $name:ident $(($settings:ident))?,)+) => {
        $(layers!(@export $folder $name $($settings)?);)+

        /// A layer.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Op {
            $($(#[$doc])* $name $(($settings))?,)+
        }

        impl Op {
            fn layer(&self) -> &dyn Layer {
                match self {
                    $(Self::$name $((layers!(@bind $settings layer)))? => layers!(@borrow $name $($settings layer)?),)+
                }
            }

            /// The plain implementation.
            pub(crate) fn naive(&self) -> &dyn Naive {
                match self {
                    $(Self::$name $((layers!(@bind $settings layer)))? => layers!(@borrow $name $($settings layer)?),)+
                }
            }

            /// How many kinds of layers there are.
            #[cfg(test)]
            pub(crate) const COUNT: usize = [$(stringify!($name)),+].len();

            /// Small layers of every kind, with the shapes that feed them.
            pub(crate) fn samples() -> Vec<(Self, Vec<Shape>)> {
                let mut samples: Vec<(Self, Vec<Shape>)> = Vec::new();
                $(samples.extend($name::samples().into_iter().map(|(layer, inputs)| (layer.into(), inputs)));)+
                samples
            }
        }

        $(layers!(@from $name $($settings)?);)+
    };
    (@export $folder:ident $name:ident) => { use $folder::$name; };
    (@export $folder:ident $name:ident $settings:ident) => { pub use $folder::$name; };
    (@borrow $name:ident) => { &$name };
    (@borrow $name:ident $settings:ident $layer:ident) => { $layer };
    (@bind $settings:ident $layer:ident) => { $layer };
    (@from $name:ident) => {
        impl From<$name> for Op {
            fn from(_: $name) -> Self {
                Self::$name
            }
        }
    };
    (@from $name:ident $settings:ident) => {
        impl From<$name> for Op {
            fn from(layer: $name) -> Self {
                Self::$name(layer)
            }
        }
    };
}

layers! {
    /// The images that enter the network.
    input::Input,
    /// 2-D cross-correlation (LeCun et al. 1989).
    conv2d::Conv2d(Conv2d),
    /// y = x·Wᵀ + b.
    linear::Linear(Linear),
    /// Batch normalization (Ioffe and Szegedy 2015).
    batch_norm2d::BatchNorm2d(BatchNorm2d),
    /// Each pixel over its channels (Ba, Kiros and Hinton 2016).
    layer_norm::LayerNorm(LayerNorm),
    /// Each image over its pixels and a group of its channels (Wu and He 2018).
    group_norm::GroupNorm(GroupNorm),
    /// Each channel of each image over its pixels (Ulyanov, Vedaldi and Lempitsky 2016).
    instance_norm2d::InstanceNorm2d(InstanceNorm2d),
    /// Local response normalization (Krizhevsky et al. 2012, section 3.3).
    local_response_norm::LocalResponseNorm(LocalResponseNorm),
    /// max(x, 0).
    relu::Relu,
    /// x where it is positive, a small multiple elsewhere.
    leaky_relu::LeakyRelu(LeakyRelu),
    /// x within two bounds.
    hardtanh::Hardtanh(Hardtanh),
    /// 1 / (1 + e^−x).
    sigmoid::Sigmoid,
    /// Hyperbolic tangent.
    tanh::Tanh,
    /// A function of each element by itself whose gradient is read from the input.
    unary::Unary(Unary),
    /// x where it is positive, a learned multiple elsewhere.
    prelu::Prelu(Prelu),
    /// γ·x by channel, γ learned and small at first.
    layer_scale::LayerScale(LayerScale),
    /// Softmax over dimension 1.
    softmax::Softmax,
    /// The logarithm of softmax over dimension 1.
    log_softmax::LogSoftmax,
    /// Maximum over windows.
    max_pool2d::MaxPool2d(MaxPool2d),
    /// Mean over windows.
    avg_pool2d::AvgPool2d(AvgPool2d),
    /// Mean over windows chosen so that the output has a given size.
    adaptive_avg_pool2d::AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    /// A sum, a mean or an extreme over axes of an image.
    reduce::Reduce(Reduce),
    /// A border of one value.
    constant_pad2d::ConstantPad2d(ConstantPad2d),
    /// A border that repeats the map.
    pad2d::Pad2d(Pad2d),
    /// A map of another size.
    upsample::Upsample(Upsample),
    /// A part of an image.
    slice::Slice(Slice),
    /// Elements of an axis by their numbers.
    index_select::IndexSelect(IndexSelect),
    /// Channels of groups in turn.
    channel_shuffle::ChannelShuffle(ChannelShuffle),
    /// Channels to pixels.
    pixel_shuffle::PixelShuffle(PixelShuffle),
    /// Pixels to channels.
    pixel_unshuffle::PixelUnshuffle(PixelUnshuffle),
    /// The axes of a map in another order.
    permute::Permute(Permute),
    /// The elements of an image in another shape.
    reshape::Reshape(Reshape),
    /// C × H × W to a vector.
    flatten::Flatten,
    /// A vector to maps of one pixel: C × 1 × 1.
    unflatten::Unflatten,
    /// A fixed scale and shift by channel.
    affine::Affine,
    /// Fixed numbers, the same for every image.
    constant::Constant(Constant),
    /// Zeroes elements while training, scales the rest by 1/(1−p) (Srivastava et al. 2014).
    dropout::Dropout(Dropout),
    /// Zeroes whole channels while training. On a batch of vectors PyTorch takes the (N, F) input for one
    /// unbatched (C, L) sample, so that whole vectors are zeroed; this does the same.
    dropout1d::Dropout1d(Dropout1d),
    /// Zeroes whole images while training, scales the rest by 1/(1−p) (Huang et al. 2016).
    stochastic_depth::StochasticDepth(StochasticDepth),
    /// Joins its inputs along the channels.
    concat::Concat,
    /// Element-wise sum of two inputs.
    add::Add,
    /// A function of two inputs element by element, of which one may be repeated along axes.
    arithmetic::Arithmetic(Arithmetic),
    /// Products of matrices that both depend on the images.
    matmul::MatMul,
    /// Its input, unchanged.
    identity::Identity,
}

pub(crate) use adaptive_avg_pool2d::span as adaptive_span;

impl Op {
    /// PyTorch's class name; for ops without a module, PyTorch's function (`cat`, `add`) capitalized.
    pub fn name(&self) -> &'static str {
        self.facts().name
    }

    /// The output's shape for one image.
    ///
    /// # Errors
    /// What the op got, what it expected, the arithmetic and a way out.
    pub fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        inputs.iter().try_for_each(|&input| check_shape("an input", input))?;
        let output = self.layer().infer(inputs)?;
        check_shape("an output", output)?;
        if let Some(&first) = inputs.first() {
            bounds::check_parameters(&self.parameters(first))?;
        }
        Ok(output)
    }

    /// Multiply-accumulates for one image.
    ///
    /// Those of Conv2d and Linear alone, without biases, as fvcore, torchinfo and torchvision's documented
    /// figures count them; one is two floating-point operations. Saturates.
    pub fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        self.layer().macs(inputs, output)
    }

    /// The parameters and buffers of the layer for an input of this shape, trainable ones first.
    pub fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        self.layer().parameters(input)
    }

    /// All settings by PyTorch's names; sizes that parameters tell are left to them.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        self.layer().properties()
    }

    /// The settings in short: window `3×3`, stride `s2`, padding `p1`, dilation `d2`, groups `g2`; what has its usual
    /// value is left out.
    pub fn settings(&self, inputs: &[Shape]) -> String {
        self.layer().settings(inputs)
    }

    fn facts(&self) -> Facts {
        self.layer().facts()
    }

    /// What one position of the output reads of the input's positions.
    pub(crate) fn reach(&self) -> Reach {
        self.facts().reach
    }

    /// What the layer's gradient reads of the forward pass.
    pub(crate) fn gradient_reads(&self) -> GradientReads {
        self.facts().gradient_reads
    }

    /// Whether the layer treats every element of a vector alike, so that it keeps their order, whichever it is.
    pub(crate) fn keeps_order(&self) -> bool {
        self.facts().keeps_order
    }

    /// Where the layer's output is its input.
    pub(crate) fn pass_through(&self) -> PassThrough {
        self.facts().pass_through
    }

    /// Whether the order of the inputs does not matter.
    pub(crate) fn is_commutative(&self) -> bool {
        match self {
            Self::Add => true,
            Self::Arithmetic(function) => match function {
                Arithmetic::Add
                | Arithmetic::Mul
                | Arithmetic::Maximum
                | Arithmetic::Minimum
                | Arithmetic::Equal => true,
                Arithmetic::Sub
                | Arithmetic::Div
                | Arithmetic::Pow
                | Arithmetic::Less
                | Arithmetic::LessOrEqual
                | Arithmetic::Mask => false,
            },
            _ => false,
        }
    }

    /// Whether an input must be positive to give numbers of a like size: a divisor, what a root is taken of.
    pub(crate) fn wants_positive(&self, input: usize) -> bool {
        match self {
            Self::Unary(unary) => unary.wants_positive(),
            Self::Arithmetic(Arithmetic::Div) => input == 1,
            Self::Arithmetic(Arithmetic::Pow) => input == 0,
            _ => false,
        }
    }

    /// The layer as ONNX has it, in inference.
    ///
    /// # Errors
    /// Why ONNX has no operator for it at these shapes, and a way out.
    pub(crate) fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        self.layer().onnx(inputs, output)
    }
}
