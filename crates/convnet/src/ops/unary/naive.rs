//! The functions as their definitions, and their derivatives.

use super::{SELU, Unary};
use crate::ops::{Array, Gradients, Naive, Reads};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Φ(x).
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// √(2/π)·(x + 0.044715·x³), and its derivative.
fn gelu(x: f64) -> [f64; 2] {
    let root = (2.0 / std::f64::consts::PI).sqrt();
    [root * (x + 0.044_715 * x.powi(3)), root * (1.0 + 3.0 * 0.044_715 * x * x)]
}

/// The function's value at x, and its derivative.
fn at(unary: &Unary, x: f64) -> [f64; 2] {
    let elu = |scale: f64, alpha: f64, rate: f64| {
        if x > 0.0 {
            [scale * x, scale]
        } else {
            [scale * alpha * (rate * x).exp_m1(), scale * alpha * rate * (rate * x).exp()]
        }
    };
    match *unary {
        Unary::Silu => [x * sigmoid(x), sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))],
        Unary::Gelu { tanh: false } => {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            [x * normal(x), normal(x) + x * density]
        }
        Unary::Gelu { tanh: true } => {
            let [inner, slope] = gelu(x);
            let t = inner.tanh();
            [0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope]
        }
        Unary::Hardswish if x < -3.0 => [0.0, 0.0],
        Unary::Hardswish if x > 3.0 => [x, 1.0],
        Unary::Hardswish => [x * (x + 3.0) / 6.0, x / 3.0 + 0.5],
        Unary::Hardsigmoid { alpha, beta } => {
            let y = f64::from(alpha) * x + f64::from(beta);
            [y.clamp(0.0, 1.0), if y > 0.0 && y < 1.0 { alpha.into() } else { 0.0 }]
        }
        Unary::Elu { alpha } => elu(1.0, alpha.into(), 1.0),
        Unary::Selu => elu(SELU[0], SELU[1], 1.0),
        Unary::Celu { alpha } => elu(1.0, alpha.into(), 1.0 / f64::from(alpha)),
        Unary::Softplus { beta, threshold } if f64::from(beta) * x > f64::from(threshold) => [x, 1.0],
        Unary::Softplus { beta, .. } => {
            let beta = f64::from(beta);
            [(beta * x).exp().ln_1p() / beta, sigmoid(beta * x)]
        }
        Unary::Softsign => [x / (1.0 + x.abs()), (1.0 + x.abs()).powi(-2)],
        Unary::Mish => {
            let t = x.exp().ln_1p().tanh();
            [x * t, t + x * sigmoid(x) * (1.0 - t * t)]
        }
        Unary::Abs => [x.abs(), if x == 0.0 { 0.0 } else { x.signum() }],
        Unary::Exp => [x.exp(), x.exp()],
        Unary::Log => [x.ln(), 1.0 / x],
        Unary::Sqrt => [x.sqrt(), 0.5 / x.sqrt()],
        Unary::Reciprocal => [1.0 / x, -1.0 / (x * x)],
        Unary::Scale { factor } => [f64::from(factor) * x, factor.into()],
        Unary::Erf => [libm::erf(x), std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()],
        Unary::Power { exponent } => {
            let exponent = f64::from(exponent);
            [x.powf(exponent), exponent * x.powf(exponent - 1.0)]
        }
    }
}

impl Naive for Unary {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        reads.inputs[0].map(|x| at(self, x)[0])
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        Gradients::input(reads.inputs[0].zip(dy, |x, dy| dy * at(self, x)[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::forward;
    use crate::shape::Shape;

    /// torch.nn.functional's in float64, at −4, −0.5 and 2.
    #[test]
    fn values_at_known_points() {
        let x = Array { shape: vec![1, 3], data: vec![-4.0, -0.5, 2.0] };
        let known = [
            (Unary::Silu, KNOWN[0]),
            (Unary::Gelu { tanh: false }, KNOWN[1]),
            (Unary::Gelu { tanh: true }, KNOWN[2]),
            (Unary::Hardswish, KNOWN[3]),
            (Unary::hardsigmoid(), KNOWN[4]),
            (Unary::Elu { alpha: 1.0 }, KNOWN[5]),
            (Unary::Selu, KNOWN[6]),
            (Unary::Celu { alpha: 0.5 }, KNOWN[7]),
            (Unary::softplus(), KNOWN[8]),
            (Unary::Softsign, KNOWN[9]),
            (Unary::Mish, KNOWN[10]),
            (Unary::Erf, KNOWN[11]),
        ];
        for (unary, expected) in known {
            for (found, expected) in forward(&unary, &[&x]).data.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-8, "{unary:?}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let shape = Shape::vector(3);
        assert_eq!(Unary::softplus().infer(&[shape]), Ok(shape));
        for unary in [
            Unary::Celu { alpha: 0.0 },
            Unary::Elu { alpha: f32::NAN },
            Unary::Softplus { beta: 0.0, threshold: 20.0 },
            Unary::Hardsigmoid { alpha: 0.0, beta: 0.5 },
            Unary::Scale { factor: f32::INFINITY },
            Unary::Power { exponent: f32::INFINITY },
        ] {
            assert!(unary.infer(&[shape]).is_err(), "{unary:?}");
        }
    }

    const KNOWN: [[f64; 3]; 12] = [
        [-0.071_944_839_848, -0.188_770_334_399, 1.761_594_155_956],
        [-0.000_126_684_967, -0.154_268_769_363, 1.954_499_736_104],
        [-0.000_070_245_948, -0.154_285_990_175, 1.954_597_694_088],
        [-0.0, -0.208_333_333_333, 1.666_666_666_667],
        [0.0, 0.416_666_666_667, 0.833_333_333_333],
        [-0.981_684_361_111, -0.393_469_340_287, 2.0],
        [-1.725_898_628_19, -0.691_758_187_803, 2.101_401_974_711],
        [-0.499_832_268_686, -0.316_060_279_414, 2.0],
        [0.018_149_927_918, 0.474_076_984_18, 2.126_928_011_043],
        [-0.8, -0.333_333_333_333, 0.666_666_666_667],
        [-0.072_591_740_792, -0.220_743_774_652, 1.943_958_959_534],
        [-0.999_999_984_583, -0.520_499_877_813, 0.995_322_265_019],
    ];
}
