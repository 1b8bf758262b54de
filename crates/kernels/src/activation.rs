//! Functions applied to each element by itself, and their gradients.

use crate::arena::{Arena, View};
use crate::elementwise::map;
use crate::function::{
    GELU, erf, exp, exp_m1, gelu, gelu_tangent, gelu_tanh, normal, sigmoid, silu, tanh, tanh_softplus,
};
use crate::isa::Isa;
use crate::rectifier::{clip, hardswish};
use crate::threads::Pool;

/// A function applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where it is positive, `slope`·x elsewhere; a gradient is right for a slope above 0.
    LeakyRelu {
        /// The factor below 0.
        slope: f32,
    },
    /// x within `min` and `max`, the nearer of them elsewhere.
    Hardtanh {
        /// The least value.
        min: f32,
        /// The greatest value.
        max: f32,
    },
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// x / (1 + e^−x).
    Silu,
    /// x·Φ(x), Φ being the normal distribution.
    Gelu,
    /// The same by a hyperbolic tangent: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
    GeluTanh,
    /// x·max(0, min(6, x + 3))/6.
    Hardswish,
    /// `alpha`·x + `beta` within 0 and 1.
    Hardsigmoid {
        /// The slope.
        alpha: f32,
        /// The value at 0.
        beta: f32,
    },
    /// `scale`·x where it is positive, `scale`·`alpha`·(e^(`rate`·x) − 1) elsewhere: ELU, SELU and CELU.
    Elu {
        /// The factor of all.
        scale: f32,
        /// How far below 0 it goes, over the scale.
        alpha: f32,
        /// The factor in the exponent.
        rate: f32,
    },
    /// ln(1 + e^(`beta`·x))/`beta`; x itself where `beta`·x is above `threshold`.
    Softplus {
        /// The sharpness.
        beta: f32,
        /// From where on it is x.
        threshold: f32,
    },
    /// x/(1 + |x|).
    Softsign,
    /// x·tanh(ln(1 + e^x)).
    Mish,
    /// |x|.
    Abs,
    /// e^x.
    Exp,
    /// ln x.
    Log,
    /// √x.
    Sqrt,
    /// The error function.
    Erf,
    /// 1/x.
    Reciprocal,
    /// `factor`·x.
    Scale {
        /// What each element is multiplied by.
        factor: f32,
    },
    /// x to a power.
    Power {
        /// The exponent.
        exponent: f32,
    },
}

impl Activation {
    /// Whether the derivative is taken from the input; else it is from the output.
    pub fn derives_from_input(self) -> bool {
        match self {
            Self::Relu | Self::LeakyRelu { .. } | Self::Hardtanh { .. } | Self::Sigmoid | Self::Tanh => false,
            Self::Silu
            | Self::Gelu
            | Self::GeluTanh
            | Self::Hardswish
            | Self::Hardsigmoid { .. }
            | Self::Elu { .. }
            | Self::Softplus { .. }
            | Self::Softsign
            | Self::Mish
            | Self::Abs
            | Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Erf
            | Self::Reciprocal
            | Self::Scale { .. }
            | Self::Power { .. } => true,
        }
    }
}

/// gradient = 0 where the ReLU's output is not positive.
pub fn relu_backward(pool: &Pool, isa: Isa, arena: &mut Arena, output: View, gradient: View) {
    map(pool, isa, arena, [output], gradient, let_through);
}

/// The gradient of an element that a ReLU has written.
#[inline(always)]
pub(crate) fn let_through([y]: [f32; 1], dy: f32) -> f32 {
    if y > 0.0 { dy } else { 0.0 }
}

/// out = f(input).
pub fn activation(pool: &Pool, isa: Isa, arena: &mut Arena, kind: Activation, input: View, out: View) {
    match kind {
        Activation::Relu => map(pool, isa, arena, [input], out, |[x], _| if x < 0.0 { 0.0 } else { x }),
        Activation::LeakyRelu { slope } => {
            map(pool, isa, arena, [input], out, move |[x], _| if x < 0.0 { slope * x } else { x });
        }
        Activation::Hardtanh { min, max } => {
            map(pool, isa, arena, [input], out, move |[x], _| clip(x, min, max));
        }
        Activation::Sigmoid => map(pool, isa, arena, [input], out, |[x], _| sigmoid(x)),
        Activation::Tanh => map(pool, isa, arena, [input], out, |[x], _| tanh(x)),
        Activation::Silu if isa.is_fused() => {
            map(pool, isa, arena, [input], out, |[x], _| silu::<true>(x));
        }
        Activation::Silu => map(pool, isa, arena, [input], out, |[x], _| silu::<false>(x)),
        Activation::Gelu if isa.is_fused() => {
            map(pool, isa, arena, [input], out, |[x], _| gelu::<true>(x));
        }
        Activation::Gelu => map(pool, isa, arena, [input], out, |[x], _| gelu::<false>(x)),
        Activation::GeluTanh => map(pool, isa, arena, [input], out, |[x], _| gelu_tanh(x)),
        Activation::Hardswish => {
            map(pool, isa, arena, [input], out, |[x], _| hardswish(x));
        }
        Activation::Hardsigmoid { alpha, beta } => {
            map(pool, isa, arena, [input], out, move |[x], _| clip(alpha * x + beta, 0.0, 1.0));
        }
        Activation::Elu { scale, alpha, rate } => {
            let below = move |x: f32| alpha * exp_m1(rate * x);
            map(pool, isa, arena, [input], out, move |[x], _| scale * if x > 0.0 { x } else { below(x) });
        }
        Activation::Softplus { beta, threshold } => {
            let soft = move |x: f32| exp(beta * x).ln_1p() / beta;
            map(pool, isa, arena, [input], out, move |[x], _| if beta * x > threshold { x } else { soft(x) });
        }
        Activation::Softsign => map(pool, isa, arena, [input], out, |[x], _| x / (1.0 + x.abs())),
        Activation::Mish => map(pool, isa, arena, [input], out, |[x], _| x * tanh_softplus(x)[0]),
        Activation::Abs => map(pool, isa, arena, [input], out, |[x], _| x.abs()),
        Activation::Exp => map(pool, isa, arena, [input], out, |[x], _| exp(x)),
        Activation::Log => map(pool, isa, arena, [input], out, |[x], _| x.ln()),
        Activation::Sqrt => map(pool, isa, arena, [input], out, |[x], _| x.sqrt()),
        Activation::Erf => map(pool, isa, arena, [input], out, |[x], _| erf::<false>(x)),
        Activation::Reciprocal => map(pool, isa, arena, [input], out, |[x], _| 1.0 / x),
        Activation::Scale { factor } => map(pool, isa, arena, [input], out, move |[x], _| factor * x),
        Activation::Power { exponent } => {
            map(pool, isa, arena, [input], out, move |[x], _| x.powf(exponent));
        }
    }
}

