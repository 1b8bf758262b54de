//! Lazy layers: their weights get their dimensions from the first input.

use super::{
    Layer, batch_norm_attributes, batch_norm_parameters, begin, conv2d_attributes, groups_divide, values,
};
use crate::interp::{Args, Interp, Result};
use crate::torch::parameter;
use crate::value::{NativeFn, Value};

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("lazy_conv2d_init", conv2d_init),
        ("lazy_linear_init", linear_init),
        ("lazy_batch_norm_init", batch_norm_init),
        ("lazy_conv2d", conv2d),
        ("lazy_linear", linear),
        ("lazy_batch_norm", batch_norm),
    ]
}

/// A weight, and a bias where there is one, whose dimensions are not known yet.
fn unknown_weights(interp: &mut Interp, layer: &Layer, bias: &Value) -> Result {
    let weight = layer.parameter(interp, &[0], false)?;
    layer.set("weight", weight);
    let bias = if interp.truth(bias)? { layer.parameter(interp, &[0], false)? } else { Value::None };
    layer.set("bias", bias);
    Ok(Value::None)
}

fn conv2d_init(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [outputs, kernel, stride, padding, dilation, groups, bias, mode] =
        values(interp, args, "LazyConv2d")?;
    let outputs = layer.at_least(interp, "out_channels", &outputs, 1)?;
    conv2d_attributes(interp, &layer, outputs, [&kernel, &stride, &padding, &dilation, &groups, &mode])?;
    unknown_weights(interp, &layer, &bias)
}

fn linear_init(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [outputs, bias] = values(interp, args, "LazyLinear")?;
    let outputs = layer.at_least(interp, "out_features", &outputs, 1)?;
    layer.set("in_features", Value::Int(0));
    layer.set("out_features", Value::Int(outputs));
    unknown_weights(interp, &layer, &bias)
}

fn batch_norm_init(interp: &mut Interp, args: Args) -> Result {
    let layer = begin(interp, &args)?;
    let [eps, momentum, affine, tracked, bias] = values(interp, args, "LazyBatchNorm2d")?;
    batch_norm_attributes(interp, &layer, [&eps, &momentum, &affine, &tracked])?;
    batch_norm_parameters(interp, &layer, 0, &bias)?;
    Ok(Value::None)
}

/// The layer, its own integers, and its input's dimensions if it has not seen an input before.
fn first_input(interp: &mut Interp, args: &Args, own: &str) -> Result<Option<(Layer, Vec<usize>)>> {
    let layer = begin(interp, args)?;
    let is_known = !matches!(layer.instance.attrs.borrow().get(own), Some(Value::Int(0)));
    match args.items.get(1) {
        Some(Value::Tensor(tensor)) if !is_known => Ok(Some((layer, parameter::dims(interp, tensor)))),
        _ => Ok(None),
    }
}

impl Layer {
    fn own(&self, name: &str) -> i64 {
        match self.instance.attrs.borrow().get(name) {
            Some(Value::Int(n)) => *n,
            _ => 0,
        }
    }

    /// Gives a weight its dimensions.
    fn shape(&self, interp: &mut Interp, name: &str, dims: &[i64]) -> Result<()> {
        let value = self.instance.attrs.borrow().get(name).cloned();
        if let Some(known) = value.as_ref().and_then(parameter::of) {
            let made = self.parameter(interp, dims, false)?;
            if let Some(made) = parameter::of(&made) {
                known.dims.replace(made.dims.take());
            }
        }
        Ok(())
    }
}

fn conv2d(interp: &mut Interp, args: Args) -> Result {
    if let Some((layer, dims)) = first_input(interp, &args, "in_channels")?
        && dims.len() >= 3
    {
        let inputs = dims[dims.len() - 3] as i64;
        let (outputs, groups) = (layer.own("out_channels"), layer.own("groups"));
        groups_divide(interp, &layer, inputs, outputs, groups)?;
        let kernel = layer.instance.attrs.borrow().get("kernel_size").cloned().unwrap_or(Value::None);
        let kernel = layer.pair(interp, "kernel_size", &kernel, 1)?;
        layer.set("in_channels", Value::Int(inputs));
        layer.shape(interp, "weight", &[outputs, inputs / groups, kernel.0, kernel.1])?;
        layer.shape(interp, "bias", &[outputs])?;
    }
    Ok(Value::None)
}

fn linear(interp: &mut Interp, args: Args) -> Result {
    if let Some((layer, dims)) = first_input(interp, &args, "in_features")?
        && let Some(&inputs) = dims.last()
    {
        let outputs = layer.own("out_features");
        layer.set("in_features", Value::Int(inputs as i64));
        layer.shape(interp, "weight", &[outputs, inputs as i64])?;
        layer.shape(interp, "bias", &[outputs])?;
    }
    Ok(Value::None)
}

fn batch_norm(interp: &mut Interp, args: Args) -> Result {
    if let Some((layer, dims)) = first_input(interp, &args, "num_features")?
        && let Some(&features) = dims.get(1)
    {
        layer.set("num_features", Value::Int(features as i64));
        for name in ["weight", "bias", "running_mean", "running_var"] {
            layer.shape(interp, name, &[features as i64])?;
        }
    }
    Ok(Value::None)
}
