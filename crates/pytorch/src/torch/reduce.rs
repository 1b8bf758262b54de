//! Means, sums and extrema over dimensions.

use super::dims::resolve;
use super::given::{Given, int_of};
use super::replay::reduced;
use super::trace::value;
use super::{Kind, TapeId, What, host};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn functions() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("mean", |interp, args| over(interp, args, "mean")),
        ("sum", |interp, args| over(interp, args, "sum")),
        ("prod", |interp, args| over(interp, args, "prod")),
        ("amax", |interp, args| over(interp, args, "amax")),
        ("amin", |interp, args| over(interp, args, "amin")),
        ("std", |interp, args| over(interp, args, "std")),
        ("var", |interp, args| over(interp, args, "var")),
        ("norm", |interp, args| norm(interp, args)),
        ("logsumexp", |interp, args| over(interp, args, "logsumexp")),
        ("all", |interp, args| over(interp, args, "all")),
        ("any", |interp, args| over(interp, args, "any")),
        ("max", |interp, args| extremum(interp, args, "max")),
        ("min", |interp, args| extremum(interp, args, "min")),
        ("argmax", |interp, args| place(interp, args, "argmax")),
        ("argmin", |interp, args| place(interp, args, "argmin")),
        ("topk", topk),
        ("sort", sort),
        ("argsort", |interp, args| place_sorted(interp, args)),
    ]
}

/// `axis` is `dim`, and `keepdims` is `keepdim`.
fn renamed(mut args: Args) -> Args {
    for (key, _) in &mut args.keywords {
        match &**key {
            "axis" => *key = "dim".into(),
            "keepdims" => *key = "keepdim".into(),
            _ => {}
        }
    }
    args
}

const NAMES: [&str; 7] = ["input", "dim", "keepdim", "dtype", "out", "correction", "unbiased"];

fn over(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    let mut given = Given::new(interp, renamed(args), name, &NAMES, 6)?;
    let tensor = given.tensor(interp, 0)?;
    let asked = given.ints(interp, 1)?.unwrap_or_default();
    let keep = given.flag(interp, 2, false)?;
    let dims = interp.dims(&tensor);
    let mut places = Vec::new();
    for dim in asked {
        match resolve(dim, dims.len()) {
            Some(at) => places.push(at),
            None => return Err(interp.bad_dim(dim, dims.len())),
        }
    }
    places.sort_unstable();
    places.dedup();
    let out = reduced(&dims, &places, keep);
    if let Kind::Host { dims, data, is_integer } = tensor.kind()
        && let Some(result) = numbers(interp, name, (&dims, &data, is_integer), &places, &out)?
    {
        return Ok(result);
    }
    let input = interp.traced(&tensor)?;
    let all = places.is_empty();
    let what = if name == "mean" {
        let dims = if all { (0..dims.len()).collect() } else { places };
        What::Mean { dims, keep }
    } else {
        What::Missing(name)
    };
    let id = interp.push(what, &[input], out)?;
    let backward = match (name, all) {
        ("mean", true) => Some("MeanBackward0"),
        ("mean", false) => Some("MeanBackward1"),
        ("sum", true) => Some("SumBackward0"),
        ("sum", false) => Some("SumBackward1"),
        _ => None,
    };
    interp.tape.autograd.names.extend(backward.map(|name| (id, name)));
    Ok(value(id))
}

/// The reduction of known numbers; `None` for those that are not computed.
fn numbers(
    interp: &mut Interp,
    name: &str,
    (dims, data, is_integer): (&[usize], &[f64], bool),
    places: &[usize],
    out: &[usize],
) -> Result<Option<Value>> {
    let gone = |i: &usize| places.is_empty() || places.contains(i);
    let kept: Vec<usize> = (0..dims.len()).filter(|i| !gone(i)).collect();
    let order: Vec<usize> = kept.iter().copied().chain((0..dims.len()).filter(gone)).collect();
    let (_, data) = host::permuted(dims, data, &order);
    let size: usize = (0..dims.len()).filter(gone).map(|i| dims[i]).product();
    if size == 0 {
        return Ok(None);
    }
    interp.charge(data.len())?;
    let n = size as f64;
    let f = |part: &[f64]| -> Option<f64> {
        Some(match name {
            "mean" => part.iter().sum::<f64>() / n,
            "sum" => part.iter().sum(),
            "prod" => part.iter().product(),
            "amax" | "max" => part.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "amin" | "min" => part.iter().copied().fold(f64::INFINITY, f64::min),
            "all" => f64::from(u8::from(part.iter().all(|&x| x != 0.0))),
            "any" => f64::from(u8::from(part.iter().any(|&x| x != 0.0))),
            _ => return None,
        })
    };
    let whole = is_integer && name != "mean" || matches!(name, "all" | "any");
    let found: Option<Vec<f64>> =
        data.chunks(size).map(|part| f(part).map(|x| host::rounded(x, whole))).collect();
    Ok(found.map(|data| host::tensor(out.to_vec(), data.into(), whole)))
}

