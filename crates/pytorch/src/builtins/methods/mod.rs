//! Methods of the built-in types, by type.

mod dict;
mod list;
mod number;
mod set;
mod text;
mod text_split;
mod tuple;

use std::rc::Rc;

use crate::interp::{Args, Interp, Result};
use crate::value::{Builtin, Native, NativeFn, Value};

/// A method of a built-in type, which gets its receiver as first argument; `None` for a name that it has not.
pub(crate) fn method_of(builtin: Builtin, name: &str) -> Option<Native> {
    let own = match builtin {
        Builtin::Str => text::method(name).or_else(|| text_split::method(name)),
        Builtin::List => list::method(name),
        Builtin::Tuple | Builtin::Range => tuple::method(name),
        Builtin::Dict => dict::method(name),
        Builtin::Set | Builtin::FrozenSet => set::method(name, builtin == Builtin::Set),
        Builtin::Int | Builtin::Bool | Builtin::Float => number::method(name, builtin == Builtin::Float),
        Builtin::Bytes => text_split::bytes_method(name),
        Builtin::Iterator => crate::interp::generator_method(name),
        _ => None,
    };
    own.or_else(|| super::dunder::method(builtin, name))
}

/// A method under its full name.
pub(super) fn native(name: &'static str, call: NativeFn) -> Native {
    Native { name, call }
}

impl Args {
    /// Takes the receiver of a method: its first argument.
    ///
    /// # Errors
    /// TypeError without one.
    pub(crate) fn receiver(&mut self, interp: &mut Interp, method: &str) -> Result {
        if self.items.is_empty() {
            return Err(interp.raise("TypeError", &format!("unbound method {method}() needs an argument")));
        }
        if !self.spans.is_empty() {
            self.spans.remove(0);
        }
        Ok(self.items.remove(0).plain())
    }

    /// Takes the receiver of a string's method.
    ///
    /// # Errors
    /// TypeError for another value.
    pub(super) fn text(&mut self, interp: &mut Interp, method: &str) -> Result<Rc<str>> {
        match self.receiver(interp, method)? {
            Value::Str(text) => Ok(text),
            other => Err(wrong_receiver(interp, method, &other)),
        }
    }
}

/// The error for a method that is called on a value of another type.
pub(super) fn wrong_receiver(interp: &mut Interp, method: &str, value: &Value) -> Box<crate::interp::Thrown> {
    let found = interp.type_name(value);
    let (of, name) = method.split_once('.').unwrap_or(("object", method));
    interp.raise(
        "TypeError",
        &format!("descriptor '{name}' for '{of}' objects doesn't apply to a '{found}' object"),
    )
}

/// A string where one is expected.
pub(super) fn expect_text(interp: &mut Interp, value: &Value, method: &str) -> Result<Rc<str>> {
    match value.plain() {
        Value::Str(text) => Ok(text),
        other => {
            let found = interp.type_name(&other);
            Err(interp.raise("TypeError", &format!("{method}() argument must be str, not {found}")))
        }
    }
}
