//! Arithmetic, with constants as part of the layer before it where it can be, and concatenations.

use super::call::{Call, Known, Order, Value, axis};
use super::constant::Constant;
use super::importer::Importer;
use crate::ops::{Arithmetic, Conv2d, Hardtanh, Linear, Op, Unary};

impl Importer<'_> {
    /// Sums of values; scales and shifts by constants.
    pub(super) fn arithmetic(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let constants = (0..call.inputs.len()).filter(|&i| call.constant(i).is_some()).count();
        let function = match call.op() {
            "Add" | "Sum" => Arithmetic::Add,
            "Sub" => Arithmetic::Sub,
            "Mul" => Arithmetic::Mul,
            "Div" => Arithmetic::Div,
            "Max" => Arithmetic::Maximum,
            _ => Arithmetic::Minimum,
        };
        if constants == 0 {
            return self.combined(call, function).map(Known::Value);
        }
        if constants != 1 || call.inputs.len() != 2 {
            return Err(format!(
                "{} inputs of which {constants} are constants, expected two of which one is",
                call.inputs.len()
            ));
        }
        let at = usize::from(call.constant(0).is_some());
        if let Arithmetic::Maximum | Arithmetic::Minimum = function {
            let found = self.bounded(call, at)?;
            return found.ok_or_else(|| "of a constant that is not one number".into());
        }
        let mut value = self.map_or_vector(call, at)?;
        let constant = call.needed(1 - at, "constant")?;
        let numbers = self.by_channel(constant, value)?;
        let ones = vec![1.0; numbers.len()];
        let zeros = vec![0.0; numbers.len()];
        let negative = |numbers: Vec<f32>| numbers.into_iter().map(|x| -x).collect();
        let (scale, shift) = match (call.op(), at) {
            ("Mul", _) => (numbers, zeros),
            ("Div", 0) => (numbers.into_iter().map(f32::recip).collect(), zeros),
            ("Div", _) => {
                value = self.give_on(call, Unary::Reciprocal, value, Vec::new())?;
                (numbers, zeros)
            }
            ("Sub", 0) => (ones, negative(numbers)),
            ("Sub", _) => (negative(ones), numbers),
            _ => (ones, numbers),
        };
        if scale.iter().all(|&scale| scale == 1.0) && shift.iter().all(|&shift| shift == 0.0) {
            return self.alias(call, at);
        }
        if self.is_sole(call, at, value) && self.merge(value.layer, &scale, &shift)? {
            return self.without_identity(value);
        }
        self.affine(call, value, (scale, shift)).map(Known::Value)
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

    /// The mean of values that depend on the images.
    pub(super) fn mean(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let count = call.inputs.len();
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

    /// A constant as a number for each channel of a value.
    fn by_channel(&self, constant: &Constant, value: Value) -> Result<Vec<f32>, String> {
        let axis = if value.order == Order::ChannelsLast { 3 } else { 1 };
        self.along(constant, self.sizes(value).len() + 1, Some(axis), self.shape(value).channels())
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
        let values = self.alike(call)?;
        let rank = self.sizes(values[0]).len() + 1;
        let along = axis(call.int("axis", 1)?, rank)?;
        let channels = if values[0].order == Order::ChannelsLast { 3 } else { 1 };
        if along != channels {
            return Err(format!("along axis {along}, expected {channels}: the channels"));
        }
        self.push_all(call, Op::Concat, &values).map(Known::Value)
    }

    /// A layer of several inputs of one order.
    fn push_all(&mut self, call: &Call<'_>, op: Op, inputs: &[Value]) -> Result<Value, String> {
        let path = self.path(call);
        let layers: Vec<usize> = inputs.iter().map(|input| input.layer).collect();
        let layer = self.draft.push(op, &layers, path, Vec::new())?;
        Ok(Value { layer, order: inputs[0].order, shared: false })
    }
}

/// Whether a constant that is combined with a value of `rank` axes has one number for all, or one for each of `channels`
/// along an axis.
pub(super) fn is_along(constant: &Constant, rank: usize, axis: Option<usize>, channels: usize) -> bool {
    let Some(lead) = rank.checked_sub(constant.shape.len()) else { return false };
    let fits = |(i, &size): (usize, &usize)| size == 1 || (Some(lead + i) == axis && size == channels);
    constant.shape.iter().enumerate().all(fits)
}