fn norm(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, renamed(args), "norm", &["input", "p", "dim", "keepdim", "dtype"], 4)?;
    let tensor = given.tensor(interp, 0)?;
    let asked = given.ints(interp, 2)?.unwrap_or_default();
    let keep = given.flag(interp, 3, false)?;
    let dims = interp.dims(&tensor);
    let places: Vec<usize> = asked.iter().filter_map(|&dim| resolve(dim, dims.len())).collect();
    let input = interp.traced(&tensor)?;
    Ok(value(interp.push(What::Missing("norm"), &[input], reduced(&dims, &places, keep))?))
}

/// `max(x)`, `max(x, dim)`, `max(x, other)`.
fn extremum(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    let mut given = Given::new(interp, renamed(args), name, &["input", "dim", "keepdim"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let dims = interp.dims(&tensor);
    let Some(second) = given.value(1) else {
        if let Kind::Host { dims, data, is_integer } = tensor.kind()
            && let Some(found) = numbers(interp, name, (&dims, &data, is_integer), &[], &[])?
        {
            return Ok(found);
        }
        let input = interp.traced(&tensor)?;
        return Ok(value(interp.push(What::Missing(name), &[input], vec![])?));
    };
    let keep = given.flag(interp, 2, false)?;
    let input = interp.traced(&tensor)?;
    let dim = match (&second, int_of(&second)) {
        (Value::Tensor(other), None) => {
            let other = interp.traced(other)?;
            let y = interp.tape.step(other).dims.clone();
            return match super::dims::broadcast(&dims, &y) {
                Ok(out) => Ok(value(interp.push(What::Missing(name), &[input, other], out)?)),
                Err(at) => Err(interp.bad_broadcast(input, other, at, dims.len().max(y.len()))),
            };
        }
        (_, Some(dim)) => dim,
        _ => return Err(given.wrong(interp, 1, &second, "int")),
    };
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    pair(interp, name, input, reduced(&dims, &[at], keep))
}

/// Values and their places.
fn pair(interp: &mut Interp, name: &'static str, input: TapeId, dims: Vec<usize>) -> Result {
    let values = interp.push(What::Missing(name), &[input], dims.clone())?;
    let places = interp.push(What::Missing(name), &[input], dims)?;
    Ok(Value::tuple(vec![value(values), value(places)]))
}

fn place(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    let mut given = Given::new(interp, renamed(args), name, &["input", "dim", "keepdim"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let dims = interp.dims(&tensor);
    if let (Kind::Host { data, .. }, false) = (tensor.kind(), given.has(1)) {
        let best = (0..data.len()).reduce(|best, i| {
            let better = if name == "argmax" { data[i] > data[best] } else { data[i] < data[best] };
            if better { i } else { best }
        });
        return Ok(host::tensor(vec![], [best.unwrap_or(0) as f64].into(), true));
    }
    let out = if given.has(1) {
        let dim = given.int(interp, 1, 0)?;
        let keep = given.flag(interp, 2, false)?;
        let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
        reduced(&dims, &[at], keep)
    } else {
        Vec::new()
    };
    let input = interp.traced(&tensor)?;
    Ok(value(interp.push(What::Missing(name), &[input], out)?))
}

fn topk(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "topk", &["input", "k", "dim", "largest", "sorted"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let (k, dim) = (given.size(interp, 1, 1)?, given.int(interp, 2, -1)?);
    let mut dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    if k > dims[at] {
        return Err(interp.raise("RuntimeError", "selected index k out of range"));
    }
    dims[at] = k;
    let input = interp.traced(&tensor)?;
    pair(interp, "topk", input, dims)
}

fn sort(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "sort", &["input", "dim", "descending", "stable"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let dims = interp.dims(&tensor);
    let input = interp.traced(&tensor)?;
    pair(interp, "sort", input, dims)
}

fn place_sorted(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "argsort", &["input", "dim", "descending", "stable"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let dims = interp.dims(&tensor);
    let input = interp.traced(&tensor)?;
    Ok(value(interp.push(What::Missing("argsort"), &[input], dims)?))
}
