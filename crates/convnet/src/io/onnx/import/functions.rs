//! Functions of each element by itself, and what exporters write for those that ONNX did not have.

use super::arithmetic::is_along;
use super::call::{Call, Known, Order, Value};
use super::importer::Importer;
use crate::ops::{Arithmetic, Hardtanh, Op, Prelu, Unary};

/// What an element is scaled by and what is added, of all channels alike.
type Line = (f32, f32);

/// Whether two numbers are equal but for their rounding.
fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 * b.abs()
}

impl Importer<'_> {
    /// The function that an operator names, if it is one of [`Unary`].
    pub(super) fn function(&self, call: &Call<'_>) -> Result<Option<Unary>, String> {
        Ok(Some(match call.op() {
            "Elu" => Unary::Elu { alpha: call.float("alpha", 1.0)? },
            "Celu" => Unary::Celu { alpha: call.float("alpha", 1.0)? },
            "Selu" if self.is_papers_selu(call)? => Unary::Selu,
            "Gelu" => Unary::Gelu {
                tanh: match call.text("approximate")?.unwrap_or("none") {
                    "none" => false,
                    "tanh" => true,
                    other => return Err(format!("approximate is `{other}`, expected none or tanh")),
                },
            },
            "HardSwish" => Unary::Hardswish,
            "HardSigmoid" => {
                Unary::Hardsigmoid { alpha: call.float("alpha", 0.2)?, beta: call.float("beta", 0.5)? }
            }
            "Swish" if call.float("alpha", 1.0)? == 1.0 => Unary::Silu,
            "Softplus" => Unary::softplus(),
            "Softsign" => Unary::Softsign,
            "Mish" => Unary::Mish,
            "Abs" => Unary::Abs,
            "Exp" => Unary::Exp,
            "Log" => Unary::Log,
            "Sqrt" => Unary::Sqrt,
            "Reciprocal" => Unary::Reciprocal,
            "Erf" => Unary::Erf,
            _ => return Ok(None),
        }))
    }

    /// Whether SELU has the settings of its paper.
    fn is_papers_selu(&self, call: &Call<'_>) -> Result<bool, String> {
        let (alpha, gamma) = (call.float("alpha", 1.673_263_2)?, call.float("gamma", 1.050_701)?);
        Ok(near(alpha, 1.673_263_2) && near(gamma, 1.050_701))
    }

    /// SELU with settings of its own: ELU, scaled.
    pub(super) fn selu(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let (alpha, gamma) = (call.float("alpha", 1.673_263_2)?, call.float("gamma", 1.050_701)?);
        let value = self.give_on(call, Unary::Elu { alpha }, value, Vec::new())?;
        self.multiplied(call, value, gamma).map(Known::Value)
    }

    /// x to a power.
    pub(super) fn power(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let exponent = match call.constant(1) {
            Some(exponent) if exponent.len() == 1 => exponent.floats(self.model)?[0],
            _ => return self.computed(call),
        };
        let Ok(value) = self.map_or_vector(call, 0) else { return self.computed(call) };
        if exponent == 1.0 {
            return self.alias(call, 0);
        }
        self.raised(call, value, exponent).map(Known::Value)
    }

    /// A value to a power.
    pub(super) fn raised(&mut self, call: &Call<'_>, value: Value, exponent: f32) -> Result<Value, String> {
        let give = |layer| Value { layer, order: value.order, shared: false };
        match exponent {
            1.0 => Ok(Value { shared: true, ..value }),
            2.0 => self.times(call, value.layer, value.layer).map(give),
            3.0 => {
                let square = self.times(call, value.layer, value.layer)?;
                self.times(call, square, value.layer).map(give)
            }
            0.5 => self.give_on(call, Unary::Sqrt, value, Vec::new()),
            -1.0 => self.give_on(call, Unary::Reciprocal, value, Vec::new()),
            exponent => self.give_on(call, Unary::Power { exponent }, value, Vec::new()),
        }
    }

    /// The absolute value of a layer's elements to a power.
    pub(super) fn powered(&mut self, call: &Call<'_>, layer: usize, p: i64) -> Result<usize, String> {
        if p == 2 {
            return self.times(call, layer, layer);
        }
        if !(1..=1 << 20).contains(&p) {
            return Err(format!("p is {p}, expected 1 or more"));
        }
        let path = self.path(call);
        let layer = self.draft.push(Unary::Abs, &[layer], path, Vec::new())?;
        self.raised(call, Value::plain(layer), p as f32).map(|value| value.layer)
    }

    /// The product of two layers.
    fn times(&mut self, call: &Call<'_>, a: usize, b: usize) -> Result<usize, String> {
        let path = self.path(call);
        self.draft.push(Arithmetic::Mul, &[a, b], path, Vec::new())
    }

    /// A product that is a function of one value, as exporters write it; gives that value and how the function is scaled.
    pub(super) fn written_out(&self, values: [Value; 2]) -> Result<Option<(Unary, usize, f32)>, String> {
        for (x, gate) in [(values[0].layer, values[1].layer), (values[1].layer, values[0].layer)] {
            if let Some((function, scale)) = self.gated(x, gate)? {
                return Ok(Some((function, x, scale)));
            }
            // The half of GELU may stand at x itself.
            if let Some(((factor, 0.0), before)) = self.line(x)?
                && let Some((function, scale)) = self.gated(before, gate)?
            {
                return Ok(Some((function, before, scale * factor)));
            }
        }
        Ok(None)
    }

    /// The function that x times a gate is, and the factor of it.
    fn gated(&self, x: usize, gate: usize) -> Result<Option<(Unary, f32)>, String> {
        let layer = &self.draft.layers[gate];
        let reads_x = |layer: usize| self.draft.layers[layer].inputs == [x];
        match &layer.op {
            Op::Sigmoid if reads_x(gate) => return Ok(Some((Unary::Silu, 1.0))),
            Op::Unary(Unary::Hardsigmoid { alpha, beta })
                if reads_x(gate) && near(*alpha, 1.0 / 6.0) && near(*beta, 0.5) =>
            {
                return Ok(Some((Unary::Hardswish, 1.0)));
            }
            // min(6, max(0, x + 3)) is six times as large.
            Op::Hardtanh(Hardtanh { min: 0.0, max: 6.0 }) => {
                let of = layer.inputs[0];
                return Ok(match self.line(of)? {
                    Some(((1.0, 3.0), before)) if before == x => Some((Unary::Hardswish, 6.0)),
                    _ => None,
                });
            }
            Op::Tanh => {
                let soft = layer.inputs[0];
                let is_soft = self.draft.layers[soft].op == Op::Unary(Unary::softplus()) && reads_x(soft);
                return Ok(is_soft.then_some((Unary::Mish, 1.0)));
            }
            _ => {}
        }
        // (1 + erf(x/√2)) or the tangent's, perhaps halved.
        let Some(((scale, shift), function)) = self.line(gate)? else { return Ok(None) };
        if !near(scale, shift) {
            return Ok(None);
        }
        let inner = self.draft.layers[function].inputs.first().copied();
        let found = match (&self.draft.layers[function].op, inner) {
            (Op::Unary(Unary::Erf), Some(inner)) => match self.line(inner)? {
                Some(((root, 0.0), before)) if before == x && near(root, std::f32::consts::FRAC_1_SQRT_2) => {
                    Some(Unary::Gelu { tanh: false })
                }
                _ => None,
            },
            (Op::Tanh, Some(inner)) if self.is_gelu_tangent(inner, x)? => Some(Unary::Gelu { tanh: true }),
            _ => None,
        };
        Ok(found.map(|function| (function, 2.0 * scale)))
    }

    /// Whether a layer is √(2/π)·(x + 0.044715·x³), in one of the ways that it is written.
    fn is_gelu_tangent(&self, layer: usize, x: usize) -> Result<bool, String> {
        const ROOT: f32 = 0.797_884_6;
        const CUBIC: f32 = 0.044_715;
        let Some(((root, 0.0), polynomial)) = self.line(layer)? else { return Ok(false) };
        let inputs = &self.draft.layers[polynomial].inputs;
        let is_square = |layer: usize| {
            self.draft.layers[layer].op == Op::Arithmetic(Arithmetic::Mul)
                && self.draft.layers[layer].inputs == [x, x]
        };
        match (&self.draft.layers[polynomial].op, &inputs[..]) {
            // x · (0.044715·x² + 1).
            (Op::Arithmetic(Arithmetic::Mul), &[a, b]) => {
                let other = if a == x { b } else { a };
                let line = self.line(other)?;
                let fits = line.is_some_and(|((cubic, one), square)| {
                    near(cubic, CUBIC) && one == 1.0 && is_square(square)
                });
                Ok((a == x || b == x) && fits && near(root, ROOT))
            }
            // x + 0.044715·x³.
            (Op::Add, &[a, b]) => {
                let other = if a == x { b } else { a };
                let Some(((cubic, 0.0), cube)) = self.line(other)? else { return Ok(false) };
                let factors = &self.draft.layers[cube].inputs;
                let is_cube = self.draft.layers[cube].op == Op::Arithmetic(Arithmetic::Mul)
                    && factors.contains(&x)
                    && factors.iter().any(|&factor| is_square(factor));
                Ok((a == x || b == x) && is_cube && near(cubic, CUBIC) && near(root, ROOT))
            }
            _ => Ok(false),
        }
    }

    /// The scale and the shift of a layer that are the same for all channels, and what it reads.
    fn line(&self, layer: usize) -> Result<Option<(Line, usize)>, String> {
        let draft = &self.draft.layers[layer];
        if draft.op != Op::Affine {
            return Ok(None);
        }
        let mut numbers = [0.0; 2];
        for (number, constant) in numbers.iter_mut().zip(&draft.weights) {
            let values = constant.floats(self.model)?;
            if values.iter().any(|&value| value != values[0]) {
                return Ok(None);
            }
            *number = values[0];
        }
        Ok(Some(((numbers[0], numbers[1]), draft.inputs[0])))
    }

    /// PReLU's slopes, one for each channel or one for all.
    pub(super) fn prelu(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let slope = call.needed(1, "slope")?;
        let by_channel = slope.len() != 1;
        let channels = self.shape(value).channels();
        let axis = if value.order == Order::ChannelsLast { 3 } else { 1 };
        let rank = self.sizes(value).len() + 1;
        if by_channel && !is_along(slope, rank, Some(axis), channels) {
            return self.computed(call);
        }
        let weight = slope.clone().reshaped(&[if by_channel { channels } else { 1 }]);
        self.push_on(call, Prelu { by_channel }, value, vec![weight])
    }
}
