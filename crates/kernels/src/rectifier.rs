//! What products go through before they are written.

use crate::function::{gelu, gelu_tanh, silu};
use crate::simd::Simd;

/// A rectifier behind a product, a bias and an addend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rectifier {
    /// None.
    #[default]
    None,
    /// max(·, 0).
    Relu,
    /// min(max(·, 0), ceiling): ReLU6 with 6.
    Clipped {
        /// The greatest value, not below 0.
        ceiling: f32,
    },
    /// x·min(max(x + 3, 0), 6)/6 (Howard et al. 2019, <https://arxiv.org/abs/1905.02244>), to the bit as
    /// [`Activation::Hardswish`](crate::Activation::Hardswish).
    Hardswish,
    /// x / (1 + e^−x) (Elfwing et al. 2017, <https://arxiv.org/abs/1702.03118>), to the bit as
    /// [`Activation::Silu`](crate::Activation::Silu).
    Silu,
    /// x·Φ(x) (Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>), to the bit as
    /// [`Activation::Gelu`](crate::Activation::Gelu).
    Gelu,
    /// The same by a hyperbolic tangent, to the bit as [`Activation::GeluTanh`](crate::Activation::GeluTanh).
    GeluTanh,
}

impl From<bool> for Rectifier {
    /// ReLU or none.
    fn from(relu: bool) -> Self {
        if relu { Self::Relu } else { Self::None }
    }
}

impl Rectifier {
    /// The least and the greatest value that it leaves.
    #[inline(always)]
    pub(crate) fn bounds(self) -> [f32; 2] {
        match self {
            Self::None | Self::Hardswish | Self::Silu | Self::Gelu | Self::GeluTanh => {
                [f32::NEG_INFINITY, f32::INFINITY]
            }
            Self::Relu => [0.0, f32::INFINITY],
            Self::Clipped { ceiling } => [0.0, ceiling],
        }
    }

    /// Whether there is more to do than to keep values within the bounds: [`finish`](Self::finish), while they are in the cache.
    ///
    /// In the registers of a product it would not be free for those that do without.
    #[inline(always)]
    pub(crate) fn is_finished_later(self) -> bool {
        matches!(self, Self::Hardswish | Self::Silu | Self::Gelu | Self::GeluTanh)
    }

    /// The rest of what is to be done to some floats.
    #[inline(always)]
    pub(crate) fn finish<S: Simd>(self, floats: &mut [f32]) {
        // As a loop of its own: a closure is a function without the instruction set, unless the compiler happens to inline it.
        macro_rules! each {
            ($function:expr) => {
                for x in floats {
                    *x = $function(*x);
                }
            };
        }
        match self {
            Self::Hardswish => each!(hardswish),
            Self::Silu if S::FUSED => each!(silu::<true>),
            Self::Silu => each!(silu::<false>),
            Self::Gelu if S::FUSED => each!(gelu::<true>),
            Self::Gelu => each!(gelu::<false>),
            Self::GeluTanh => each!(gelu_tanh),
            Self::None | Self::Relu | Self::Clipped { .. } => {}
        }
    }
}

/// x·min(max(x + 3, 0), 6)/6; a NaN stays one.
#[inline(always)]
pub(crate) fn hardswish(x: f32) -> f32 {
    x * clip(x + 3.0, 0.0, 6.0) * (1.0 / 6.0)
}

/// x within two bounds; a NaN stays one.
#[inline(always)]
pub(crate) fn clip(x: f32, min: f32, max: f32) -> f32 {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}
