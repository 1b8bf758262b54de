//! The sources of our kernels, a file a family.

/// A file of kernels that are compiled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Maps over views.
    Elementwise,
    /// Functions whose gradient reads their input.
    Function,
    /// Functions of two maps.
    Arithmetic,
    /// Linear maps along axes, and orders of elements.
    Separable,
    /// Extremes over axes.
    Extremum,
    /// Layers with a number for each channel.
    ByChannel,
    /// Batch normalization and sums by channel.
    BatchNorm,
    /// Max and average pooling.
    Pooling,
    /// Local response normalization.
    LocalResponse,
    /// Softmax and cross-entropy.
    Loss,
    /// Orders of elements, and borders.
    Layout,
    /// Batches of images that are kept as bytes.
    Images,
    /// Updates of parameters.
    Optimizer,
    /// Updates by a look at a whole tensor.
    Tensors,
    /// Convolutions of few channels.
    Thin,
    /// Linear layers of few rows and weights.
    SmallLinear,
}

/// What every source starts with.
const COMMON: &str = include_str!("common.cuh");
/// Sums by channel.
const REDUCE: &str = include_str!("reduce.cuh");
/// Results joined from many elements.
const JOIN: &str = include_str!("join.cuh");
/// What changes from step to step.
const CLOCK: &str = include_str!("clock.cuh");

impl Family {
    /// All families.
    pub const ALL: [Self; 16] = [
        Self::Elementwise,
        Self::Function,
        Self::Arithmetic,
        Self::Separable,
        Self::Extremum,
        Self::ByChannel,
        Self::BatchNorm,
        Self::Pooling,
        Self::LocalResponse,
        Self::Loss,
        Self::Layout,
        Self::Images,
        Self::Optimizer,
        Self::Tensors,
        Self::Thin,
        Self::SmallLinear,
    ];

    /// The file's name, without its extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elementwise => "elementwise",
            Self::Function => "function",
            Self::Arithmetic => "arithmetic",
            Self::Separable => "separable",
            Self::Extremum => "extremum",
            Self::ByChannel => "by_channel",
            Self::BatchNorm => "batch_norm",
            Self::Pooling => "pooling",
            Self::LocalResponse => "local_response",
            Self::Loss => "loss",
            Self::Layout => "layout",
            Self::Images => "images",
            Self::Optimizer => "optimizer",
            Self::Tensors => "tensors",
            Self::Thin => "thin",
            Self::SmallLinear => "small_linear",
        }
    }

    /// The whole source in CUDA C++; it includes no header.
    pub fn source(self) -> String {
        let own = match self {
            Self::Elementwise => include_str!("elementwise.cu"),
            Self::Function => include_str!("function.cu"),
            Self::Arithmetic => include_str!("arithmetic.cu"),
            Self::Separable => include_str!("separable.cu"),
            Self::Extremum => include_str!("extremum.cu"),
            Self::ByChannel => include_str!("by_channel.cu"),
            Self::BatchNorm => include_str!("batch_norm.cu"),
            Self::Pooling => include_str!("pooling.cu"),
            Self::LocalResponse => include_str!("local_response.cu"),
            Self::Loss => include_str!("loss.cu"),
            Self::Layout => include_str!("layout.cu"),
            Self::Images => include_str!("images.cu"),
            Self::Optimizer => include_str!("optimizer.cu"),
            Self::Tensors => include_str!("tensors.cu"),
            Self::Thin => include_str!("thin.cu"),
            Self::SmallLinear => include_str!("small_linear.cu"),
        };
        [COMMON, REDUCE, JOIN, CLOCK, own].join("\n")
    }
}
