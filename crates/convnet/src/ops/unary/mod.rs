//! Functions of each element by itself whose gradient is read from their input.

mod naive;
mod onnx;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, ParamSpec};
use crate::shape::{Shape, ShapeIssue};

/// A function of each element by itself. ReLU, LeakyReLU, Hardtanh, Sigmoid and Tanh, whose gradients are told by their
/// outputs, are layers of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", deny_unknown_fields)]
pub enum Unary {
    /// x / (1 + e^−x), PyTorch's `nn.SiLU` (Elfwing, Uchibe and Doya 2018; Swish with β = 1).
    Silu,
    /// x·Φ(x), Φ being the normal distribution, PyTorch's `nn.GELU` (Hendrycks and Gimpel 2016).
    Gelu {
        /// Whether Φ is approximated by a hyperbolic tangent: `approximate="tanh"`.
        tanh: bool,
    },
    /// x·max(0, min(6, x + 3))/6, PyTorch's `nn.Hardswish` (Howard et al. 2019).
    Hardswish,
    /// `alpha`·x + `beta` within 0 and 1; with 1/6 and 1/2 it is PyTorch's `nn.Hardsigmoid`.
    Hardsigmoid {
        /// The slope.
        alpha: f32,
        /// The value at 0.
        beta: f32,
    },
    /// x where it is positive, α(e^x − 1) elsewhere, PyTorch's `nn.ELU` (Clevert, Unterthiner and Hochreiter 2016).
    Elu {
        /// How far below 0 it goes.
        alpha: f32,
    },
    /// λ·ELU with the λ and α that keep mean and variance, PyTorch's `nn.SELU` (Klambauer et al. 2017).
    Selu,
    /// x where it is positive, α(e^(x/α) − 1) elsewhere, PyTorch's `nn.CELU` (Barron 2017).
    Celu {
        /// How far below 0 it goes.
        alpha: f32,
    },
    /// ln(1 + e^(βx))/β, and x itself where βx is above the threshold, PyTorch's `nn.Softplus`.
    Softplus {
        /// The sharpness.
        beta: f32,
        /// From where on it is x.
        threshold: f32,
    },
    /// x/(1 + |x|), PyTorch's `nn.Softsign`.
    Softsign,
    /// x·tanh(ln(1 + e^x)), PyTorch's `nn.Mish` (Misra 2020).
    Mish,
    /// |x|, PyTorch's `torch.abs`.
    Abs,
    /// e^x, PyTorch's `torch.exp`.
    Exp,
    /// ln x, PyTorch's `torch.log`.
    Log,
    /// √x, PyTorch's `torch.sqrt`.
    Sqrt,
    /// 1/x, PyTorch's `torch.reciprocal`.
    Reciprocal,
    /// The error function, PyTorch's `torch.erf`.
    Erf,
    /// `factor`·x, PyTorch's `x * 0.1`: how residual branches are damped (Szegedy et al. 2017).
    Scale {
        /// What each element is multiplied by.
        factor: f32,
    },
    /// x to a power, PyTorch's `torch.pow`.
    Power {
        /// The exponent.
        exponent: f32,
    },
}

/// λ and α of SELU.
pub(crate) const SELU: [f64; 2] = [1.050_700_987_355_480_5, 1.673_263_242_354_377_2];

impl Unary {
    /// PyTorch's Hardsigmoid.
    pub fn hardsigmoid() -> Self {
        Self::Hardsigmoid { alpha: 1.0 / 6.0, beta: 0.5 }
    }

    /// PyTorch's Softplus.
    pub fn softplus() -> Self {
        Self::Softplus { beta: 1.0, threshold: 20.0 }
    }

    /// Whether it is a number for positive ones alone.
    pub(crate) fn wants_positive(&self) -> bool {
        matches!(self, Self::Log | Self::Sqrt | Self::Reciprocal | Self::Power { .. })
    }
}

