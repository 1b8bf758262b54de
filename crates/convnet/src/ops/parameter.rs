//! The tensors of a layer.

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
    /// A normalization's γ, initially 1.
    NormWeight,
    /// A normalization's β, initially 0.
    NormBias,
    /// PReLU's factor below 0, initially 1/4.
    Slope,
    /// LayerScale's γ, initially what the layer says.
    Gain,
    /// BatchNorm2d's running mean: a buffer, initially 0.
    RunningMean,
    /// BatchNorm2d's running variance: a buffer, initially 1.
    RunningVar,
    /// Affine's scale: a buffer, 1 where nothing else is known.
    Scale,
    /// Affine's shift, and a Constant's numbers: a buffer, 0 where nothing else is known.
    Shift,
}

impl ParamKind {
    /// Whether gradients reach it; buffers keep what they hold, or are updated otherwise.
    pub fn trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVar | Self::Scale | Self::Shift)
    }

    /// Whether it is the weight of a Conv2d or a Linear.
    pub(crate) fn is_weight(self) -> bool {
        matches!(self, Self::ConvWeight | Self::LinearWeight)
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
    pub(crate) fn new(name: &str, shape: &[usize], kind: ParamKind) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), kind }
    }

    /// Number of elements; `usize::MAX` where they are more than that.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product, &size| product.saturating_mul(size))
    }
}
