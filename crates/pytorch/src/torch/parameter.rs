//! Parameters as values of Python's, and how they are drawn.

use std::rc::Rc;

use convnet::ops::Op;

use super::{Draw, Kind, Leaf, Parameter, TapeId, Tensor, What, parameter_value};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

/// The native functions of parameters.
pub(crate) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![("parameter", make), ("is_parameter", is_parameter), ("identity", identity)]
}

/// The parameter that a value is.
pub(crate) fn of(value: &Value) -> Option<Rc<Parameter>> {
    let Value::Tensor(tensor) = value else { return None };
    match tensor.kind() {
        Kind::Parameter(parameter) => Some(parameter),
        _ => None,
    }
}

/// A tensor's dimensions.
pub(crate) fn dims(interp: &Interp, tensor: &Tensor) -> Vec<usize> {
    match tensor.kind() {
        Kind::Traced(id) => interp.tape.step(id).dims.clone(),
        Kind::Parameter(parameter) => parameter.dims.borrow().clone(),
        Kind::Host { dims, .. } => dims,
    }
}

impl Interp {
    /// A copy of a parameter that is drawn on its own; any other tensor is as it is.
    pub(crate) fn deepcopy_parameter(&mut self, tensor: &Rc<Tensor>) -> Result {
        let Kind::Parameter(of) = tensor.kind() else { return Ok(Value::Tensor(tensor.clone())) };
        let copy = Parameter::new(of.dims.borrow().clone(), of.is_buffer, of.made);
        copy.draw.replace(of.draw.borrow().clone());
        copy.requires_grad.set(of.requires_grad.get());
        Ok(parameter_value(&copy))
    }
}

/// How the values of a tensor are drawn; `traced` tells it of a step's.
pub(super) fn draw_of(kind: &Kind, traced: impl FnOnce(TapeId) -> Draw) -> Draw {
    match kind {
        Kind::Traced(id) => traced(*id),
        Kind::Parameter(from) => match &*from.draw.borrow() {
            Some(draw) => draw.clone(),
            None => Draw::Other("the values of another parameter"),
        },
        Kind::Host { data, .. } => match data.first() {
            Some(first) if data.iter().all(|x| x == first) => Draw::Constant(*first),
            _ => Draw::Other("given values"),
        },
    }
}

/// `nn.Parameter(data, requires_grad=True)`.
fn make(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "Parameter", &["data", "requires_grad"], 2)?;
    let trained = match bound.take(1) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    let site = interp.site();
    let parameter = match bound.some(0) {
        None => Parameter::new(vec![0], false, Some(site)),
        Some(Value::Tensor(tensor)) => {
            let parameter = Parameter::new(dims(interp, &tensor), false, Some(site));
            *parameter.draw.borrow_mut() = Some(draw_of(&tensor.kind(), |id| drawn(interp, id)));
            parameter
        }
        Some(Value::Opaque(opaque)) => return Err(interp.opaque_error(&opaque, "nn.Parameter")),
        Some(other) => {
            let found = interp.type_name(&other);
            let message = format!("nn.Parameter takes a tensor, got {found}");
            let error = interp.raise("TypeError", &message);
            return Err(error.teach(|t| {
                t.code = "argument";
                t.helps.push(
                    "make a tensor first: nn.Parameter(torch.zeros(3)), nn.Parameter(torch.tensor(1.0))"
                        .into(),
                );
            }));
        }
    };
    parameter.requires_grad.set(trained);
    Ok(parameter_value(&parameter))
}

/// A buffer of one number everywhere is a tensor of the state dict, whose values may become others; others are as they are.
pub(crate) fn buffer(interp: &Interp, value: Value) -> Value {
    let Value::Tensor(tensor) = &value else { return value };
    let draw = match tensor.kind() {
        Kind::Traced(id) => drawn(interp, id),
        Kind::Host { data, is_integer: false, .. } => match data.first() {
            Some(first) if data.iter().all(|x| x == first) => Draw::Constant(*first),
            _ => return value,
        },
        Kind::Host { .. } | Kind::Parameter(_) => return value,
    };
    let dims = dims(interp, tensor);
    if dims.is_empty() || !matches!(draw, Draw::Constant(_)) {
        return value;
    }
    let buffer = Parameter::new(dims, true, Some(interp.site()));
    *buffer.draw.borrow_mut() = Some(draw);
    parameter_value(&buffer)
}

