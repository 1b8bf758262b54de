//! How weights are drawn before training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How `state::initialize` draws the weights before training.
///
/// Fans are PyTorch's: fan_in = C/groups · kH · kW and fan_out = O · kH · kW for a convolution, the features
/// for Linear. Batch normalization starts at γ = 1, β = 0 under every rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule")]
pub enum Init {
    /// PyTorch's default of Conv2d and Linear: weight and bias from U(−1/√fan_in, 1/√fan_in).
    #[default]
    Default,
    /// Conv2d weights from N(0, 2/fan_out) (He et al. 2015), all else as `Default` (torchvision's ResNet, whose
    /// convolutions have no bias).
    KaimingFanOut,
    /// Conv2d weights from N(0, 2/fan_out), Linear weights from N(0, 0.01²), biases 0 (torchvision's VGG).
    KaimingFanOutLinearNormal,
    /// Conv2d weights from N(0, 2/fan_in) (He et al. 2015), Linear weights as `Default`, biases 0 (torchvision's
    /// DenseNet). The tutorial's deep networks without normalization take it too: the tutorial names no rule, and
    /// with PyTorch's default they stay on a plateau for long.
    KaimingFanIn,
    /// Weights from N(0, 0.01²) cut off at ±2, biases as `Default` (torchvision's GoogLeNet).
    TruncatedNormal,
    /// Weights from N(0, std²), biases as `Default` (torchvision's Inception v3) or 0 (torchvision's ConvNeXt).
    FixedNormal {
        /// The standard deviation.
        std: f64,
        /// Whether biases start at 0.
        zero_biases: bool,
    },
    /// Weights from U(−a, a) with a = √(6 / (fan_in + fan_out)), biases 0 (Glorot and Bengio 2010).
    Xavier,
    /// Weights from N(0, 0.01²); biases 1 in the layers of the paths in `ones`, 0 elsewhere.
    Normal {
        /// The paths of the layers whose biases start at 1.
        ones: Vec<String>,
    },
    /// Weights and biases from U(−2.4/fan_in, 2.4/fan_in) (LeCun et al. 1998, appendix A).
    LeCunUniform,
    /// Parameters by their names in the state dict, all else as `Default`: what PyTorch code draws itself.
    Each {
        /// By the parameters' names.
        draws: BTreeMap<String, Draw>,
    },
}

/// What the elements of one tensor are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", deny_unknown_fields)]
pub enum Draw {
    /// One value.
    Constant {
        /// The value.
        value: f64,
    },
    /// Uniform from `low` to `high`.
    Uniform {
        /// The least value.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// A normal distribution.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        std: f64,
    },
    /// A normal distribution without what lies below `low` or above `high`.
    TruncatedNormal {
        /// The mean of the whole one.
        mean: f64,
        /// Its standard deviation.
        std: f64,
        /// The least value.
        low: f64,
        /// The largest.
        high: f64,
    },
}

/// How many standard deviations from the mean no number is drawn: the polar method reaches some 12.
const NEVER: f64 = 16.0;

impl Draw {
    /// Whether something can be drawn: numbers are finite, bounds in order and deviations not negative.
    pub fn is_valid(self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
        match self {
            Self::Constant { value } => value.is_finite(),
            Self::Uniform { low, high } => finite(&[low, high, high - low]) && low <= high,
            Self::Normal { mean, std } => finite(&[mean, std]) && std >= 0.0,
            Self::TruncatedNormal { mean, std, low, high } => {
                finite(&[mean, std, low, high, high - low]) && std >= 0.0 && low <= high
            }
        }
    }

    /// The same in its simplest form: bounds that nothing reaches are left out.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::TruncatedNormal { mean, std, low, high }
                if low <= mean - NEVER * std && high >= mean + NEVER * std =>
            {
                Self::Normal { mean, std }
            }
            other => other,
        }
    }
}

impl Init {
    /// The name of a parameter for which nothing can be drawn.
    pub(super) fn invalid(&self) -> Option<&str> {
        match self {
            Self::Each { draws } => {
                draws.iter().find(|(_, draw)| !draw.is_valid()).map(|(name, _)| name.as_str())
            }
            Self::FixedNormal { std, .. } => {
                (!Draw::Normal { mean: 0.0, std: *std }.is_valid()).then_some("weight")
            }
            _ => None,
        }
    }
}
