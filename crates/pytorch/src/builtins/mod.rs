//! Python's own functions, operators, text and library.

mod construct;
mod dunder;
mod format;
mod functions;
mod methods;
mod modules;
mod numbers;
mod operators;
mod special;
mod text;
mod view;

use crate::value::Value;

pub(crate) use methods::method_of;
pub(crate) use modules::{attribute_of, module};

/// The built-in functions by name.
pub(crate) fn names() -> Vec<(&'static str, Value)> {
    functions::names()
}
