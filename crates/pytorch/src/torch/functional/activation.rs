//! Functions of each element by itself, and softmax.

use convnet::ops::{Hardtanh, LeakyRelu, Op, Unary};

use super::{Functions, give, layer_or};
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::dims::resolve;
use crate::torch::given::Given;
use crate::torch::host;

pub(super) fn functions() -> Functions {
    vec![
        ("relu", |interp, args| simple(interp, args, "relu", Op::Relu, false)),
        ("relu_", |interp, args| simple(interp, args, "relu_", Op::Relu, true)),
        ("sigmoid", |interp, args| simple(interp, args, "sigmoid", Op::Sigmoid, false)),
        ("sigmoid_", |interp, args| simple(interp, args, "sigmoid_", Op::Sigmoid, true)),
        ("tanh", |interp, args| simple(interp, args, "tanh", Op::Tanh, false)),
        ("tanh_", |interp, args| simple(interp, args, "tanh_", Op::Tanh, true)),
        ("silu", |interp, args| simple(interp, args, "silu", Unary::Silu.into(), false)),
        ("gelu", gelu),
        ("hardswish", |interp, args| simple(interp, args, "hardswish", Unary::Hardswish.into(), false)),
        ("hardsigmoid", |interp, args| {
            simple(interp, args, "hardsigmoid", Unary::hardsigmoid().into(), false)
        }),
        ("elu", |interp, args| elu(interp, args, "elu", false)),
        ("elu_", |interp, args| elu(interp, args, "elu_", true)),
        ("celu", |interp, args| elu(interp, args, "celu", false)),
        ("selu", |interp, args| simple(interp, args, "selu", Unary::Selu.into(), false)),
        ("softplus", softplus),
        ("softsign", |interp, args| simple(interp, args, "softsign", Unary::Softsign.into(), false)),
        ("mish", |interp, args| simple(interp, args, "mish", Unary::Mish.into(), false)),
        ("abs", |interp, args| simple(interp, args, "abs", Unary::Abs.into(), false)),
        ("exp", |interp, args| simple(interp, args, "exp", Unary::Exp.into(), false)),
        ("log", |interp, args| simple(interp, args, "log", Unary::Log.into(), false)),
        ("sqrt", |interp, args| simple(interp, args, "sqrt", Unary::Sqrt.into(), false)),
        ("reciprocal", |interp, args| simple(interp, args, "reciprocal", Unary::Reciprocal.into(), false)),
        ("erf", |interp, args| simple(interp, args, "erf", Unary::Erf.into(), false)),
        ("relu6", relu6),
        ("leaky_relu", |interp, args| leaky_relu(interp, args, false)),
        ("leaky_relu_", |interp, args| leaky_relu(interp, args, true)),
        ("hardtanh", |interp, args| hardtanh(interp, args, false)),
        ("hardtanh_", |interp, args| hardtanh(interp, args, true)),
        ("clamp", clamp),
        ("clip", clamp),
        ("softmax", |interp, args| softmax(interp, args, "softmax", Op::Softmax)),
        ("log_softmax", |interp, args| softmax(interp, args, "log_softmax", Op::LogSoftmax)),
    ]
}

fn simple(interp: &mut Interp, args: Args, name: &'static str, op: Op, in_place: bool) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "inplace"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let in_place = in_place || given.flag(interp, 1, false)?;
    if let Some(known) = host::mapped(interp, &tensor, name, in_place)? {
        return Ok(known);
    }
    let input = interp.traced(&tensor)?;
    let id = layer_or(interp, op, input, name, false)?;
    Ok(give(&tensor, id, in_place))
}

