//! The constructors of `torch.nn`'s layers: their checks, attributes and parameters.

mod check;
mod lazy;

use std::rc::Rc;

use check::{Layer, made, near_divisors};

use super::{Parameter, parameter_value};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

/// The native functions of layers' constructors.
pub(crate) fn natives() -> Vec<(&'static str, NativeFn)> {
    let mut all: Vec<(&'static str, NativeFn)> = vec![
        ("conv2d_init", conv2d),
        ("linear_init", linear),
        ("batch_norm_init", batch_norm),
        ("layer_init", layer),
    ];
    all.extend(lazy::natives());
    all
}

/// Starts a layer: what `Module.__init__` does.
fn begin(interp: &mut Interp, args: &Args) -> Result<Layer> {
    let Some(Value::Instance(instance)) = args.items.first().cloned() else {
        return Err(interp.raise("TypeError", "a layer's constructor is called on no object"));
    };
    super::module::begin(interp, &instance)?;
    let class = interp.frames.last().and_then(|frame| frame.class.clone());
    let name = class.map_or_else(|| instance.class.name.to_string(), |class| class.name.to_string());
    Ok(Layer { instance, name })
}

/// The values by position behind the object itself.
fn values<const N: usize>(interp: &mut Interp, args: Args, function: &str) -> Result<[Value; N]> {
    let mut items = args.positional(interp, function, N + 1, N + 1)?;
    items.remove(0);
    items.try_into().map_err(|_| interp.raise("TypeError", "another number of arguments"))
}

fn two((height, width): (i64, i64)) -> Value {
    Value::tuple(vec![Value::Int(height), Value::Int(width)])
}

/// The most elements that a weight may have: far beyond any machine.
const MOST_ELEMENTS: i64 = 1 << 48;

impl Layer {
    /// A parameter's or buffer's value.
    fn parameter(&self, interp: &mut Interp, dims: &[i64], is_buffer: bool) -> Result {
        let total = dims.iter().try_fold(1i64, |n, d| n.checked_mul(*d));
        if total.is_none_or(|total| total > MOST_ELEMENTS) {
            let message = format!("{}: a weight of {dims:?} has more than 2⁴⁸ numbers", self.name);
            return Err(interp.raise("RuntimeError", &message).teach(|t| {
                t.code = "limit";
                t.helps.push("does a size have some zeros too many?".to_owned());
            }));
        }
        interp.charge(1)?;
        let dims = dims.iter().map(|d| *d as usize).collect();
        Ok(parameter_value(&Parameter::new(dims, is_buffer, made(interp))))
    }

    fn buffer(&self, name: &str, value: Value) {
        if let Some(state) = &mut *self.instance.module.borrow_mut() {
            state.buffers.push((name.into(), true));
        }
        self.set(name, value);
    }

    /// A weight, and a bias if there is one, set as attributes.
    fn weight_and_bias(&self, interp: &mut Interp, weight: &[i64], bias: Option<i64>) -> Result<()> {
        let weight = self.parameter(interp, weight, false)?;
        self.set("weight", weight);
        let bias = match bias {
            Some(length) => self.parameter(interp, &[length], false)?,
            None => {
                if let Some(state) = &mut *self.instance.module.borrow_mut() {
                    state.declared.push(("bias".into(), false));
                }
                Value::None
            }
        };
        self.set("bias", bias);
        Ok(())
    }
}

/// `Conv2d.__init__`.
fn conv2d(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [inputs, outputs, kernel, stride, padding, dilation, groups, bias, mode] =
        values(interp, args, "Conv2d")?;
    let inputs = layer.at_least(interp, "in_channels", &inputs, 1)?;
    let outputs = layer.at_least(interp, "out_channels", &outputs, 1)?;
    conv2d_attributes(interp, &layer, outputs, [&kernel, &stride, &padding, &dilation, &groups, &mode])?;
    let kernel = layer.pair(interp, "kernel_size", &kernel, 1)?;
    let groups = layer.at_least(interp, "groups", &groups, 1)?;
    groups_divide(interp, &layer, inputs, outputs, groups)?;
    layer.set("in_channels", Value::Int(inputs));
    let bias = interp.truth(&bias)?.then_some(outputs);
    layer.weight_and_bias(interp, &[outputs, inputs / groups, kernel.0, kernel.1], bias)?;
    Ok(Value::None)
}

