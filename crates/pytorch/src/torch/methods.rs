//! Methods that only tensors have: sizes, copies, devices and types, numbers out, values in.

use std::rc::Rc;

use super::dims::{broadcast, resolve, told};
use super::functional::give;
use super::given::Given;
use super::{Draw, Kind, Leaf, Parameter, Tensor, What, host};
use crate::ast::CompareOp;
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn methods() -> Vec<(&'static str, NativeFn)> {
    let mut all: Vec<(&'static str, NativeFn)> = vec![
        ("size", size),
        ("dim", |interp, args| receiver(interp, args).map(|(i, t, _)| Value::Int(i.dims(&t).len() as i64))),
        ("ndimension", |interp, args| {
            receiver(interp, args).map(|(i, t, _)| Value::Int(i.dims(&t).len() as i64))
        }),
        ("numel", numel),
        ("nelement", numel),
        ("is_contiguous", |interp, args| receiver(interp, args).map(|_| Value::Bool(true))),
        ("is_floating_point", |interp, args| {
            let (_, tensor, _) = receiver(interp, args)?;
            Ok(Value::Bool(!matches!(tensor.kind(), Kind::Host { is_integer: true, .. })))
        }),
        ("clone", |interp, args| receiver(interp, args).map(|(_, t, _)| Value::Tensor(Tensor::of(t.kind())))),
        ("detach", |interp, args| {
            let (interp, tensor, _) = receiver(interp, args)?;
            interp.detached(&tensor)
        }),
        ("detach_", |interp, args| {
            let (interp, tensor, _) = receiver(interp, args)?;
            if let Value::Tensor(detached) = interp.detached(&tensor)? {
                *tensor.kind.borrow_mut() = detached.kind();
            }
            Ok(Value::Tensor(tensor))
        }),
        ("item", item),
        ("tolist", tolist),
        ("__int__", |interp, args| whole(interp, args, true)),
        ("__float__", |interp, args| whole(interp, args, false)),
        ("backward", |interp, args| receiver(interp, args).map(|_| Value::None)),
        ("retain_grad", |interp, args| receiver(interp, args).map(|_| Value::None)),
        ("register_hook", |interp, args| receiver(interp, args).map(|_| Value::None)),
        ("requires_grad_", requires_grad),
        ("normal_", |interp, args| draw(interp, args, "normal_")),
        ("uniform_", |interp, args| draw(interp, args, "uniform_")),
        ("zero_", |interp, args| draw(interp, args, "zero_")),
        ("fill_", |interp, args| draw(interp, args, "fill_")),
        ("copy_", copy),
        ("squeeze_", |interp, args| in_place(interp, args, "squeeze")),
        ("unsqueeze_", |interp, args| in_place(interp, args, "unsqueeze")),
        ("clamp_", |interp, args| in_place(interp, args, "clamp")),
        ("masked_fill_", |interp, args| in_place(interp, args, "masked_fill")),
        ("new_zeros", |interp, args| alike(interp, args, "zeros")),
        ("new_ones", |interp, args| alike(interp, args, "ones")),
        ("new_empty", |interp, args| alike(interp, args, "empty")),
        ("new_tensor", |interp, args| alike(interp, args, "tensor")),
        ("eq", |interp, args| compare(interp, args, CompareOp::Eq)),
        ("ne", |interp, args| compare(interp, args, CompareOp::NotEq)),
        ("lt", |interp, args| compare(interp, args, CompareOp::Less)),
        ("le", |interp, args| compare(interp, args, CompareOp::LessEq)),
        ("gt", |interp, args| compare(interp, args, CompareOp::Greater)),
        ("ge", |interp, args| compare(interp, args, CompareOp::GreaterEq)),
        ("numpy", |interp, args| {
            receiver(interp, args)?;
            Ok(interp.opaque("numpy.ndarray"))
        }),
    ];
    // Where it lies, and as which type, is not followed.
    for name in SAME {
        all.push((name, |interp, args| receiver(interp, args).map(|(_, tensor, _)| Value::Tensor(tensor))));
    }
    for name in ["long", "int", "short", "bool"] {
        all.push((name, as_integers));
    }
    all
}

/// Methods that give the tensor itself.
const SAME: [&str; 15] = [
    "contiguous",
    "to",
    "cuda",
    "cpu",
    "float",
    "double",
    "half",
    "bfloat16",
    "type",
    "type_as",
    "pin_memory",
    "share_memory_",
    "requires_grad_like",
    "refine_names",
    "rename",
];

