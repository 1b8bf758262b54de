//! What a layer tells of itself.

use super::onnx::Onnx;
use super::{ParamSpec, Window};
use crate::shape::{Shape, ShapeIssue};

/// A layer: all that is known of it without weights and without a device.
///
/// No fact has a default: a layer that leaves one out does not compile.
pub(crate) trait Layer {
    /// What does not depend on shapes.
    fn facts(&self) -> Facts;

    /// The output's shape for one image, see [`Op::infer`](super::Op::infer).
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue>;

    /// Multiply-accumulates for one image, see [`Op::macs`](super::Op::macs); 0 but for products.
    fn macs(&self, inputs: &[Shape], output: Shape) -> u64;

    /// The parameters and buffers for an input of this shape, trainable ones first.
    fn parameters(&self, input: Shape) -> Vec<ParamSpec>;

    /// All settings by PyTorch's names, see [`Op::properties`](super::Op::properties).
    fn properties(&self) -> Vec<(&'static str, String)>;

    /// The settings in short, as a listing shows them, see [`Op::settings`](super::Op::settings).
    fn settings(&self, inputs: &[Shape]) -> String;

    /// The layer as ONNX has it, in inference.
    ///
    /// # Errors
    /// Why ONNX has no operator for it at these shapes, and a way out.
    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String>;

    /// Small ones with the shapes that feed them, for tests of every layer: at least one, and one for each way of
    /// computing it.
    fn samples() -> Vec<(Self, Vec<Shape>)>
    where
        Self: Sized;
}

/// What is true of a layer whatever its input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Facts {
    /// PyTorch's class name; of a layer without a module PyTorch's function (`cat`, `add`) capitalized.
    pub(crate) name: &'static str,
    /// What an output position reads of the input's.
    pub(crate) reach: Reach,
    /// What the gradient reads of the forward pass.
    pub(crate) gradient_reads: GradientReads,
    /// Whether every element of a vector is treated alike, so that their order does not matter.
    pub(crate) keeps_order: bool,
    /// Where the output is the input itself.
    pub(crate) pass_through: PassThrough,
}

impl Facts {
    /// Of a function applied to each element by itself.
    pub(crate) fn element_wise(name: &'static str, gradient_reads: GradientReads) -> Self {
        Self {
            name,
            reach: Reach::Position,
            gradient_reads,
            keeps_order: true,
            pass_through: PassThrough::Never,
        }
    }

    /// Of a linear map of its input alone: what moves, picks or adds up elements.
    pub(crate) fn linear(name: &'static str, reach: Reach) -> Self {
        Self {
            name,
            reach,
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }
}

/// What a layer's gradient reads of the forward pass, beside the gradient of its output and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GradientReads {
    /// The layer's inputs.
    pub(crate) input: bool,
    /// The layer's output.
    pub(crate) output: bool,
    /// What is written down for it on the way forward.
    pub(crate) reserve: Reserve,
}

impl GradientReads {
    pub(crate) const NOTHING: Self = Self { input: false, output: false, reserve: Reserve::None };
    pub(crate) const INPUT: Self = Self { input: true, ..Self::NOTHING };
    pub(crate) const OUTPUT: Self = Self { output: true, ..Self::NOTHING };
}

/// What training's forward pass writes down for the gradient, beside inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// Nothing.
    None,
    /// A byte for each element of the output: which element of its window it is.
    BytePerElement,
    /// Two float32 for each channel: a mean and a deviation.
    TwoFloatsPerChannel,
}

/// Where a layer hands its input on, so that its output takes no memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassThrough {
    /// Nowhere.
    Never,
    /// In inference: dropout.
    Inference,
    /// In training too: the same numbers, perhaps in another shape.
    Always,
}

/// What one position of a layer's output reads of its input's positions, channels aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The same position of each input.
    Position,
    /// A window.
    Window(Window),
    /// One position, those of a border before it left out.
    Border {
        /// Rows of the border above.
        top: usize,
        /// Columns of the border on the left.
        left: usize,
    },
    /// Windows that divide the input in so many rows and columns.
    Adaptive {
        /// Output rows.
        height: usize,
        /// Output columns.
        width: usize,
    },
    /// All of them.
    All,
}

/// The shape of a layer's only input.
///
/// # Errors
/// If there are several, or none.
pub(super) fn only(inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
    match inputs {
        &[x] => Ok(x),
        _ => Err(ShapeIssue::new(
            format!("{} inputs", inputs.len()),
            "one",
            "join several values with concat or add first",
        )),
    }
}

/// Channels, height and width of a layer's only input, a map.
///
/// # Errors
/// As [`only`]; and if it is a vector: `layer` is to be put before Flatten.
pub(super) fn only_map(inputs: &[Shape], layer: &str) -> Result<(usize, usize, usize), ShapeIssue> {
    match only(inputs)? {
        Shape::Map { channels, height, width } => Ok((channels, height, width)),
        input @ Shape::Vector { .. } => Err(ShapeIssue::new(
            format!("a vector of {input} features"),
            "a feature map of channels × height × width",
            format!("put {layer} before Flatten"),
        )),
    }
}

/// Features of a layer's only input, a vector.
///
/// # Errors
/// As [`only`]; and if it is a map.
pub(super) fn only_vector(inputs: &[Shape]) -> Result<usize, ShapeIssue> {
    match only(inputs)? {
        Shape::Vector { features } => Ok(features),
        input @ Shape::Map { .. } => Err(ShapeIssue::new(
            format!("a feature map of {input}"),
            "a vector of features",
            "put Flatten before this layer",
        )),
    }
}