impl Layer for Unary {
    fn facts(&self) -> Facts {
        let name = match self {
            Self::Silu => "SiLU",
            Self::Gelu { .. } => "GELU",
            Self::Hardswish => "Hardswish",
            Self::Hardsigmoid { .. } => "Hardsigmoid",
            Self::Elu { .. } => "ELU",
            Self::Selu => "SELU",
            Self::Celu { .. } => "CELU",
            Self::Softplus { .. } => "Softplus",
            Self::Softsign => "Softsign",
            Self::Mish => "Mish",
            Self::Abs => "Abs",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Reciprocal => "Reciprocal",
            Self::Erf => "Erf",
            Self::Scale { .. } => "Scale",
            Self::Power { .. } => "Power",
        };
        Facts::element_wise(name, GradientReads::INPUT)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        let usable = match *self {
            Self::Hardsigmoid { alpha, beta } => alpha.is_finite() && alpha != 0.0 && beta.is_finite(),
            Self::Elu { alpha } => alpha.is_finite(),
            Self::Scale { factor } => factor.is_finite(),
            Self::Celu { alpha } => alpha.is_finite() && alpha != 0.0,
            Self::Power { exponent } => exponent.is_finite(),
            Self::Softplus { beta, threshold } => beta.is_finite() && beta > 0.0 && threshold.is_finite(),
            _ => true,
        };
        if usable {
            return Ok(input);
        }
        Err(ShapeIssue::new(
            self.settings(&[]),
            "finite numbers, a slope, α or β that is not 0",
            "give the function its usual settings",
        ))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Gelu { tanh } => vec![("approximate", if *tanh { "tanh" } else { "none" }.into())],
            Self::Hardsigmoid { alpha, beta } => {
                vec![("alpha", alpha.to_string()), ("beta", beta.to_string())]
            }
            Self::Elu { alpha } | Self::Celu { alpha } => vec![("alpha", alpha.to_string())],
            Self::Scale { factor } => vec![("factor", factor.to_string())],
            Self::Softplus { beta, threshold } => {
                vec![("beta", beta.to_string()), ("threshold", threshold.to_string())]
            }
            Self::Power { exponent } => vec![("exponent", exponent.to_string())],
            _ => Vec::new(),
        }
    }

    fn settings(&self, _: &[Shape]) -> String {
        match *self {
            Self::Gelu { tanh: true } => "tanh".into(),
            Self::Hardsigmoid { alpha, beta } if *self != Self::hardsigmoid() => {
                format!("{alpha}·x + {beta}")
            }
            Self::Elu { alpha } | Self::Celu { alpha } if alpha != 1.0 => format!("α {alpha}"),
            Self::Scale { factor } => format!("× {factor}"),
            Self::Softplus { beta, threshold } if *self != Self::softplus() => {
                format!("β {beta} up to {threshold}")
            }
            Self::Power { exponent } => format!("to {exponent}"),
            _ => String::new(),
        }
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        onnx::operators(self)
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let map = [
            Self::Silu,
            Self::Gelu { tanh: false },
            Self::Gelu { tanh: true },
            Self::Hardswish,
            Self::hardsigmoid(),
            Self::Elu { alpha: 1.0 },
            Self::Selu,
            Self::Celu { alpha: 0.5 },
            Self::softplus(),
            Self::Softsign,
            Self::Mish,
            Self::Abs,
            Self::Exp,
            Self::Log,
            Self::Sqrt,
            Self::Reciprocal,
            Self::Erf,
            Self::Scale { factor: 0.25 },
            Self::Power { exponent: 1.75 },
        ];
        let vector = [
            Self::Silu,
            Self::Hardsigmoid { alpha: 0.2, beta: 0.5 },
            Self::Softplus { beta: 2.0, threshold: 20.0 },
        ];
        let maps = map.into_iter().map(|unary| (unary, vec![Shape::map(3, 4, 5)]));
        maps.chain(vector.into_iter().map(|unary| (unary, vec![Shape::vector(7)]))).collect()
    }
}
