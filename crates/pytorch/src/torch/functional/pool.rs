//! Pooling.

use convnet::ops::{AdaptiveAvgPool2d, AvgPool2d, Conv2d, MaxPool2d, Op};
use convnet::shape::Size2;

use super::{Functions, layer};
use crate::interp::{Args, Interp, Result};
use crate::torch::given::{Given, int_of};
use crate::torch::trace::value;
use crate::torch::{TapeId, What};
use crate::value::Value;

pub(super) fn functions() -> Functions {
    vec![
        ("max_pool2d", max_pool2d),
        ("avg_pool2d", avg_pool2d),
        ("adaptive_avg_pool2d", |interp, args| adaptive(interp, args, "adaptive_avg_pool2d", 2)),
        ("adaptive_max_pool2d", |interp, args| adaptive(interp, args, "adaptive_max_pool2d", 2)),
        ("adaptive_avg_pool1d", |interp, args| adaptive(interp, args, "adaptive_avg_pool1d", 1)),
        ("adaptive_max_pool1d", |interp, args| adaptive(interp, args, "adaptive_max_pool1d", 1)),
        ("lp_pool2d", lp_pool2d),
    ]
}

/// The map that a pooling takes, with a batch of one for an image without.
fn map(interp: &mut Interp, given: &mut Given) -> Result<(TapeId, bool)> {
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    match dims.len() {
        4 => Ok((input, false)),
        3 => {
            let dims = [&[1], &*dims].concat();
            Ok((interp.push(What::Missing("an image without a batch"), &[input], dims)?, true))
        }
        _ => Err(interp.not_a_map(given.function, input)),
    }
}

fn given_back(interp: &mut Interp, id: TapeId, unbatched: bool) -> Result {
    if !unbatched {
        return Ok(value(id));
    }
    let dims = interp.tape.step(id).dims[1..].to_vec();
    Ok(value(interp.push(What::Reshape, &[id], dims)?))
}

/// The stride, which is the kernel where none is given.
fn stride(
    interp: &mut Interp,
    given: &mut Given,
    at: usize,
    kernel: (usize, usize),
) -> Result<(usize, usize)> {
    let stride = match given.value(at) {
        None => return Ok(kernel),
        Some(Value::List(items)) if items.borrow().is_empty() => return Ok(kernel),
        Some(value) => {
            Given::new(interp, Args::of(vec![value]), given.function, &["stride"], 0)?.pair(interp, 0, 1)?
        }
    };
    if stride.0 == 0 || stride.1 == 0 {
        let error = interp.raise("RuntimeError", "stride should not be zero");
        return Err(given
            .at(interp, at, error)
            .teach(|t| t.helps.push("set stride to 1 or more".to_owned())));
    }
    Ok(stride)
}

fn max_pool2d(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 7] =
        ["input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"];
    let mut given = Given::new(interp, args, "max_pool2d", &NAMES, 5)?;
    let (input, unbatched) = map(interp, &mut given)?;
    let kernel = given.pair(interp, 1, 1)?;
    let stride = stride(interp, &mut given, 2, kernel)?;
    let padding = given.pair(interp, 3, 0)?;
    let dilation = given.pair(interp, 4, 1)?;
    let ceil_mode = given.flag(interp, 5, false)?;
    let with_indices = given.flag(interp, 6, false)?;
    let op = MaxPool2d { kernel: kernel.into(), stride: stride.into(), padding: padding.into(), ceil_mode };
    let mut id = if dilation == (1, 1) {
        interp.pool_window(op.kernel, op.stride, op.padding, ceil_mode, input)?;
        layer(interp, "max_pool2d", op.into(), &[input], Vec::new(), false)?
    } else {
        let window = Conv2d::new(1, kernel).stride(stride).padding(padding).dilation(dilation);
        interp.conv_window(&window, input)?;
        let mut dims = interp.inferred(&window.into(), &[input]).unwrap_or_default();
        if let Some(channels) = dims.get_mut(1) {
            *channels = interp.tape.step(input).dims[1];
        }
        interp.push(What::Missing("max_pool2d with dilation"), &[input], dims)?
    };
    if with_indices {
        let dims = interp.tape.step(id).dims.clone();
        let indices = interp.push(What::Missing("indices of max_pool2d"), &[input], dims)?;
        let pooled = given_back(interp, id, unbatched)?;
        let indices = given_back(interp, indices, unbatched)?;
        return Ok(Value::tuple(vec![pooled, indices]));
    }
    if unbatched {
        let dims = interp.tape.step(id).dims[1..].to_vec();
        id = interp.push(What::Reshape, &[id], dims)?;
    }
    Ok(value(id))
}