fn gelu(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "gelu", &["input", "approximate"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let tanh = match &*given.text(interp, 1, "none")? {
        "none" => false,
        "tanh" => true,
        _ => {
            let error = interp.raise("RuntimeError", "approximate argument must be either none or tanh.");
            return Err(given.at(interp, 1, error));
        }
    };
    let input = interp.traced(&tensor)?;
    let id = layer_or(interp, Unary::Gelu { tanh }.into(), input, "gelu", false)?;
    Ok(give(&tensor, id, false))
}

/// ELU and CELU.
fn elu(interp: &mut Interp, args: Args, name: &'static str, in_place: bool) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "alpha", "inplace"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let alpha = given.float(interp, 1, 1.0)? as f32;
    let in_place = in_place || given.flag(interp, 2, false)?;
    let input = interp.traced(&tensor)?;
    let op = if name == "celu" { Unary::Celu { alpha } } else { Unary::Elu { alpha } };
    let id = layer_or(interp, op.into(), input, name, false)?;
    Ok(give(&tensor, id, in_place))
}

fn softplus(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "softplus", &["input", "beta", "threshold"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let (beta, threshold) = (given.float(interp, 1, 1.0)? as f32, given.float(interp, 2, 20.0)? as f32);
    let input = interp.traced(&tensor)?;
    let id = layer_or(interp, Unary::Softplus { beta, threshold }.into(), input, "softplus", false)?;
    Ok(give(&tensor, id, false))
}

fn relu6(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "relu6", &["input", "inplace"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let in_place = given.flag(interp, 1, false)?;
    let input = interp.traced(&tensor)?;
    let id = layer_or(interp, Hardtanh { min: 0.0, max: 6.0 }.into(), input, "relu6", false)?;
    Ok(give(&tensor, id, in_place))
}

fn leaky_relu(interp: &mut Interp, args: Args, in_place: bool) -> Result {
    let mut given = Given::new(interp, args, "leaky_relu", &["input", "negative_slope", "inplace"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let slope = given.float(interp, 1, 0.01)? as f32;
    let in_place = in_place || given.flag(interp, 2, false)?;
    let input = interp.traced(&tensor)?;
    let op = if slope == 0.0 { Op::Relu } else { LeakyRelu { slope }.into() };
    let id = layer_or(interp, op, input, "leaky_relu with a negative slope", false)?;
    Ok(give(&tensor, id, in_place))
}

fn hardtanh(interp: &mut Interp, args: Args, in_place: bool) -> Result {
    let mut given = Given::new(interp, args, "hardtanh", &["input", "min_val", "max_val", "inplace"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let (min, max) = (given.float(interp, 1, -1.0)? as f32, given.float(interp, 2, 1.0)? as f32);
    let in_place = in_place || given.flag(interp, 3, false)?;
    if min > max {
        let error = interp.raise("ValueError", "min_val cannot be greater than max_val");
        return Err(given.at(interp, 1, error));
    }
    let input = interp.traced(&tensor)?;
    let id = layer_or(interp, Hardtanh { min, max }.into(), input, "hardtanh", false)?;
    Ok(give(&tensor, id, in_place))
}

fn clamp(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "clamp", &["input", "min", "max"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let min = given.float(interp, 1, f64::NEG_INFINITY)? as f32;
    let max = given.float(interp, 2, f64::INFINITY)? as f32;
    let input = interp.traced(&tensor)?;
    let op = match (min, max) {
        (0.0, f32::INFINITY) => Op::Relu,
        _ => Hardtanh { min, max }.into(),
    };
    let id = if min.is_finite() && max.is_finite() || matches!(op, Op::Relu) {
        layer_or(interp, op, input, "clamp", false)?
    } else {
        let dims = interp.tape.step(input).dims.clone();
        interp.push(What::Missing("clamp"), &[input], dims)?
    };
    Ok(give(&tensor, id, false))
}

/// Softmax: over dimension 1 it is the graph's.
fn softmax(interp: &mut Interp, args: Args, name: &'static str, op: Op) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "dim", "_stacklevel", "dtype"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let span = given.span(interp, 1).unwrap_or_else(|| interp.site());
    let has_dim = given.has(1);
    let implicit = i64::from(!matches!(dims.len(), 0 | 1 | 3));
    let dim = given.int(interp, 1, implicit)?;
    if !has_dim {
        interp.note(
            span,
            format!("{name} without dim takes dimension {dim} of a tensor of {} dimensions: PyTorch asks for dim=…", dims.len()),
        );
    }
    let Some(dim) = resolve(dim, dims.len().max(1)) else {
        return Err(interp.bad_dim(dim, dims.len()));
    };
    if dim == 0 && dims.len() > 1 && interp.tape.batch(input).is_some() {
        let told = interp.told(input);
        interp.note(
            span,
            format!("{name} over dimension 0 mixes the images of the batch {told}: dim=1 is meant?"),
        );
    }
    let id = if dim == 1 && matches!(dims.len(), 2 | 4) {
        layer_or(interp, op, input, name, false)?
    } else {
        interp.push(What::Missing("softmax over another dimension than 1"), &[input], dims)?
    };
    interp
        .tape
        .autograd
        .names
        .insert(id, if name == "softmax" { "SoftmaxBackward0" } else { "LogSoftmaxBackward0" });
    Ok(give(&tensor, id, false))
}