/// input_gradient (+)= f′ · output_gradient, f′ from the output y: y > 0, y(1 − y), 1 − y²; of Hardtanh 1 strictly
/// within its bounds. Where [`Activation::derives_from_input`] it is from the input x.
///
/// `views` are the output, or that input, the output's gradient, and the input's gradient.
pub fn activation_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    kind: Activation,
    views: [View; 3],
    accumulate: bool,
) {
    let call = Call { pool, isa, views, accumulate };
    match kind {
        Activation::Relu => call.times(arena, |y| if y > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu { slope } => call.times(arena, move |y| if y > 0.0 { 1.0 } else { slope }),
        Activation::Hardtanh { min, max } => {
            call.times(arena, move |y| if y > min && y < max { 1.0 } else { 0.0 });
        }
        Activation::Sigmoid => call.times(arena, |y| y * (1.0 - y)),
        Activation::Tanh => call.times(arena, |y| 1.0 - y * y),
        Activation::Silu => call.times(arena, |x| {
            let s = sigmoid(x);
            s * (1.0 + x * (1.0 - s))
        }),
        Activation::Gelu => call.times(arena, |x| {
            // 1/√(2π), the density's factor.
            normal::<false>(x) + x * 0.398_942_3 * exp(-0.5 * x * x)
        }),
        Activation::GeluTanh => call.times(arena, |x| {
            let t = gelu_tangent(x);
            let inner = GELU[0] * (1.0 + 3.0 * GELU[1] * x * x);
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
        }),
        Activation::Hardswish => call.times(arena, |x| {
            let within = x / 3.0 + 0.5;
            let above = if x > 3.0 { 1.0 } else { within };
            if x < -3.0 { 0.0 } else { above }
        }),
        Activation::Hardsigmoid { alpha, beta } => call.times(arena, move |x| {
            let y = alpha * x + beta;
            if y > 0.0 && y < 1.0 { alpha } else { 0.0 }
        }),
        Activation::Elu { scale, alpha, rate } => {
            call.times(arena, move |x| scale * if x > 0.0 { 1.0 } else { alpha * rate * exp(rate * x) });
        }
        Activation::Softplus { beta, threshold } => {
            call.times(arena, move |x| if beta * x > threshold { 1.0 } else { sigmoid(beta * x) });
        }
        Activation::Softsign => call.times(arena, |x| {
            let d = 1.0 + x.abs();
            1.0 / (d * d)
        }),
        Activation::Mish => call.times(arena, |x| {
            let [t, s] = tanh_softplus(x);
            t + x * s * (1.0 - t * t)
        }),
        Activation::Abs => call.times(arena, |x| {
            let above = if x > 0.0 { 1.0 } else { 0.0 };
            if x < 0.0 { -1.0 } else { above }
        }),
        Activation::Exp => call.times(arena, exp),
        Activation::Log => call.times(arena, |x| 1.0 / x),
        Activation::Sqrt => call.times(arena, |x| 0.5 / x.sqrt()),
        Activation::Erf => call.times(arena, |x| std::f32::consts::FRAC_2_SQRT_PI * exp(-x * x)),
        Activation::Reciprocal => call.times(arena, |x| -1.0 / (x * x)),
        Activation::Scale { factor } => call.times(arena, move |_| factor),
        Activation::Power { exponent } => call.times(arena, move |x| exponent * x.powf(exponent - 1.0)),
    }
}

/// A gradient by element: the value that a slope is taken from, the output's gradient, the input's.
struct Call<'a> {
    pool: &'a Pool,
    isa: Isa,
    views: [View; 3],
    accumulate: bool,
}

impl Call<'_> {
    /// input_gradient (+)= slope · output_gradient.
    fn times(&self, arena: &mut Arena, slope: impl Fn(f32) -> f32 + Sync + Copy) {
        let [value, output_gradient, input_gradient] = self.views;
        let keep = if self.accumulate { 1.0 } else { 0.0 };
        // Old values may be anything, so that they are dropped by choice and not by multiplication; as is a gradient
        // where the slope is 0.
        let f = move |[x, dy]: [f32; 2], old: f32| {
            let slope = slope(x);
            let old = if keep > 0.0 { old } else { 0.0 };
            old + if slope == 0.0 { 0.0 } else { dy * slope }
        };
        map(self.pool, self.isa, arena, [value, output_gradient], input_gradient, f);
    }
}