/// What a convolution has apart from its input channels and weights.
fn conv2d_attributes(
    interp: &mut Interp,
    layer: &Layer,
    outputs: i64,
    [kernel, stride, padding, dilation, groups, mode]: [&Value; 6],
) -> Result<()> {
    let kernel = layer.pair(interp, "kernel_size", kernel, 1)?;
    let stride = layer.pair(interp, "stride", stride, 1)?;
    let dilation = layer.pair(interp, "dilation", dilation, 1)?;
    let padding = match padding {
        Value::Str(text) if matches!(&**text, "same" | "valid") => {
            if &**text == "same" && stride != (1, 1) {
                let message =
                    format!("{}: padding='same' is not supported for strided convolutions", layer.name);
                let helps = vec![format!(
                    "padding=({}, {}) gives the size divided by the stride, rounded up",
                    (kernel.0 - 1) * dilation.0 / 2,
                    (kernel.1 - 1) * dilation.1 / 2
                )];
                return Err(layer.wrong(interp, "padding", "ValueError", &message, helps));
            }
            padding.clone()
        }
        Value::Str(text) => {
            let message =
                format!("{}: invalid padding string '{text}', should be one of 'same', 'valid'", layer.name);
            return Err(layer.wrong(interp, "padding", "ValueError", &message, Vec::new()));
        }
        other => two(layer.pair(interp, "padding", other, 0)?),
    };
    if !matches!(mode, Value::Str(mode) if matches!(&**mode, "zeros" | "reflect" | "replicate" | "circular"))
    {
        let found = interp.repr(mode)?;
        let message = format!(
            "{}: padding_mode must be one of 'zeros', 'reflect', 'replicate', 'circular', got {found}",
            layer.name
        );
        return Err(layer.wrong(interp, "padding_mode", "ValueError", &message, Vec::new()));
    }
    let groups = layer.at_least(interp, "groups", groups, 1)?;
    layer.set("in_channels", Value::Int(0));
    layer.set("out_channels", Value::Int(outputs));
    layer.set("kernel_size", two(kernel));
    layer.set("stride", two(stride));
    layer.set("padding", padding);
    layer.set("dilation", two(dilation));
    layer.set("transposed", Value::Bool(false));
    layer.set("output_padding", two((0, 0)));
    layer.set("groups", Value::Int(groups));
    layer.set("padding_mode", mode.clone());
    Ok(())
}

