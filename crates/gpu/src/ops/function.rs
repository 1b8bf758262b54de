//! Functions of each element whose gradient is read from their input.

use super::call::{Call, Walk, one_format};
use crate::kernels::Family;
use crate::list::List;
use crate::view::View;

/// A function applied to each element; its gradient reads the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// x / (1 + e^−x).
    Silu,
    /// x·Φ(x), Φ being the normal distribution.
    Gelu {
        /// Whether Φ is approximated by a hyperbolic tangent.
        tanh: bool,
    },
    /// x·min(max(x + 3, 0), 6)/6.
    Hardswish,
    /// `alpha`·x + `beta` within 0 and 1.
    Hardsigmoid {
        /// The slope.
        alpha: f32,
        /// The value at 0.
        beta: f32,
    },
    /// `scale`·x where x is positive, `below`·(e^(`rate`·x) − 1) elsewhere: ELU, SELU and CELU.
    Elu {
        /// The factor above 0.
        scale: f32,
        /// How far below 0 it goes.
        below: f32,
        /// How fast.
        rate: f32,
    },
    /// ln(1 + e^(βx))/β, and x itself where βx is above the threshold.
    Softplus {
        /// β.
        beta: f32,
        /// From where on it is x.
        threshold: f32,
    },
    /// x / (1 + |x|).
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
    /// 1/x.
    Reciprocal,
    /// The error function.
    Erf,
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

impl Function {
    /// Its number among the kernel's, and its settings.
    fn parts(self) -> (usize, [f32; 3]) {
        match self {
            Self::Silu => (0, [0.0; 3]),
            Self::Gelu { tanh } => (if tanh { 2 } else { 1 }, [0.0; 3]),
            Self::Hardswish => (3, [0.0; 3]),
            Self::Hardsigmoid { alpha, beta } => (4, [alpha, beta, 0.0]),
            Self::Elu { scale, below, rate } => (5, [scale, below, rate]),
            Self::Softplus { beta, threshold } => (6, [beta, threshold, 0.0]),
            Self::Softsign => (7, [0.0; 3]),
            Self::Mish => (8, [0.0; 3]),
            Self::Abs => (9, [0.0; 3]),
            Self::Exp => (10, [0.0; 3]),
            Self::Log => (11, [0.0; 3]),
            Self::Sqrt => (12, [0.0; 3]),
            Self::Reciprocal => (13, [0.0; 3]),
            Self::Erf => (14, [0.0; 3]),
            Self::Scale { factor } => (15, [factor, 0.0, 0.0]),
            Self::Power { exponent } => (16, [exponent, 0.0, 0.0]),
        }
    }
}

impl List {
    /// out = f(input).
    ///
    /// # Panics
    /// If views do not fit the block and one another, or overlap.
    pub fn function(&mut self, function: Function, [input, out]: [View; 2]) {
        self.check_alike(out, &[input]);
        input.assert_disjoint(out);
        let format = one_format(&[input, out]);
        let walk = Walk::over([input, out]);
        let [x, y] = walk.views;
        let (kind, settings) = function.parts();
        let call = Call::walk(Family::Function, &walk.kernel("function", format), walk.vectors(format))
            .view(x)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .int(kind);
        settings.into_iter().fold(call, Call::float).add(self);
    }

    /// input_gradient (+)= f′(input) · output_gradient. `views` are the input, the output's gradient, and the input's.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or the input's gradient overlaps what is read.
    pub fn function_backward(&mut self, function: Function, views: [View; 3], accumulate: bool) {
        let [input, output_gradient, input_gradient] = views;
        self.check_alike(input, &[output_gradient, input_gradient]);
        input_gradient.assert_disjoint(input);
        input_gradient.assert_disjoint(output_gradient);
        let format = one_format(&views);
        let walk = Walk::over(views);
        let [x, dy, dx] = walk.views;
        let (kind, settings) = function.parts();
        let kernel = walk.kernel("function_backward", format);
        let call = Call::walk(Family::Function, &kernel, walk.vectors(format))
            .view(x)
            .view(dy)
            .view(dx)
            .int(x.pixels)
            .int(x.channels)
            .int(kind);
        settings.into_iter().fold(call, Call::float).flag(accumulate).add(self);
    }
}
