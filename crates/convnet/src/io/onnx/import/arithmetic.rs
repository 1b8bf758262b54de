//! Arithmetic, with constants as part of the layer before it where it can be, and concatenations.

use super::call::{Call, Known, Order, Value, axis};
use super::constant::Constant;
use super::fold::{broadcast, combined};
use super::importer::Importer;
use super::views::View;
use crate::ops::{Arithmetic, Conv2d, Hardtanh, Linear, Op, Unary};

impl Importer<'_> {
    /// Functions of two values or more; scales and shifts by constants.
    pub(super) fn arithmetic(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let constants = (0..call.inputs.len()).filter(|&i| call.constant(i).is_some()).count();
        if constants == 1
            && call.inputs.len() == 2
            && let Some(known) = self.by_constant(call)?
        {
            return Ok(known);
        }
        match function(call.op()) {
            Some((function, _)) if constants == 0 && self.are_alike(call) => {
                self.combined(call, function).map(Known::Value)
            }
            _ => self.computed(call),
        }
    }

    /// A value and a constant that is one number, or one for each channel; `None` for any other.
    fn by_constant(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let at = usize::from(call.constant(0).is_some());
        let Ok(mut value) = self.map_or_vector(call, at) else { return Ok(None) };
        if let "Max" | "Min" = call.op() {
            return self.bounded(call, at);
        }
        let constant = call.needed(1 - at, "constant")?;
        let axis = if value.order == Order::ChannelsLast { 3 } else { 1 };
        let (rank, channels) = (self.sizes(value).len() + 1, self.shape(value).channels());
        let Some((function, _)) = function(call.op()) else { return Ok(None) };
        if !is_along(constant, rank, Some(axis), channels) || !is_line(function) {
            return Ok(None);
        }
        let numbers = self.along(constant, rank, Some(axis), channels)?;
        let Some((scale, shift)) = line(function, at, numbers) else { return Ok(None) };
        if function == Arithmetic::Div && at == 1 {
            value = self.give_on(call, Unary::Reciprocal, value, Vec::new())?;
        }
        if scale.iter().all(|&scale| scale == 1.0) && shift.iter().all(|&shift| shift == 0.0) {
            return self.alias(call, at).map(Some);
        }
        if self.is_sole(call, at, value) && self.merge(value.layer, &scale, &shift)? {
            return self.without_identity(value).map(Some);
        }
        self.affine(call, value, (scale, shift)).map(|value| Some(Known::Value(value)))
    }

    /// What a function gives of operands under any axes.
    pub(super) fn computed(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let inputs: Vec<Known> = call.inputs.iter().flatten().cloned().collect();
        match (call.op(), &inputs[..]) {
            ("Where", [condition, yes, no]) => self.chosen(call, [condition, yes, no]),
            ("Not", [x]) => self.each_as(call, x, Self::opposite),
            ("Neg", [x]) => self.each_as(call, x, |this, call, value| this.multiplied(call, value, -1.0)),
            ("Mean", [first, rest @ ..]) => {
                let count = inputs.len() as f32;
                let sum = self.folded(call, Arithmetic::Add, first, rest)?;
                self.each_as(call, &sum, |this, call, value| this.multiplied(call, value, 1.0 / count))
            }
            ("PRelu", [x, slope]) => self.sloped(call, x, slope),
            ("Pow", [x, Known::Constant(exponent)]) if exponent.len() == 1 => {
                let exponent = exponent.floats(self.model)?[0];
                self.each_as(call, x, |this, call, value| this.raised(call, value, exponent))
            }
            (op, [first, rest @ ..]) => match function(op) {
                Some((function, false)) => self.folded(call, function, first, rest),
                Some((function, true)) if inputs.len() == 2 => self.binary(call, function, [&rest[0], first]),
                _ => Err(format!("{} inputs", inputs.len())),
            },
            (_, []) => Err("it has no input".into()),
        }
    }

    /// A function of the first and the second input, of that and the third, and so on.
    fn folded(
        &mut self,
        call: &Call<'_>,
        function: Arithmetic,
        first: &Known,
        rest: &[Known],
    ) -> Result<Known, String> {
        let mut total = first.clone();
        for next in rest {
            total = self.binary(call, function, [&total, next])?;
        }
        Ok(total)
    }

    /// A function of each element by itself, whatever the axes.
    fn each_as(
        &mut self,
        call: &Call<'_>,
        known: &Known,
        layer: impl FnOnce(&mut Self, &Call<'_>, Value) -> Result<Value, String>,
    ) -> Result<Known, String> {
        let view = self.view_of(call, known)?.ok_or("it reads constants alone")?;
        let value = layer(self, call, Value { shared: true, ..Value::plain(view.of) })?;
        Ok(self.known(View { of: value.layer, ..view }))
    }

    /// 1 − x, of a condition.
    fn opposite(&mut self, call: &Call<'_>, value: Value) -> Result<Value, String> {
        let channels = self.shape(value).channels();
        self.affine(call, value, (vec![-1.0; channels], vec![1.0; channels]))
    }

    /// One of two by a condition. What is not chosen may be no number.
    fn chosen(&mut self, call: &Call<'_>, [condition, yes, no]: [&Known; 3]) -> Result<Known, String> {
        let otherwise = match condition {
            Known::Constant(constant) => {
                let values: Vec<f32> = constant.floats(self.model)?;
                let not = values.iter().map(|&x| if x == 0.0 { 1.0 } else { 0.0 }).collect();
                Known::Constant(Constant::numbers(constant.shape.clone(), not))
            }
            known => self.each_as(call, known, Self::opposite)?,
        };
        let zero = |this: &Self, known: &Known| match known {
            Known::Constant(constant) if constant.len() == 1 => Ok(constant.floats(this.model)?[0] == 0.0),
            _ => Ok::<_, String>(false),
        };
        let parts = [(yes, condition), (no, &otherwise)];
        let mut sum: Option<Known> = None;
        for (part, mask) in parts {
            if zero(self, part)? {
                continue;
            }
            let masked = match (part, mask) {
                (Known::Constant(a), Known::Constant(b)) => {
                    let shape = broadcast(&a.shape, &b.shape)?;
                    let (x, y) = (a.floats(self.model)?, b.floats(self.model)?);
                    let keep = |x: f32, y: f32| Ok(if y == 0.0 { 0.0 } else { x });
                    let values = combined((&x, &a.shape), (&y, &b.shape), &shape, keep)?;
                    Known::Constant(Constant::numbers(shape, values))
                }
                _ => self.binary(call, Arithmetic::Mask, [part, mask])?,
            };
            sum = Some(match &sum {
                None => masked,
                Some(sum) => self.binary(call, Arithmetic::Add, [sum, &masked])?,
            });
        }
        match sum {
            Some(Known::Constant(_)) | None => Err("it chooses between constants alone".into()),
            Some(known) => Ok(known),
        }
    }

    /// x where it is positive, a multiple elsewhere, by a slope of any shape.
    pub(super) fn sloped(&mut self, call: &Call<'_>, x: &Known, slope: &Known) -> Result<Known, String> {
        let above =
            self.each_as(call, x, |this, call, value| this.give_on(call, Op::Relu, value, Vec::new()))?;
        let below = self.each_as(call, x, |this, call, value| {
            this.give_on(call, Hardtanh { min: f32::NEG_INFINITY, max: 0.0 }, value, Vec::new())
        })?;
        let sloped = self.binary(call, Arithmetic::Mul, [&below, slope])?;
        self.binary(call, Arithmetic::Add, [&above, &sloped])
    }

    /// Functions of each element that other functions make up.
    pub(super) fn pieces(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let x = call.inputs.first().cloned().flatten().ok_or("it has no input")?;
        let number = |value: f32| Known::Constant(Constant::numbers(Vec::new(), vec![value]));
        match call.op() {
            "ThresholdedRelu" => {
                let above = self.binary(call, Arithmetic::Less, [&number(call.float("alpha", 1.0)?), &x])?;
                self.binary(call, Arithmetic::Mask, [&x, &above])
            }
            "Shrink" => {
                let (bias, limit) = (call.float("bias", 0.0)?, call.float("lambd", 0.5)?);
                let above = self.binary(call, Arithmetic::Less, [&number(limit), &x])?;
                let below = self.binary(call, Arithmetic::Less, [&x, &number(-limit)])?;
                let lower = self.binary(call, Arithmetic::Sub, [&x, &number(bias)])?;
                let higher = self.binary(call, Arithmetic::Add, [&x, &number(bias)])?;
                let above = self.binary(call, Arithmetic::Mask, [&lower, &above])?;
                let below = self.binary(call, Arithmetic::Mask, [&higher, &below])?;
                self.binary(call, Arithmetic::Add, [&above, &below])
            }
            _ => {
                let scaled = self.binary(call, Arithmetic::Mul, [&x, &number(call.float("alpha", 1.0)?)])?;
                let gate = self.each_as(call, &scaled, |this, call, value| {
                    this.give_on(call, Op::Sigmoid, value, Vec::new())
                })?;
                self.binary(call, Arithmetic::Mul, [&x, &gate])
            }
        }
    }

    /// A function of values. A product may be a function of one as exporters write it: x · σ(x) is SiLU.
    fn combined(&mut self, call: &Call<'_>, function: Arithmetic) -> Result<Value, String> {
        let values = self.alike(call)?;
        let (mut total, rest) = (values[0], &values[1..]);
        if rest.is_empty() {
            return self.renamed(call, 0);
        }
        for &next in rest {
            total = match function {
                Arithmetic::Add if self.shape(total) == self.shape(next) => {
                    self.push_all(call, Op::Add, &[total, next])?
                }
                Arithmetic::Mul => self.product(call, [total, next])?,
                function => self.push_all(call, function.into(), &[total, next])?,
            };
        }
        Ok(total)
    }

    /// The product of two values, or the function of one that it is.
    fn product(&mut self, call: &Call<'_>, values: [Value; 2]) -> Result<Value, String> {
        let Some((unary, of, scale)) = self.written_out(values)? else {
            return self.push_all(call, Arithmetic::Mul.into(), &values);
        };
        let value = self.give_on(call, unary, Value { layer: of, ..values[0] }, Vec::new())?;
        if scale == 1.0 { Ok(value) } else { self.multiplied(call, value, scale) }
    }

    /// The mean of values.
    pub(super) fn mean(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let count = call.inputs.len();
        if !self.are_alike(call) {
            return self.computed(call);
        }
        let sum = self.combined(call, Arithmetic::Add)?;
        let mean = if count == 1 { sum } else { self.multiplied(call, sum, 1.0 / count as f32)? };
        Ok(Known::Value(mean))
    }

    /// −x.
    pub(super) fn negative(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        self.multiplied(call, value, -1.0).map(Known::Value)
    }

    /// A value times a number.
    pub(super) fn multiplied(&mut self, call: &Call<'_>, value: Value, scale: f32) -> Result<Value, String> {
        let channels = self.shape(value).channels();
        self.affine(call, value, (vec![scale; channels], vec![0.0; channels]))
    }

    /// The larger or the smaller of a value and one number.
    fn bounded(&mut self, call: &Call<'_>, at: usize) -> Result<Option<Known>, String> {
        let bound = call.needed(1 - at, "constant")?;
        if bound.len() != 1 {
            return Ok(None);
        }
        let bound = bound.floats(self.model)?[0];
        let op: Op = match call.op() {
            "Max" if bound == 0.0 => Op::Relu,
            "Max" => Hardtanh { min: bound, max: f32::INFINITY }.into(),
            _ => Hardtanh { min: f32::NEG_INFINITY, max: bound }.into(),
        };
        let value = self.value(call, at)?;
        self.push_on(call, op, value, Vec::new()).map(Some)
    }

    /// A constant that is combined with a value of `rank` axes, as a number for each of `channels` along an axis.
    pub(super) fn along(
        &self,
        constant: &Constant,
        rank: usize,
        axis: Option<usize>,
        channels: usize,
    ) -> Result<Vec<f32>, String> {
        if !is_along(constant, rank, axis, channels) {
            return Err(format!(
                "by a constant of shape {:?}, expected a number, or one for each of {channels} channels",
                constant.shape
            ));
        }
        let values = constant.floats(self.model)?;
        Ok(if values.len() == channels { values } else { vec![values[0]; channels] })
    }

    /// Takes a scale and a shift by channel into the layer that gives the value, if it can.
    fn merge(&mut self, layer: usize, scale: &[f32], shift: &[f32]) -> Result<bool, String> {
        let layer = &mut self.draft.layers[layer];
        let channels = vec![scale.len()];
        let shifts_only = scale.iter().all(|&scale| scale == 1.0);
        if let Op::Conv2d(Conv2d { bias, .. }) | Op::Linear(Linear { bias, .. }) = &mut layer.op
            && !*bias
            && shifts_only
        {
            *bias = true;
            layer.weights.push(Constant::numbers(channels, shift.to_vec()));
        } else if matches!(layer.op, Op::BatchNorm2d(_) | Op::Affine) {
            let weight = layer.weights[0].floats(self.model)?;
            let bias = layer.weights[1].floats(self.model)?;
            let bias =
                bias.iter().zip(scale).zip(shift).map(|((b, scale), shift)| b * scale + shift).collect();
            let weight = weight.iter().zip(scale).map(|(w, scale)| w * scale).collect();
            layer.weights[0] = Constant::numbers(channels.clone(), weight);
            layer.weights[1] = Constant::numbers(channels, bias);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// A value without the scale and the shift that give it, if these have become 1 and 0.
    fn without_identity(&self, value: Value) -> Result<Known, String> {
        let layer = &self.draft.layers[value.layer];
        let is = |constant: &Constant, number: f32| -> Result<bool, String> {
            Ok(constant.floats(self.model)?.iter().all(|&x| x == number))
        };
        if layer.op == Op::Affine && is(&layer.weights[0], 1.0)? && is(&layer.weights[1], 0.0)? {
            // Others may read what it was applied to.
            return Ok(Known::Value(Value { layer: layer.inputs[0], shared: true, ..value }));
        }
        Ok(Known::Value(value))
    }

    pub(super) fn affine(
        &mut self,
        call: &Call<'_>,
        value: Value,
        (scale, shift): (Vec<f32>, Vec<f32>),
    ) -> Result<Value, String> {
        let vector = |values: Vec<f32>| Constant::numbers(vec![values.len()], values);
        self.give_on(call, Op::Affine, value, vec![vector(scale), vector(shift)])
    }

    pub(super) fn concat(&mut self, call: &Call<'_>) -> Result<Known, String> {
        if self.are_alike(call) {
            let values = self.alike(call)?;
            let along = axis(call.int("axis", 1)?, self.sizes(values[0]).len() + 1)?;
            let channels = if values[0].order == Order::ChannelsLast { 3 } else { 1 };
            if along == channels {
                return self.push_all(call, Op::Concat, &values).map(Known::Value);
            }
        }
        let joined = self.joined_views(call)?;
        Ok(self.known(joined))
    }

    /// A layer of several inputs of one order.
    fn push_all(&mut self, call: &Call<'_>, op: Op, inputs: &[Value]) -> Result<Value, String> {
        let path = self.path(call);
        let layers: Vec<usize> = inputs.iter().map(|input| input.layer).collect();
        let layer = self.draft.push(op, &layers, path, Vec::new())?;
        Ok(Value { layer, order: inputs[0].order, shared: false })
    }
}

/// The function of two that an operator is, and whether its operands change places.
fn function(op: &str) -> Option<(Arithmetic, bool)> {
    Some(match op {
        "Add" | "Sum" => (Arithmetic::Add, false),
        "Sub" => (Arithmetic::Sub, false),
        "Mul" => (Arithmetic::Mul, false),
        "Div" => (Arithmetic::Div, false),
        "Max" | "Or" => (Arithmetic::Maximum, false),
        "Min" | "And" => (Arithmetic::Minimum, false),
        "Pow" => (Arithmetic::Pow, false),
        "Equal" => (Arithmetic::Equal, false),
        "Less" => (Arithmetic::Less, false),
        "LessOrEqual" => (Arithmetic::LessOrEqual, false),
        "Greater" => (Arithmetic::Less, true),
        "GreaterOrEqual" => (Arithmetic::LessOrEqual, true),
        _ => return None,
    })
}

/// Whether a function of a value and a number is a scale and a shift.
pub(super) fn is_line(function: Arithmetic) -> bool {
    matches!(function, Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mul | Arithmetic::Div)
}

/// The scale and the shift that a function of a value, operand `at`, and numbers is; where it is divided by, of its
/// reciprocal.
pub(super) fn line(function: Arithmetic, at: usize, numbers: Vec<f32>) -> Option<(Vec<f32>, Vec<f32>)> {
    let (ones, zeros) = (vec![1.0; numbers.len()], vec![0.0; numbers.len()]);
    let negative = |numbers: Vec<f32>| numbers.into_iter().map(|x| -x).collect();
    Some(match (function, at) {
        (Arithmetic::Mul, _) | (Arithmetic::Div, 1) => (numbers, zeros),
        (Arithmetic::Div, _) => (numbers.into_iter().map(f32::recip).collect(), zeros),
        (Arithmetic::Sub, 0) => (ones, negative(numbers)),
        (Arithmetic::Sub, _) => (negative(ones), numbers),
        (Arithmetic::Add, _) => (ones, numbers),
        _ => return None,
    })
}

/// Whether a constant that is combined with a value of `rank` axes has one number for all, or one for each of `channels`
/// along an axis.
pub(super) fn is_along(constant: &Constant, rank: usize, axis: Option<usize>, channels: usize) -> bool {
    let Some(lead) = rank.checked_sub(constant.shape.len()) else { return false };
    let fits = |(i, &size): (usize, &usize)| size == 1 || (Some(lead + i) == axis && size == channels);
    constant.shape.iter().enumerate().all(fits)
}
