//! Normalizations.

use convnet::ops::{BatchNorm2d, LayerNorm, LocalResponseNorm, Op};

use super::conv::parameters;
use super::{Functions, layer};
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::given::Given;
use crate::torch::trace::value;

pub(super) fn functions() -> Functions {
    vec![
        ("batch_norm", batch_norm),
        ("local_response_norm", local_response_norm),
        ("group_norm", |interp, args| {
            kept(interp, args, "group_norm", &["input", "num_groups", "weight", "bias", "eps"], 3)
        }),
        ("layer_norm", layer_norm),
        ("rms_norm", |interp, args| {
            kept(interp, args, "rms_norm", &["input", "normalized_shape", "weight", "eps"], 2)
        }),
        ("instance_norm", |interp, args| {
            const NAMES: [&str; 8] = [
                "input",
                "running_mean",
                "running_var",
                "weight",
                "bias",
                "use_input_stats",
                "momentum",
                "eps",
            ];
            kept(interp, args, "instance_norm", &NAMES, 7)
        }),
        ("normalize", |interp, args| kept(interp, args, "normalize", &["input", "p", "dim", "eps"], 3)),
    ]
}

fn batch_norm(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 8] =
        ["input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"];
    let mut given = Given::new(interp, args, "batch_norm", &NAMES, 5)?;
    let tensor = given.tensor(interp, 0)?;
    let has_momentum = given.has(6);
    let all = [(3, "weight"), (4, "bias"), (1, "running_mean"), (2, "running_var")];
    let (parameters, are_known, found) = parameters(interp, &mut given, &all)?;
    let is_training = given.flag(interp, 5, false)?;
    let (momentum, eps) = (given.float(interp, 6, 0.1)? as f32, given.float(interp, 7, 1e-5)? as f32);
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    if let Some(error) = interp.norm_rank(input) {
        return Err(error);
    }
    let Some(&channels) = dims.get(1) else {
        return Err(interp.not_a_map("batch_norm", input));
    };
    if interp.layer_name().as_deref() == Some("BatchNorm1d") && dims.len() > 3 {
        let text = format!("expected 2D or 3D input (got {}D input)", dims.len());
        return Err(interp.shape_error(&text, input).teach(|t| {
            t.helps.push("BatchNorm1d takes vectors [N, F]: use nn.BatchNorm2d for maps".to_owned());
        }));
    }
    for (dims, (_, name)) in found.iter().zip(all) {
        if let Some(dims) = dims
            && **dims != [channels]
        {
            return Err(interp.norm_channels(input, name, dims));
        }
    }
    let op = Op::from(BatchNorm2d { eps, momentum });
    let is_whole = parameters.len() == 4 && are_known && has_momentum;
    if is_whole && dims.len() == 4 {
        return Ok(value(layer(interp, "batch_norm", op, &[input], parameters, is_training)?));
    }
    let missing = match (is_whole, has_momentum, dims.len()) {
        (true, _, 2) => "batch_norm of vectors",
        (true, ..) => "batch_norm of a tensor that is no map",
        (_, false, _) => "batch_norm with momentum=None",
        _ => "batch_norm without weights or running statistics",
    };
    Ok(value(interp.push_with(What::Missing(missing), &[input], dims, parameters, is_training)?))
}

fn local_response_norm(interp: &mut Interp, args: Args) -> Result {
    let names = &["input", "size", "alpha", "beta", "k"];
    let mut given = Given::new(interp, args, "local_response_norm", names, 3)?;
    let tensor = given.tensor(interp, 0)?;
    let op = LocalResponseNorm {
        size: given.size(interp, 1, 1)?,
        alpha: given.float(interp, 2, 1e-4)? as f32,
        beta: given.float(interp, 3, 0.75)? as f32,
        k: given.float(interp, 4, 1.0)? as f32,
    };
    let input = interp.traced(&tensor)?;
    Ok(value(layer(interp, "local_response_norm", op.into(), &[input], Vec::new(), false)?))
}

fn layer_norm(interp: &mut Interp, args: Args) -> Result {
    let names = &["input", "normalized_shape", "weight", "bias", "eps"];
    let mut given = Given::new(interp, args, "layer_norm", names, 3)?;
    let tensor = given.tensor(interp, 0)?;
    let over: Vec<usize> =
        given.ints(interp, 1)?.unwrap_or_default().iter().map(|&n| n.max(0) as usize).collect();
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    if over.is_empty() || !dims.ends_with(&over) {
        let (told, shown) = (interp.told(input), crate::torch::dims::told(&over, None));
        let text = format!(
            "Given normalized_shape={shown}, expected input with shape [*, {}, but got input of size{told}",
            shown.trim_start_matches('[')
        );
        return Err(interp.shape_error(&text, input));
    }
    let (parameters, are_known, found) = parameters(interp, &mut given, &[(2, "weight"), (3, "bias")])?;
    let eps = given.float(interp, 4, 1e-5)? as f32;
    let is_whole = are_known && found.iter().all(Option::is_some) && over.len() == 1;
    let op = Op::from(LayerNorm { eps });
    let what = match dims.len() {
        2 if is_whole => What::Layer(op),
        4 if is_whole => What::Last(op),
        _ => What::Missing("layer_norm"),
    };
    Ok(value(interp.push_with(what, &[input], dims, parameters, false)?))
}

/// A normalization that the graph does not have and that keeps the dimensions.
fn kept(
    interp: &mut Interp,
    args: Args,
    name: &'static str,
    names: &'static [&'static str],
    optional: usize,
) -> Result {
    let mut given = Given::new(interp, args, name, names, optional)?;
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    if name == "group_norm" {
        let groups = given.size(interp, 1, 1)?;
        let channels = dims.get(1).copied().unwrap_or(0);
        if groups == 0 || !channels.is_multiple_of(groups) {
            let text = format!(
                "Expected number of channels in input to be divisible by num_groups, but got input of shape {} and \
                 num_groups={groups}",
                interp.told(input)
            );
            return Err(interp.shape_error(&text, input));
        }
    }
    Ok(value(interp.push(What::Missing(name), &[input], dims)?))
}
