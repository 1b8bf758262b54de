//! Products with a matrix of weights.

use convnet::ops::{Conv2d, Linear, Op};

use super::conv::parameters;
use super::{Functions, layer};
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::given::Given;
use crate::torch::trace::value;

pub(super) fn functions() -> Functions {
    vec![("linear", linear)]
}

fn linear(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "linear", &["input", "weight", "bias"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let (parameters, are_known, found) = parameters(interp, &mut given, &[(1, "weight"), (2, "bias")])?;
    let [out_features, in_features] = *found[0].clone().unwrap_or_default() else {
        return Err(interp.raise("RuntimeError", "linear(): expected a weight of 2 dimensions (out, in)"));
    };
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    if dims.last() != Some(&in_features) {
        return Err(interp.linear_features(input, out_features, in_features));
    }
    let op = Op::from(Linear { out_features, bias: found[1].is_some() });
    if dims.len() == 2 && are_known {
        return Ok(value(layer(interp, "linear", op, &[input], parameters, false)?));
    }
    let mut out = dims;
    if let Some(last) = out.last_mut() {
        *last = out_features;
    }
    if out.len() == 4 && are_known {
        let op = Conv2d { bias: found[1].is_some(), ..Conv2d::new(out_features, 1) };
        return Ok(value(interp.push_with(What::Last(op.into()), &[input], out, parameters, false)?));
    }
    let missing =
        if are_known { "linear over the last dimension of a map" } else { "linear with a computed weight" };
    Ok(value(interp.push_with(What::Missing(missing), &[input], out, parameters, false)?))
}
