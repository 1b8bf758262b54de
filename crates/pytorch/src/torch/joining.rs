//! Values side by side: `cat` and `stack`.

use convnet::ops::Op;

use super::dims::resolve;
use super::given::Given;
use super::trace::value;
use super::{Kind, TapeId, What, host};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn functions() -> Vec<(&'static str, NativeFn)> {
    vec![("cat", cat), ("concat", cat), ("concatenate", cat), ("stack", stack)]
}

fn cat(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, renamed(args), "cat", &["tensors", "dim", "out"], 2)?;
    let tensors = given.tensors(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    if tensors.is_empty() {
        return Err(interp.raise("RuntimeError", "torch.cat(): expected a non-empty list of Tensors"));
    }
    if let Some(joined) = joined_numbers(interp, &tensors, dim)? {
        return Ok(joined);
    }
    let inputs = tensors.iter().map(|tensor| interp.traced(tensor)).collect::<Result<Vec<TapeId>>>()?;
    let first = interp.tape.step(inputs[0]).dims.clone();
    let Some(at) = resolve(dim, first.len()) else { return Err(interp.bad_dim(dim, first.len())) };
    for (i, &input) in inputs.iter().enumerate() {
        let dims = &interp.tape.step(input).dims;
        let fits = dims.len() == first.len() && (0..dims.len()).all(|i| i == at || dims[i] == first[i]);
        if !fits {
            return Err(interp.bad_cat(&inputs, at, i));
        }
    }
    let mut out = first;
    out[at] = inputs.iter().fold(0usize, |sum, &id| sum.saturating_add(interp.tape.step(id).dims[at]));
    let what = match (at, out.len()) {
        (1, 2 | 4) => What::Layer(Op::Concat),
        _ => What::Missing("cat along another dimension than the channels"),
    };
    let id = interp.push(what, &inputs, out)?;
    interp.tape.autograd.names.insert(id, "CatBackward0");
    Ok(value(id))
}

/// `axis` is `dim`.
fn renamed(mut args: Args) -> Args {
    for (key, _) in &mut args.keywords {
        if &**key == "axis" {
            *key = "dim".into();
        }
    }
    args
}

fn stack(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "stack", &["tensors", "dim", "out"], 2)?;
    let tensors = given.tensors(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    let Some(first) = tensors.first().map(|tensor| interp.dims(tensor)) else {
        return Err(interp.raise("RuntimeError", "stack expects a non-empty TensorList"));
    };
    let Some(at) = resolve(dim, first.len() + 1) else { return Err(interp.bad_dim(dim, first.len() + 1)) };
    for (i, tensor) in tensors.iter().enumerate() {
        let dims = interp.dims(tensor);
        if dims != first {
            let (a, b) = (super::dims::told(&first, None), super::dims::told(&dims, None));
            let text = format!(
                "stack expects each tensor to be equal size, but got {a} at entry 0 and {b} at entry {i}"
            );
            return Err(interp.raise("RuntimeError", &text).teach(|t| t.code = "shape"));
        }
    }
    let mut wide = first.clone();
    wide.insert(at, 1);
    let mut parts = Vec::new();
    for tensor in &tensors {
        let Value::Tensor(part) = interp.reshaped(tensor, wide.clone())? else { continue };
        parts.push(part);
    }
    if let Some(joined) = joined_numbers(interp, &parts, at as i64)? {
        return Ok(joined);
    }
    let inputs = parts.iter().map(|part| interp.traced(part)).collect::<Result<Vec<TapeId>>>()?;
    wide[at] = inputs.len();
    let id = interp.push(What::Missing("stack"), &inputs, wide)?;
    interp.tape.autograd.names.insert(id, "StackBackward0");
    Ok(value(id))
}

/// Tensors of known numbers, joined.
fn joined_numbers(
    interp: &mut Interp,
    tensors: &[std::rc::Rc<super::Tensor>],
    dim: i64,
) -> Result<Option<Value>> {
    let mut parts = Vec::new();
    for tensor in tensors {
        let Kind::Host { dims, data, is_integer } = tensor.kind() else { return Ok(None) };
        parts.push((dims, data, is_integer));
    }
    let first = parts[0].0.clone();
    let Some(at) = resolve(dim, first.len()) else { return Ok(None) };
    let fits =
        |dims: &[usize]| dims.len() == first.len() && (0..dims.len()).all(|i| i == at || dims[i] == first[i]);
    if !parts.iter().all(|(dims, ..)| fits(dims)) {
        return Ok(None);
    }
    let outer: usize = first[..at].iter().product();
    let mut joined = Vec::new();
    interp.charge(parts.iter().map(|(_, data, _)| data.len()).sum())?;
    for i in 0..outer {
        for (dims, data, _) in &parts {
            let size: usize = dims[at..].iter().product();
            joined.extend(&data[i * size..(i + 1) * size]);
        }
    }
    let mut out = first;
    out[at] = parts.iter().map(|(dims, ..)| dims[at]).sum();
    let is_integer = parts.iter().all(|(.., is_integer)| *is_integer);
    Ok(Some(host::tensor(out, joined.into(), is_integer)))
}
