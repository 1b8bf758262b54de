//! Convolutions.

use convnet::ops::{ConstantPad2d, Conv2d, Op};

use super::{Functions, layer};
use crate::interp::{Args, Interp, Result};
use crate::torch::given::Given;
use crate::torch::trace::{Named, value};
use crate::torch::{Kind, TapeId, What};
use crate::value::Value;

pub(super) fn functions() -> Functions {
    vec![
        ("conv2d", conv2d),
        ("conv1d", |interp, args| other(interp, args, "conv1d", 1)),
        ("conv3d", |interp, args| other(interp, args, "conv3d", 3)),
        ("conv_transpose2d", conv_transpose2d),
    ]
}

const NAMES: [&str; 7] = ["input", "weight", "bias", "stride", "padding", "dilation", "groups"];

/// The dimensions of each of several arguments; `None` for those that are not given.
type Dims = Vec<Option<Vec<usize>>>;

/// Weight and bias as a layer's parameters; `None` where they are computed.
pub(super) fn parameters(
    interp: &mut Interp,
    given: &mut Given,
    names: &[(usize, &'static str)],
) -> Result<(Vec<Named>, bool, Dims)> {
    let (mut found, mut are_known, mut dims) = (Vec::new(), true, Vec::new());
    for &(at, name) in names {
        let Some(tensor) = given.maybe_tensor(interp, at)? else {
            dims.push(None);
            continue;
        };
        dims.push(Some(interp.dims(&tensor)));
        match tensor.kind() {
            Kind::Parameter(parameter) => found.push((name, parameter)),
            _ => are_known = false,
        }
    }
    Ok((found, are_known, dims))
}

fn conv2d(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "conv2d", &NAMES, 5)?;
    let tensor = given.tensor(interp, 0)?;
    let (parameters, are_known, dims) = parameters(interp, &mut given, &[(1, "weight"), (2, "bias")])?;
    let weight = dims[0].clone().unwrap_or_default();
    let [out_channels, _per_group, kernel_h, kernel_w] = *weight else {
        let found = crate::torch::dims::told(&weight, None);
        let text =
            format!("conv2d(): expected a weight of 4 dimensions (out, in/groups, kH, kW), it is {found}");
        return Err(interp.raise("RuntimeError", &text));
    };
    let stride = given.pair(interp, 3, 1)?;
    let dilation = given.pair(interp, 5, 1)?;
    let groups = given.size(interp, 6, 1)?;
    let mut op = Conv2d {
        out_channels,
        kernel: (kernel_h, kernel_w).into(),
        stride: stride.into(),
        padding: 0.into(),
        dilation: dilation.into(),
        groups,
        bias: dims[1].is_some(),
    };
    let mut input = interp.traced(&tensor)?;
    let rank = interp.tape.step(input).dims.len();
    let unbatched = rank == 3;
    if unbatched {
        let dims = [&[1], &*interp.tape.step(input).dims].concat();
        input = interp.push(What::Missing("an image without a batch"), &[input], dims)?;
    } else if rank != 4 {
        return Err(interp.not_a_map("conv2d", input));
    }
    interp.conv_channels(input, &weight, groups)?;
    match given.value(4) {
        Some(Value::Str(padding)) => input = padded(interp, &padding, &mut op, input)?,
        Some(padding) => {
            let names = &["padding"];
            let mut padding = Given::new(interp, Args::of(vec![padding]), "conv2d", names, 0)?;
            op.padding = padding.pair(interp, 0, 0)?.into();
        }
        None => {}
    }
    interp.conv_window(&op, input)?;
    let op = Op::from(op);
    let mut id = if are_known {
        layer(interp, "conv2d", op, &[input], parameters, false)?
    } else {
        let Some(dims) = interp.inferred(&op, &[input]) else {
            return Err(interp.refused("conv2d", &op, &[input]));
        };
        interp.push(What::Missing("conv2d with a computed weight"), &[input], dims)?
    };
    if unbatched {
        let dims = interp.tape.step(id).dims[1..].to_vec();
        id = interp.push(What::Reshape, &[id], dims)?;
    }
    Ok(value(id))
}

/// Padding by name: `same` pads what keeps the size, on the right and below one more where that is odd.
fn padded(interp: &mut Interp, name: &str, op: &mut Conv2d, input: TapeId) -> Result<TapeId> {
    match name {
        "valid" => return Ok(input),
        "same" => {}
        _ => {
            let text = format!("Invalid padding string '{name}', should be one of 'valid', 'same'");
            return Err(interp.raise("ValueError", &text));
        }
    }
    if (op.stride.h, op.stride.w) != (1, 1) {
        return Err(interp.raise("RuntimeError", "padding='same' is not supported for strided convolutions"));
    }
    let total = |kernel: usize, dilation: usize| dilation.saturating_mul(kernel.saturating_sub(1));
    let (h, w) = (total(op.kernel.h, op.dilation.h), total(op.kernel.w, op.dilation.w));
    if h.is_multiple_of(2) && w.is_multiple_of(2) {
        op.padding = (h / 2, w / 2).into();
        return Ok(input);
    }
    let pad = ConstantPad2d { left: w / 2, right: w - w / 2, top: h / 2, bottom: h - h / 2, value: 0.0 };
    layer(interp, "conv2d", pad.into(), &[input], Vec::new(), false)
}

/// A convolution along one dimension, or three.
fn other(interp: &mut Interp, args: Args, name: &'static str, spatial: usize) -> Result {
    let mut given = Given::new(interp, args, name, &NAMES, 5)?;
    let tensor = given.tensor(interp, 0)?;
    let weight = given.tensor(interp, 1)?;
    let weight = interp.dims(&weight);
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let (rank, told) = (spatial + 2, interp.told(input));
    if dims.len() != rank || weight.len() != rank {
        let text = format!("Expected {rank}D input to {name}, but got input of size: {told}");
        return Err(interp.raise("RuntimeError", &text));
    }
    let groups = given.size(interp, 6, 1)?;
    interp.conv_channels(input, &weight, groups)?;
    let mut out = vec![dims[0], weight[0]];
    let settings: Vec<Vec<usize>> = [(3, 1), (4, 0), (5, 1)]
        .into_iter()
        .map(|(at, default)| {
            let ints = given.ints(interp, at)?.unwrap_or_else(|| vec![default]);
            Ok((0..spatial).map(|i| ints.get(i).or(ints.first()).map_or(0, |&n| n.max(0) as usize)).collect())
        })
        .collect::<Result<_>>()?;
    for i in 0..spatial {
        let (stride, padding, dilation) = (settings[0][i], settings[1][i], settings[2][i]);
        let reach = dilation.saturating_mul(weight[i + 2].saturating_sub(1)).saturating_add(1);
        let size = dims[i + 2].saturating_add(padding.saturating_mul(2));
        let Some(span) = size.checked_sub(reach).filter(|_| stride > 0) else {
            let text = format!("{name}: a size of {} is too small for a kernel of {reach}", dims[i + 2]);
            return Err(interp.raise("RuntimeError", &text));
        };
        out.push(span / stride + 1);
    }
    Ok(value(interp.push(What::Missing(name), &[input], out)?))
}

fn conv_transpose2d(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 8] =
        ["input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"];
    let mut given = Given::new(interp, args, "conv_transpose2d", &NAMES, 6)?;
    let tensor = given.tensor(interp, 0)?;
    let weight = given.tensor(interp, 1)?;
    let weight = interp.dims(&weight);
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let ([n, channels, h, w], [in_channels, out_per_group, kernel_h, kernel_w]) = (&*dims, &*weight) else {
        return Err(interp.not_a_map("conv_transpose2d", input));
    };
    let (stride, padding) = (given.pair(interp, 3, 1)?, given.pair(interp, 4, 0)?);
    let (extra, dilation) = (given.pair(interp, 5, 0)?, given.pair(interp, 7, 1)?);
    let groups = given.size(interp, 6, 1)?;
    if channels != in_channels {
        let told = interp.told(input);
        let text = format!(
            "Given transposed=1, weight of size {weight:?}, expected input{told} to have {in_channels} channels, but got \
             {channels} channels instead"
        );
        return Err(interp.raise("RuntimeError", &text));
    }
    let size = |size: usize, stride: usize, padding: usize, dilation: usize, kernel: usize, extra: usize| {
        let wide = size.saturating_sub(1).saturating_mul(stride);
        let reach = dilation.saturating_mul(kernel.saturating_sub(1));
        wide.saturating_add(reach).saturating_add(extra + 1).checked_sub(padding.saturating_mul(2))
    };
    let out_h = size(*h, stride.0, padding.0, dilation.0, *kernel_h, extra.0);
    let out_w = size(*w, stride.1, padding.1, dilation.1, *kernel_w, extra.1);
    let (Some(out_h @ 1..), Some(out_w @ 1..)) = (out_h, out_w) else {
        return Err(interp.raise("RuntimeError", "conv_transpose2d: the output would have no element"));
    };
    let out = vec![*n, out_per_group.saturating_mul(groups), out_h, out_w];
    Ok(value(interp.push(What::Missing("conv_transpose2d"), &[input], out)?))
}