/// The tensor that a method is called on, and the other arguments.
fn receiver(interp: &mut Interp, mut args: Args) -> Result<(&mut Interp, Rc<Tensor>, Args)> {
    if args.items.is_empty() {
        return Err(interp.raise("TypeError", "unbound method of a tensor needs an argument"));
    }
    let first = args.items.remove(0);
    if !args.spans.is_empty() {
        args.spans.remove(0);
    }
    let Value::Tensor(tensor) = first else {
        return Err(interp.raise("TypeError", "a method of a tensor is called on something else"));
    };
    Ok((interp, tensor, args))
}

fn size(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "size", &["self", "dim"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let dims = interp.dims(&tensor);
    if !given.has(1) {
        return Ok(interp.size_value(&dims));
    }
    let dim = given.int(interp, 1, 0)?;
    match resolve(dim, dims.len()) {
        Some(at) => Ok(Value::Int(dims[at] as i64)),
        None => Err(interp.bad_dim(dim, dims.len())),
    }
}

fn numel(interp: &mut Interp, args: Args) -> Result {
    let (interp, tensor, _) = receiver(interp, args)?;
    Ok(Value::Int(interp.dims(&tensor).iter().product::<usize>() as i64))
}

fn item(interp: &mut Interp, args: Args) -> Result {
    let (interp, tensor, _) = receiver(interp, args)?;
    let all: usize = interp.dims(&tensor).iter().product();
    if all != 1 {
        let text = format!("a Tensor with {all} elements cannot be converted to Scalar");
        return Err(interp.raise("RuntimeError", &text));
    }
    match tensor.kind() {
        Kind::Host { data, is_integer, .. } => interp.as_lists(&[], &data, is_integer),
        _ => Err(interp.no_values("item()")),
    }
}

fn whole(interp: &mut Interp, args: Args, is_integer: bool) -> Result {
    let number = item(interp, args)?;
    Ok(match (number, is_integer) {
        (Value::Float(x), true) => Value::Int(x as i64),
        (Value::Int(n), false) => Value::Float(n as f64),
        (number, _) => number,
    })
}

fn tolist(interp: &mut Interp, args: Args) -> Result {
    let (interp, tensor, _) = receiver(interp, args)?;
    match tensor.kind() {
        Kind::Host { dims, data, is_integer } => interp.as_lists(&dims, &data, is_integer),
        _ => Err(interp.no_values("tolist()")),
    }
}

fn as_integers(interp: &mut Interp, args: Args) -> Result {
    let (interp, tensor, _) = receiver(interp, args)?;
    Ok(match tensor.kind() {
        Kind::Host { dims, data, .. } => {
            interp.charge(data.len())?;
            host::tensor(dims, data.iter().map(|x| x.trunc()).collect(), true)
        }
        _ => Value::Tensor(tensor),
    })
}

fn requires_grad(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "requires_grad_", &["self", "requires_grad"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let flag = given.flag(interp, 1, true)?;
    interp.tensor_set_attr(&tensor, "requires_grad", Value::Bool(flag))?;
    Ok(Value::Tensor(tensor))
}

fn in_place(interp: &mut Interp, args: Args, name: &str) -> Result {
    let Some(target @ Value::Tensor(_)) = args.items.first().cloned() else {
        return Err(interp.raise("TypeError", "a method of a tensor is called on something else"));
    };
    let Some((_, function)) = super::functions().into_iter().find(|(known, _)| *known == name) else {
        return Ok(target);
    };
    let result = function(interp, args)?;
    if let (Value::Tensor(target), Value::Tensor(new)) = (&target, &result) {
        *target.kind.borrow_mut() = new.kind();
    }
    Ok(target)
}

fn alike(interp: &mut Interp, args: Args, name: &str) -> Result {
    let (interp, _, args) = receiver(interp, args)?;
    match super::functions().into_iter().find(|(known, _)| *known == name) {
        Some((_, function)) => function(interp, args),
        None => Ok(Value::None),
    }
}

fn compare(interp: &mut Interp, args: Args, op: CompareOp) -> Result {
    let mut given = Given::new(interp, args, "eq", &["self", "other"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let other = given.value(1).unwrap_or(Value::None);
    interp.tensor_compare(op, &Value::Tensor(tensor), &other)
}

/// Values drawn in place: a parameter remembers how, another tensor becomes a new leaf.
fn draw(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    let names: &[&str] = match name {
        "normal_" => &["self", "mean", "std", "generator"],
        "uniform_" => &["self", "from", "to", "generator"],
        "fill_" => &["self", "value"],
        _ => &["self"],
    };
    let optional = if name == "fill_" { 0 } else { names.len() - 1 };
    let mut given = Given::new(interp, args, name, names, optional)?;
    let tensor = given.tensor(interp, 0)?;
    let draw = match name {
        "normal_" => Draw::Normal { mean: given.float(interp, 1, 0.0)?, std: given.float(interp, 2, 1.0)? },
        "uniform_" => Draw::Uniform { low: given.float(interp, 1, 0.0)?, high: given.float(interp, 2, 1.0)? },
        "fill_" => Draw::Constant(given.float(interp, 1, 0.0)?),
        _ => Draw::Constant(0.0),
    };
    if let Kind::Parameter(parameter) = tensor.kind() {
        *parameter.draw.borrow_mut() = Some(draw);
        return Ok(Value::Tensor(tensor));
    }
    let dims = interp.dims(&tensor);
    if let (Kind::Host { data, is_integer, .. }, Draw::Constant(x)) = (tensor.kind(), &draw) {
        let data = vec![host::rounded(*x, is_integer); data.len()];
        *tensor.kind.borrow_mut() = Kind::Host { dims, data: data.into(), is_integer };
        return Ok(Value::Tensor(tensor));
    }
    interp.drawn += 1;
    let (leaf, factor, offset) = match draw {
        Draw::Normal { mean, std } => (Leaf::Normal(interp.drawn), std, mean),
        Draw::Uniform { low, high } => (Leaf::Uniform(interp.drawn), high - low, low),
        Draw::Constant(x) => (Leaf::Constant(x), 1.0, 0.0),
        Draw::Truncated { .. } | Draw::Other(_) => return Ok(Value::Tensor(tensor)),
    };
    let mut id = interp.push(What::Leaf(leaf), &[], dims.clone())?;
    if (factor, offset) != (1.0, 0.0) {
        id = interp.push(What::Scale { factor, offset }, &[id], dims)?;
    }
    Ok(give(&tensor, id, true))
}

fn copy(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "copy_", &["self", "src", "non_blocking"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let source = given.tensor(interp, 1)?;
    if let Kind::Parameter(parameter) = tensor.kind() {
        copied(interp, &parameter, &source)?;
        return Ok(Value::Tensor(tensor));
    }
    let (to, from) = (interp.dims(&tensor), interp.dims(&source));
    if broadcast(&to, &from).as_ref() != Ok(&to) {
        let (to, from) = (told(&to, None), told(&from, None));
        let text = format!("output with shape {to} doesn't match the broadcast shape {from}");
        return Err(interp.raise("RuntimeError", &text).teach(|t| t.code = "shape"));
    }
    *tensor.kind.borrow_mut() = if to == from {
        source.kind()
    } else {
        let id = interp.traced(&source)?;
        Kind::Traced(interp.push(What::Missing("expand"), &[id], to)?)
    };
    Ok(Value::Tensor(tensor))
}

/// A parameter takes the values of a tensor: it remembers how they are drawn.
pub(super) fn copied(interp: &mut Interp, parameter: &Rc<Parameter>, source: &Rc<Tensor>) -> Result<()> {
    let (to, from) = (parameter.dims.borrow().clone(), interp.dims(source));
    if to != from && broadcast(&to, &from).as_ref() != Ok(&to) {
        let (to, from) = (told(&to, None), told(&from, None));
        let text = format!("output with shape {to} doesn't match the broadcast shape {from}");
        return Err(interp.raise("RuntimeError", &text).teach(|t| t.code = "shape"));
    }
    let draw = super::parameter::draw_of(&source.kind(), |id| match interp.tape.step(id).what {
        What::Leaf(Leaf::Normal(_)) => Draw::Normal { mean: 0.0, std: 1.0 },
        What::Leaf(Leaf::Uniform(_)) => Draw::Uniform { low: 0.0, high: 1.0 },
        What::Leaf(Leaf::Constant(x)) => Draw::Constant(x),
        _ => Draw::Other("computed values"),
    });
    *parameter.draw.borrow_mut() = Some(draw);
    Ok(())
}