fn avg_pool2d(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 7] =
        ["input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"];
    let mut given = Given::new(interp, args, "avg_pool2d", &NAMES, 5)?;
    let (input, unbatched) = map(interp, &mut given)?;
    let kernel = given.pair(interp, 1, 1)?;
    let stride = stride(interp, &mut given, 2, kernel)?;
    let padding = given.pair(interp, 3, 0)?;
    let op = AvgPool2d {
        kernel: kernel.into(),
        stride: stride.into(),
        padding: padding.into(),
        padding_end: None,
        ceil_mode: given.flag(interp, 4, false)?,
        count_include_pad: given.flag(interp, 5, true)?,
    };
    interp.pool_window(op.kernel, op.stride, op.padding, op.ceil_mode, input)?;
    let id = if given.has(6) {
        let op = Op::from(op);
        let Some(dims) = interp.inferred(&op, &[input]) else {
            return Err(interp.refused("avg_pool2d", &op, &[input]));
        };
        interp.push(What::Missing("avg_pool2d with divisor_override"), &[input], dims)?
    } else {
        layer(interp, "avg_pool2d", op.into(), &[input], Vec::new(), false)?
    };
    given_back(interp, id, unbatched)
}

fn lp_pool2d(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 5] = ["input", "norm_type", "kernel_size", "stride", "ceil_mode"];
    let mut given = Given::new(interp, args, "lp_pool2d", &NAMES, 2)?;
    let (input, unbatched) = map(interp, &mut given)?;
    let kernel = given.pair(interp, 2, 1)?;
    let stride = stride(interp, &mut given, 3, kernel)?;
    let ceil_mode = given.flag(interp, 4, false)?;
    interp.pool_window(kernel.into(), stride.into(), Size2::from(0), ceil_mode, input)?;
    let op = MaxPool2d { kernel: kernel.into(), stride: stride.into(), padding: 0.into(), ceil_mode };
    let dims = interp.inferred(&op.into(), &[input]).unwrap_or_default();
    let id = interp.push(What::Missing("lp_pool2d"), &[input], dims)?;
    given_back(interp, id, unbatched)
}

/// Pooling to a size; `None` in it keeps the map's.
fn adaptive(interp: &mut Interp, args: Args, name: &'static str, spatial: usize) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "output_size", "return_indices"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let batched = dims.len() == spatial + 2;
    if !batched && dims.len() != spatial + 1 {
        return Err(interp.not_a_map(name, input));
    }
    let lead = dims.len() - spatial;
    let wanted = given.value(1).unwrap_or(Value::None);
    let sizes = match &wanted {
        Value::None => vec![Value::None; spatial],
        one if int_of(one).is_some() => vec![wanted.clone(); spatial],
        many => interp.collect(many)?,
    };
    if sizes.len() != spatial {
        let error = interp.raise("RuntimeError", &format!("{name}: output_size must be {spatial}"));
        return Err(given.at(interp, 1, error));
    }
    let mut out = dims.clone();
    for (i, size) in sizes.iter().enumerate() {
        if matches!(size, Value::None) {
            continue;
        }
        match int_of(size) {
            Some(n @ 1..) => out[lead + i] = n as usize,
            Some(n) => {
                let text = format!("{name}(): output_size must be at least 1, it is {n}");
                let error = interp.raise("RuntimeError", &text);
                return Err(given.at(interp, 1, error));
            }
            None => return Err(given.wrong(interp, 1, size, "tuple of ints")),
        }
    }
    if name == "adaptive_avg_pool2d" && batched {
        let op = AdaptiveAvgPool2d { height: out[2], width: out[3] };
        return Ok(value(layer(interp, name, op.into(), &[input], Vec::new(), false)?));
    }
    let missing = if batched { name } else { "pooling of an image without a batch" };
    Ok(value(interp.push(What::Missing(missing), &[input], out)?))
}