/// `_torch.is_parameter(x)`.
fn is_parameter(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "is_parameter", 1, 1)?;
    Ok(Value::Bool(of(&items[0]).is_some_and(|parameter| !parameter.is_buffer)))
}

/// `_torch.identity(x)`: a layer of a network that is traced, elsewhere the tensor itself.
fn identity(interp: &mut Interp, args: Args) -> Result {
    let value = args.positional(interp, "identity", 1, 1)?.remove(0);
    if let Value::Tensor(tensor) = &value
        && let Kind::Traced(id) = tensor.kind()
        && interp.tape.batch(id).is_some()
    {
        let dims = interp.tape.step(id).dims.clone();
        if matches!(dims.len(), 2 | 4) {
            return Ok(crate::torch::trace::value(interp.push(What::Layer(Op::Identity), &[id], dims)?));
        }
    }
    Ok(value)
}

/// How the values of a step are drawn: numbers that are alike, or a scaled and shifted draw.
fn drawn(interp: &Interp, id: TapeId) -> Draw {
    let (mut factor, mut offset, mut id) = (1.0, 0.0, id);
    loop {
        let step = interp.tape.step(id);
        match (&step.what, step.inputs.first()) {
            (What::Leaf(Leaf::Constant(x)), _) => return Draw::Constant(x * factor + offset),
            (What::Leaf(Leaf::Normal(_)), _) => return Draw::Normal { mean: offset, std: f64::abs(factor) },
            (What::Leaf(Leaf::Uniform(_)), _) => {
                let (a, b) = (offset, factor + offset);
                return Draw::Uniform { low: f64::min(a, b), high: f64::max(a, b) };
            }
            (What::Scale { factor: by, offset: plus }, Some(input)) => {
                offset += plus * factor;
                factor *= by;
                id = *input;
            }
            (What::Reshape | What::Permute(_), Some(input)) => id = *input,
            _ => return Draw::Other("computed values"),
        }
    }
}

/// Sets how a parameter is drawn: `nn.init.normal_(conv.weight)`, `conv.weight.data.zero_()`. Other tensors are left alone.
///
/// # Errors
/// For `None`, and values that are no tensors.
pub(crate) fn draw_parameter(interp: &mut Interp, function: &str, tensor: &Value, draw: Draw) -> Result<()> {
    match tensor {
        Value::Tensor(_) => {}
        Value::Opaque(_) => return Ok(()),
        Value::None => {
            let error =
                interp.raise("AttributeError", &format!("{function}: a tensor is expected, got None"));
            return Err(error.teach(|t| {
                t.code = "argument";
                t.helps.push(
                    "does the layer have no bias (bias=False)? Ask first: `if m.bias is not None:`".into(),
                );
            }));
        }
        other => {
            let found = interp.type_name(other);
            let error = interp.raise("TypeError", &format!("{function}: a tensor is expected, got {found}"));
            let is_module = matches!(other, Value::Instance(instance) if interp.is_module(instance));
            return Err(error.teach(|t| {
                t.code = "argument";
                if is_module {
                    t.helps.push("give it the layer's weight: `m.weight`".into());
                }
            }));
        }
    }
    let site = interp.site();
    match of(tensor) {
        Some(parameter) => {
            if let Draw::Other(rule) = &draw {
                interp.note(
                    site,
                    format!("{rule} is left out: convnet draws these weights by the layer's default"),
                );
            }
            *parameter.draw.borrow_mut() = Some(draw);
        }
        None => interp.note(site, format!("{function} on a tensor that is no parameter is left out")),
    }
    Ok(())
}
