//! Functions of each element by itself, and their gradients.

use convnet_kernels::{Activation, activation, activation_backward, relu_backward};

use crate::common::{Machine, Random, Scene, assert_close, erf, normal, read};
use crate::elementwise::{check, shape};

/// The exponential's and the hyperbolic tangent's own error, which may be several times the RMS.
const TOLERANCE: f64 = 2e-6;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The function's value at x, and its derivative there.
fn at(kind: Activation, x: f64) -> [f64; 2] {
    match kind {
        Activation::Relu => [x.max(0.0), f64::from(u8::from(x > 0.0))],
        Activation::LeakyRelu { slope } if x > 0.0 || slope == 0.0 => [x, 1.0],
        Activation::LeakyRelu { slope } => [f64::from(slope) * x, slope.into()],
        Activation::Hardtanh { min, max } => {
            [x.clamp(min.into(), max.into()), f64::from(u8::from(x > min.into() && x < max.into()))]
        }
        Activation::Sigmoid => [sigmoid(x), sigmoid(x) * (1.0 - sigmoid(x))],
        Activation::Tanh => [x.tanh(), 1.0 - x.tanh().powi(2)],
        Activation::Silu => [x * sigmoid(x), sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))],
        Activation::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            [x * normal(x), normal(x) + x * density]
        }
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            let t = (root * (x + 0.044_715 * x.powi(3))).tanh();
            let slope = root * (1.0 + 3.0 * 0.044_715 * x * x);
            [0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope]
        }
        Activation::Hardswish if x < -3.0 => [0.0, 0.0],
        Activation::Hardswish if x > 3.0 => [x, 1.0],
        Activation::Hardswish => [x * (x + 3.0) / 6.0, x / 3.0 + 0.5],
        Activation::Hardsigmoid { alpha, beta } => {
            let y = f64::from(alpha) * x + f64::from(beta);
            [y.clamp(0.0, 1.0), if y > 0.0 && y < 1.0 { alpha.into() } else { 0.0 }]
        }
        Activation::Elu { scale, .. } if x > 0.0 => [f64::from(scale) * x, scale.into()],
        Activation::Elu { scale, alpha, rate } => {
            let (scale, rate) = (f64::from(scale) * f64::from(alpha), f64::from(rate));
            [scale * (rate * x).exp_m1(), scale * rate * (rate * x).exp()]
        }
        Activation::Softplus { beta, threshold } if f64::from(beta) * x > threshold.into() => [x, 1.0],
        Activation::Softplus { beta, .. } => {
            let beta = f64::from(beta);
            [(beta * x).exp().ln_1p() / beta, sigmoid(beta * x)]
        }
        Activation::Softsign => [x / (1.0 + x.abs()), (1.0 + x.abs()).powi(-2)],
        Activation::Mish => {
            let t = x.exp().ln_1p().tanh();
            [x * t, t + x * sigmoid(x) * (1.0 - t * t)]
        }
        Activation::Abs => [x.abs(), if x == 0.0 { 0.0 } else { x.signum() }],
        Activation::Exp => [x.exp(), x.exp()],
        Activation::Log => [x.ln(), 1.0 / x],
        Activation::Sqrt => [x.sqrt(), 0.5 / x.sqrt()],
        Activation::Erf => [erf(x), std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()],
        Activation::Reciprocal => [1.0 / x, -1.0 / (x * x)],
        Activation::Scale { factor } => [f64::from(factor) * x, factor.into()],
        Activation::Power { exponent } => {
            let exponent = f64::from(exponent);
            [x.powf(exponent), exponent * x.powf(exponent - 1.0)]
        }
    }
}

#[test]
fn functions_and_their_gradients() {
    let kinds = [
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::LeakyRelu { slope: 0.125 },
        Activation::Hardtanh { min: -0.25, max: 0.5 },
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Hardswish,
        Activation::Hardsigmoid { alpha: 0.2, beta: 0.5 },
        Activation::Elu { scale: 1.05, alpha: 1.67, rate: 0.5 },
        Activation::Softplus { beta: 2.0, threshold: 6.0 },
        Activation::Softsign,
        Activation::Mish,
        Activation::Abs,
        Activation::Exp,
        Activation::Log,
        Activation::Sqrt,
        Activation::Erf,
        Activation::Reciprocal,
        Activation::Scale { factor: 0.17 },
        Activation::Power { exponent: 1.75 },
    ];
    let machine = Machine::new(200);
    let mut random = Random::new(60);
    for (seed, kind) in (60..).zip(kinds) {
        for round in 0..16 {
            let (pixels, channels) = shape(&mut random);
            let add = random.chance();
            let mut scene = Scene::new(100 * seed + round);
            let [x, y, dy, dx] = [(); 4].map(|()| scene.filled(pixels, channels));
            // From −5 to 5, where all have their bends; from 1/8 on for what has none below 0.
            let positive = matches!(
                kind,
                Activation::Log | Activation::Sqrt | Activation::Reciprocal | Activation::Power { .. }
            );
            for i in crate::common::elements(x) {
                let value = scene.values[i];
                scene.values[i] = if positive { 0.125 + value.abs() } else { 5.0 * value };
            }
            let (xs, dys, old) = (scene.read(x), scene.read(dy), scene.read(dx));
            let values: Vec<f64> = xs.iter().map(|&x| at(kind, x)[0]).collect();
            let slopes: Vec<f64> =
                (0..xs.len()).map(|i| at(kind, xs[i])[1] * dys[i] + if add { old[i] } else { 0.0 }).collect();
            let kernels = |pool: &_, isa, arena: &mut _| {
                activation(pool, isa, arena, kind, x, y);
                let from = if kind.derives_from_input() { x } else { y };
                activation_backward(pool, isa, arena, kind, [from, dy, dx], add);
                Vec::new()
            };
            machine.run(&scene, &[y, dx], kernels, |arena, _, isa| {
                let what = format_args!("{isa} {kind:?} {x:?} {y:?}");
                assert_close(&read(arena, y), &values, TOLERANCE, what);
                assert_close(&read(arena, dx), &slopes, 4.0 * TOLERANCE, what);
            });
        }
    }
    check(
        9,
        0.0,
        |p, isa, a, [y], out| relu_backward(p, isa, a, y, out),
        |[y], old| if y > 0.0 { old } else { 0.0 },
    );
}
