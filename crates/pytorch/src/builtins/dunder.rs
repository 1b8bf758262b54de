//! Special methods of the built-in types as functions: what `super().__getitem__(key)` and `[].__len__()` call.

use super::methods::native;
use crate::ast::{BinaryOp, CompareOp};
use crate::interp::{Args, Interp, Result};
use crate::value::{Builtin, Native, Value};

/// The special method of a built-in type; `None` for a name that it has not.
pub(super) fn method(builtin: Builtin, name: &str) -> Option<Native> {
    let is_container = matches!(
        builtin,
        Builtin::Str
            | Builtin::Bytes
            | Builtin::List
            | Builtin::Tuple
            | Builtin::Dict
            | Builtin::Set
            | Builtin::FrozenSet
            | Builtin::Range
    );
    let changes = matches!(builtin, Builtin::List | Builtin::Dict);
    let is_number = matches!(builtin, Builtin::Int | Builtin::Float | Builtin::Bool);
    Some(match name {
        "__len__" if is_container => native("__len__", |i, a| {
            let [value] = take(i, a, "__len__")?;
            Ok(Value::Int(i.len(&value)? as i64))
        }),
        "__iter__" if is_container => native("__iter__", |i, a| {
            let [value] = take(i, a, "__iter__")?;
            i.iter(&value)
        }),
        "__contains__" if is_container => native("__contains__", |i, a| {
            let [value, item] = take(i, a, "__contains__")?;
            Ok(Value::Bool(i.contains(&value, &item)?))
        }),
        "__getitem__" if is_container => native("__getitem__", |i, a| {
            let [value, index] = take(i, a, "__getitem__")?;
            i.get_item(&value, &index)
        }),
        "__setitem__" if changes => native("__setitem__", |i, a| {
            let [value, index, item] = take(i, a, "__setitem__")?;
            i.set_item(&value, index, item)?;
            Ok(Value::None)
        }),
        "__delitem__" if changes => native("__delitem__", |i, a| {
            let [value, index] = take(i, a, "__delitem__")?;
            i.del_item(&value, &index)?;
            Ok(Value::None)
        }),
        "__add__" if is_container || is_number => native("__add__", |i, a| operator(i, a, BinaryOp::Add)),
        "__mul__" if is_container || is_number => native("__mul__", |i, a| operator(i, a, BinaryOp::Mul)),
        "__sub__" if is_number => native("__sub__", |i, a| operator(i, a, BinaryOp::Sub)),
        "__truediv__" if is_number => native("__truediv__", |i, a| operator(i, a, BinaryOp::Div)),
        "__floordiv__" if is_number => native("__floordiv__", |i, a| operator(i, a, BinaryOp::FloorDiv)),
        "__mod__" if is_number => native("__mod__", |i, a| operator(i, a, BinaryOp::Mod)),
        "__pow__" if is_number => native("__pow__", |i, a| operator(i, a, BinaryOp::Pow)),
        "__or__" if !is_number => native("__or__", |i, a| operator(i, a, BinaryOp::Or)),
        "__and__" if !is_number => native("__and__", |i, a| operator(i, a, BinaryOp::And)),
        "__eq__" if is_container || is_number => native("__eq__", |i, a| comparison(i, a, CompareOp::Eq)),
        "__ne__" if is_container || is_number => native("__ne__", |i, a| comparison(i, a, CompareOp::NotEq)),
        "__lt__" if is_container || is_number => native("__lt__", |i, a| comparison(i, a, CompareOp::Less)),
        "__le__" if is_container || is_number => native("__le__", |i, a| comparison(i, a, CompareOp::LessEq)),
        "__gt__" if is_container || is_number => {
            native("__gt__", |i, a| comparison(i, a, CompareOp::Greater))
        }
        "__ge__" if is_container || is_number => {
            native("__ge__", |i, a| comparison(i, a, CompareOp::GreaterEq))
        }
        "__repr__" => native("__repr__", |i, a| {
            let [value] = take(i, a, "__repr__")?;
            Ok(Value::str(&i.default_repr(&value)?))
        }),
        "__str__" => native("__str__", |i, a| {
            let [value] = take(i, a, "__str__")?;
            Ok(Value::str(&match &value {
                Value::Str(text) => text.to_string(),
                Value::Instance(instance) if i.is_exception(&instance.class) => i.args_text(instance)?,
                Value::Instance(_) if i.special(&value, "__repr__").is_some() => i.repr(&value)?,
                _ => i.default_repr(&value)?,
            }))
        }),
        "__eq__" if builtin == Builtin::Object => native("__eq__", |i, a| {
            let [value, other] = take(i, a, "__eq__")?;
            Ok(if value.is(&other) { Value::Bool(true) } else { Value::NotImplemented })
        }),
        "__hash__" if builtin == Builtin::Object => native("__hash__", |i, a| {
            let [value] = take(i, a, "__hash__")?;
            match value.address() {
                Some(address) => Ok(Value::Int(address as i64 >> 4)),
                None => Err(i.unhashable(&value)),
            }
        }),
        "__format__" => native("__format__", |i, a| {
            let [value, spec] = take(i, a, "__format__")?;
            let spec = i.str_of(&spec)?;
            match &value {
                Value::Instance(_) => Ok(Value::str(&i.str_of(&value)?)),
                _ => Ok(Value::str(&i.format_value(&value, &spec)?)),
            }
        }),
        _ => return None,
    })
}

/// Exactly so many arguments; the receiver without the class around it.
fn take<const N: usize>(interp: &mut Interp, mut args: Args, name: &str) -> Result<[Value; N]> {
    let receiver = args.receiver(interp, name)?;
    let mut items = args.positional(interp, name, N - 1, N - 1)?;
    items.insert(0, receiver);
    match items.try_into() {
        Ok(items) => Ok(items),
        Err(_) => Err(interp.raise("TypeError", &format!("{name}() takes {N} arguments"))),
    }
}

fn operator(interp: &mut Interp, args: Args, op: BinaryOp) -> Result {
    let [a, b] = take(interp, args, op.method())?;
    interp.binary(op, &a, &b)
}

fn comparison(interp: &mut Interp, args: Args, op: CompareOp) -> Result {
    let [a, b] = take(interp, args, op.symbol())?;
    interp.compare(op, &a, &b.plain())
}