fn groups_divide(interp: &mut Interp, layer: &Layer, inputs: i64, outputs: i64, groups: i64) -> Result<()> {
    for (what, channels) in [("in_channels", inputs), ("out_channels", outputs)] {
        if channels % groups != 0 {
            let name = &layer.name;
            let message = format!(
                "{name}: {what} must be divisible by groups: {channels} = {groups} · {} + {}",
                channels / groups,
                channels % groups
            );
            let common: Vec<i64> = near_divisors(gcd(inputs, outputs), groups);
            let mut helps: Vec<String> =
                common.iter().map(|d| format!("groups={d} divides both {inputs} and {outputs}")).collect();
            let (below, above) = (channels / groups * groups, (channels / groups + 1) * groups);
            helps.push(if below > 0 {
                format!("{what}={below} and {what}={above} are multiples of {groups}")
            } else {
                format!("{what}={above} is a multiple of {groups}")
            });
            return Err(layer.wrong(interp, "groups", "ValueError", &message, helps));
        }
    }
    Ok(())
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `Linear.__init__`.
fn linear(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [inputs, outputs, bias] = values(interp, args, "Linear")?;
    let inputs = layer.at_least(interp, "in_features", &inputs, 1)?;
    let outputs = layer.at_least(interp, "out_features", &outputs, 1)?;
    layer.set("in_features", Value::Int(inputs));
    layer.set("out_features", Value::Int(outputs));
    let bias = interp.truth(&bias)?.then_some(outputs);
    layer.weight_and_bias(interp, &[outputs, inputs], bias)?;
    Ok(Value::None)
}

/// `BatchNorm2d.__init__`.
fn batch_norm(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [features, eps, momentum, affine, tracked, bias] = values(interp, args, "BatchNorm2d")?;
    let features = layer.at_least(interp, "num_features", &features, 1)?;
    batch_norm_attributes(interp, &layer, [&eps, &momentum, &affine, &tracked])?;
    layer.set("num_features", Value::Int(features));
    batch_norm_parameters(interp, &layer, features, &bias)?;
    Ok(Value::None)
}

fn batch_norm_attributes(
    interp: &mut Interp,
    layer: &Layer,
    [eps, momentum, affine, tracked]: [&Value; 4],
) -> Result<()> {
    layer.number(interp, "eps", eps)?;
    if !matches!(momentum, Value::None) {
        layer.number(interp, "momentum", momentum)?;
    }
    layer.set("num_features", Value::Int(0));
    layer.set("eps", eps.clone());
    layer.set("momentum", momentum.clone());
    layer.set("affine", affine.clone());
    layer.set("track_running_stats", tracked.clone());
    Ok(())
}

fn batch_norm_parameters(interp: &mut Interp, layer: &Layer, features: i64, bias: &Value) -> Result<()> {
    let own = |name: &str| layer.instance.attrs.borrow().get(name).cloned().unwrap_or(Value::None);
    let (affine, tracked) = (own("affine"), own("track_running_stats"));
    let (affine, tracked) = (interp.truth(&affine)?, interp.truth(&tracked)?);
    let bias = interp.truth(bias)?;
    for (name, is_there) in [("weight", affine), ("bias", affine && bias)] {
        let value = if is_there { layer.parameter(interp, &[features], false)? } else { Value::None };
        layer.set(name, value);
    }
    for (name, dims) in [
        ("running_mean", &[features][..]),
        ("running_var", &[features][..]),
        ("num_batches_tracked", &[][..]),
    ] {
        let value = if tracked { layer.parameter(interp, dims, true)? } else { Value::None };
        layer.buffer(name, value);
    }
    Ok(())
}

/// `_torch.layer_init(self, name=value, …)`: the constructor of a layer without weights. What a parameter takes is told
/// by its name, which PyTorch uses alike everywhere.
fn layer(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    for (name, value) in &args.keywords {
        check_value(interp, &layer, name, value)?;
    }
    for (name, value) in args.keywords {
        let value = match (&*name, &value) {
            ("stride", Value::None) => {
                layer.instance.attrs.borrow().get("kernel_size").cloned().unwrap_or(value)
            }
            ("padding", _) if layer.name.ends_with("Pad2d") => four(interp, &layer, &value)?,
            (_, Value::List(items)) => Value::tuple(items.borrow().clone()),
            _ => value,
        };
        layer.instance.attrs.borrow_mut().insert(name, value);
    }
    Ok(Value::None)
}

/// The padding of four sides.
fn four(interp: &mut Interp, layer: &Layer, value: &Value) -> Result {
    let items = match value {
        Value::Int(_) | Value::Bool(_) => vec![value.clone(); 4],
        Value::Tuple(items) => items.to_vec(),
        Value::List(items) => items.borrow().clone(),
        _ => Vec::new(),
    };
    if items.len() != 4 {
        let message =
            format!("{}: padding must be an integer or four (left, right, top, bottom)", layer.name);
        return Err(layer.wrong(interp, "padding", "ValueError", &message, Vec::new()));
    }
    for item in &items {
        layer.integer(interp, "padding", item)?;
    }
    Ok(Value::tuple(items))
}

fn check_value(interp: &mut Interp, layer: &Layer, name: &str, value: &Value) -> Result<()> {
    match name {
        "negative_slope" | "min_val" | "max_val" | "alpha" | "beta" | "k" | "value" | "eps" => {
            layer.number(interp, name, value)?;
        }
        "p" => {
            let p = layer.number(interp, name, value)?;
            if !(0.0..=1.0).contains(&p) {
                let found = interp.repr(value)?;
                let message =
                    format!("{}: dropout probability has to be between 0 and 1, but got {found}", layer.name);
                let helps = if p.fract() == 0.0 && (2.0..=100.0).contains(&p) {
                    vec![format!("{found} % is p={}", p / 100.0)]
                } else {
                    vec!["p is the part of the values that is dropped: 0.5 drops every other one".to_owned()]
                };
                return Err(layer.wrong(interp, name, "ValueError", &message, helps));
            }
        }
        "size" | "groups" | "upscale_factor" => {
            layer.at_least(interp, name, value, 1)?;
        }
        "start_dim" | "end_dim" => {
            layer.integer(interp, name, value)?;
        }
        "dim" if !matches!(value, Value::None | Value::Str(_)) => {
            layer.integer(interp, name, value)?;
        }
        "kernel_size" | "dilation" => {
            layer.pair(interp, name, value, 1)?;
        }
        "stride" if !matches!(value, Value::None) => {
            layer.pair(interp, name, value, 1)?;
        }
        "padding" if !layer.name.ends_with("Pad2d") => {
            layer.pair(interp, name, value, 0)?;
        }
        "output_size" => output_size(interp, layer, value)?,
        _ => {}
    }
    Ok(())
}

/// An integer or `None`, or one for the height and one for the width.
fn output_size(interp: &mut Interp, layer: &Layer, value: &Value) -> Result<()> {
    let items: Rc<[Value]> = match value.plain() {
        Value::None => return Ok(()),
        Value::Tuple(items) => items,
        Value::List(items) => items.borrow().as_slice().into(),
        one => Rc::from([one]),
    };
    if items.len() > 2 {
        let message =
            format!("{}: output_size must be an integer or a pair, got {} numbers", layer.name, items.len());
        return Err(layer.wrong(interp, "output_size", "ValueError", &message, Vec::new()));
    }
    for item in items.iter().filter(|item| !matches!(item, Value::None)) {
        layer.at_least(interp, "output_size", item, 1)?;
    }
    Ok(())
}
