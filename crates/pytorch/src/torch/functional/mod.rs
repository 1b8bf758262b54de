//! `torch.nn.functional`, and the functions of `torch` that are layers: each checks what arrives and adds a step.

mod activation;
mod conv;
mod dropout;
mod linear;
mod loss;
mod missing;
mod norm;
mod pad;
mod pool;
mod resize;

use std::rc::Rc;

use convnet::ops::Op;

use super::trace::{Named, value};
use super::{Kind, TapeId, Tensor, What};
use crate::interp::{Interp, Result};
use crate::value::Value;

/// Names with functions.
pub(super) type Functions = Vec<(&'static str, crate::value::NativeFn)>;

/// All functions of these files.
pub(super) fn functions() -> Functions {
    [
        activation::functions(),
        conv::functions(),
        dropout::functions(),
        linear::functions(),
        loss::functions(),
        missing::functions(),
        norm::functions(),
        pad::functions(),
        pool::functions(),
        resize::functions(),
    ]
    .concat()
}

/// What a function gives: a new tensor, or with `in_place` the given one, which is then the new step under all of its
/// names.
pub(super) fn give(tensor: &Rc<Tensor>, id: TapeId, in_place: bool) -> Value {
    if !in_place {
        return value(id);
    }
    *tensor.kind.borrow_mut() = Kind::Traced(id);
    Value::Tensor(tensor.clone())
}

/// A layer as convnet has it, for one that takes its inputs as they are.
///
/// # Errors
/// The layer's own, told with where its inputs come from.
pub(super) fn layer(
    interp: &mut Interp,
    function: &'static str,
    op: Op,
    inputs: &[TapeId],
    parameters: Vec<Named>,
    is_training: bool,
) -> Result<TapeId> {
    for &input in inputs {
        interp.check_batch(input)?;
    }
    match interp.inferred(&op, inputs) {
        Some(dims) => interp.push_with(What::Layer(op), inputs, dims, parameters, is_training),
        None => Err(interp.refused(function, &op, inputs)),
    }
}

/// A layer that convnet's graph has for maps and vectors; for other dimensions it is missing and gives `dims`.
pub(super) fn layer_or(
    interp: &mut Interp,
    op: Op,
    input: TapeId,
    missing: &'static str,
    is_training: bool,
) -> Result<TapeId> {
    let dims = interp.tape.step(input).dims.clone();
    match interp.inferred(&op, &[input]) {
        Some(dims) => interp.push_with(What::Layer(op), &[input], dims, Vec::new(), is_training),
        None => interp.push_with(What::Missing(missing), &[input], dims, Vec::new(), is_training),
    }
}
