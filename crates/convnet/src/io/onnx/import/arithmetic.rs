//! Sums, concatenations, and arithmetic with constants, which becomes part of the layer before it where it can.

use super::call::{Call, Known, Order, Value, axis};
use super::constant::Constant;
use super::importer::Importer;
use crate::ops::{Conv2d, Linear, Op};

impl Importer<'_> {
    /// Sums of values; scales and shifts by constants.
    pub(super) fn arithmetic(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let constants = (0..call.inputs.len()).filter(|&i| call.constant(i).is_some()).count();
        let sums = matches!(call.op(), "Add" | "Sum");
        if sums && constants == 0 {
            return self.sum(call);
        }
        if call.op() == "Mul" && constants == 0 && call.inputs.len() == 2 {
            return self.product(call);
        }
        if constants != 1 || call.inputs.len() != 2 {
            return Err(
                "no layer computes it on two values that depend on the images; one must be a constant".into(),
            );
        }
        let at = usize::from(call.constant(0).is_some());
        let value = self.map_or_vector(call, at)?;
        let constant = call.needed(1 - at, "constant")?;
        let numbers = self.by_channel(constant, value)?;
        let ones = vec![1.0; numbers.len()];
        let zeros = vec![0.0; numbers.len()];
        let negative = |numbers: Vec<f32>| numbers.into_iter().map(|x| -x).collect();
        let (scale, shift) = match (call.op(), at) {
            ("Mul", _) => (numbers, zeros),
            ("Div", 0) => (numbers.into_iter().map(f32::recip).collect(), zeros),
            ("Div", _) => return Err("it divides a constant by what depends on the images".into()),
            ("Sub", 0) => (ones, negative(numbers)),
            ("Sub", _) => (negative(ones), numbers),
            _ => (ones, numbers),
        };
        if self.is_sole(call, at, value) && self.merge(value.layer, &scale, &shift)? {
            return Ok(Known::Value(value));
        }
        self.affine(call, value, (scale, shift))
    }

    /// A product of two values; x · σ(x) is SiLU, as exporters write it.
    fn product(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let values = self.alike(call)?;
        let values = [values[0], values[1]];
        for (x, gate) in [(0, 1), (1, 0)] {
            let sole = self.is_sole(call, gate, values[gate]);
            let layer = &mut self.draft.layers[values[gate].layer];
            if sole && layer.op == Op::Sigmoid && layer.inputs == [values[x].layer] {
                layer.op = Op::Silu;
                return Ok(Known::Value(values[gate]));
            }
        }
        self.push_all(call, Op::Mul, &values)
    }

    fn sum(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let values = self.alike(call)?;
        let (&[mut total], rest) = values.split_at(1) else { return Err("it has no input".into()) };
        if rest.is_empty() {
            return self.alias(call, 0);
        }
        for &next in rest {
            let Known::Value(sum) = self.push_all(call, Op::Add, &[total, next])? else { continue };
            total = sum;
        }
        Ok(Known::Value(total))
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
        let lead = rank.checked_sub(constant.shape.len());
        let fits = lead.is_some_and(|lead| {
            let fits =
                |(i, &size): (usize, &usize)| size == 1 || (Some(lead + i) == axis && size == channels);
            constant.shape.iter().enumerate().all(fits)
        });
        if !fits {
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

    pub(super) fn affine(
        &mut self,
        call: &Call<'_>,
        value: Value,
        (scale, shift): (Vec<f32>, Vec<f32>),
    ) -> Result<Known, String> {
        let vector = |values: Vec<f32>| Constant::numbers(vec![values.len()], values);
        self.push_on(call, Op::Affine, value, vec![vector(scale), vector(shift)])
    }

    pub(super) fn concat(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let values = self.alike(call)?;
        let rank = self.sizes(values[0]).len() + 1;
        let along = axis(call.int("axis", 1)?, rank)?;
        let channels = if values[0].order == Order::ChannelsLast { 3 } else { 1 };
        if along != channels {
            return Err(format!("along axis {along}, expected {channels}: the channels"));
        }
        self.push_all(call, Op::Concat, &values)
    }

    /// A layer of several inputs of one order.
    fn push_all(&mut self, call: &Call<'_>, op: Op, inputs: &[Value]) -> Result<Known, String> {
        let path = self.path(call);
        let layers: Vec<usize> = inputs.iter().map(|input| input.layer).collect();
        let layer = self.draft.push(op, &layers, path, Vec::new())?;
        Ok(Known::Value(Value { layer, order: inputs[0].order, shared: false }))
    }
}
