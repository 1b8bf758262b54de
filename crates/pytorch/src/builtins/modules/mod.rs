//! Modules of Python's library whose functions are the crate's own.

mod itertools;
mod math;
mod operator;
mod system;

use std::rc::Rc;

use crate::interp::{Args, Interp, Result};
use crate::value::{Method, NativeFn, Value};

/// The names of a module; `None` for one that is not here.
pub(crate) fn module(name: &str) -> Option<Vec<(&'static str, Value)>> {
    Some(match name {
        "math" => math::names(),
        "itertools" => itertools::names(),
        "operator" => operator::names(),
        "_torch" => crate::torch::natives(),
        "time" => system::time(),
        "os.path" => system::path(),
        _ => return None,
    })
}

/// An attribute of a function of the crate's: `itertools.chain.from_iterable`.
pub(crate) fn attribute_of(function: &str, name: &str) -> Option<Value> {
    match function {
        "chain" => itertools::chain_attr(name),
        _ => None,
    }
}

/// Functions by name.
fn functions<const N: usize>(list: [(&'static str, NativeFn); N]) -> Vec<(&'static str, Value)> {
    list.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

/// A function that gets some values first, as `itemgetter(1)` gets its index.
fn with_state(name: &'static str, state: Vec<Value>, call: NativeFn) -> Value {
    Value::Method(Rc::new(Method { receiver: Value::tuple(state), function: Value::native(name, call) }))
}

/// Takes what [`with_state`] gave.
fn state(interp: &mut Interp, args: &mut Args) -> Result<Vec<Value>> {
    match args.receiver(interp, "function")? {
        Value::Tuple(items) => Ok(items.to_vec()),
        other => Ok(vec![other]),
    }
}
