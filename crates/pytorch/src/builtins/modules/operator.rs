//! `operator`.

use super::{functions, state, with_state};
use crate::ast::{BinaryOp, CompareOp, UnaryOp};
use crate::interp::{Args, Interp, Result};
use crate::value::Value;

pub(super) fn names() -> Vec<(&'static str, Value)> {
    functions([
        ("add", |i, a| binary(i, a, BinaryOp::Add)),
        ("sub", |i, a| binary(i, a, BinaryOp::Sub)),
        ("mul", |i, a| binary(i, a, BinaryOp::Mul)),
        ("matmul", |i, a| binary(i, a, BinaryOp::MatMul)),
        ("truediv", |i, a| binary(i, a, BinaryOp::Div)),
        ("floordiv", |i, a| binary(i, a, BinaryOp::FloorDiv)),
        ("mod", |i, a| binary(i, a, BinaryOp::Mod)),
        ("pow", |i, a| binary(i, a, BinaryOp::Pow)),
        ("lshift", |i, a| binary(i, a, BinaryOp::LeftShift)),
        ("rshift", |i, a| binary(i, a, BinaryOp::RightShift)),
        ("and_", |i, a| binary(i, a, BinaryOp::And)),
        ("or_", |i, a| binary(i, a, BinaryOp::Or)),
        ("xor", |i, a| binary(i, a, BinaryOp::Xor)),
        ("concat", |i, a| binary(i, a, BinaryOp::Add)),
        ("iadd", |i, a| {
            let items = a.positional(i, "iadd", 2, 2)?;
            i.inplace(BinaryOp::Add, &items[0], &items[1])
        }),
        ("eq", |i, a| compare(i, a, CompareOp::Eq)),
        ("ne", |i, a| compare(i, a, CompareOp::NotEq)),
        ("lt", |i, a| compare(i, a, CompareOp::Less)),
        ("le", |i, a| compare(i, a, CompareOp::LessEq)),
        ("gt", |i, a| compare(i, a, CompareOp::Greater)),
        ("ge", |i, a| compare(i, a, CompareOp::GreaterEq)),
        ("is_", |i, a| compare(i, a, CompareOp::Is)),
        ("is_not", |i, a| compare(i, a, CompareOp::IsNot)),
        ("neg", |i, a| unary(i, a, UnaryOp::Negative)),
        ("pos", |i, a| unary(i, a, UnaryOp::Positive)),
        ("inv", |i, a| unary(i, a, UnaryOp::Invert)),
        ("invert", |i, a| unary(i, a, UnaryOp::Invert)),
        ("not_", |i, a| unary(i, a, UnaryOp::Not)),
        ("truth", |i, a| {
            let items = a.positional(i, "truth", 1, 1)?;
            Ok(Value::Bool(i.truth(&items[0])?))
        }),
        ("contains", |i, a| {
            let items = a.positional(i, "contains", 2, 2)?;
            Ok(Value::Bool(i.contains(&items[0], &items[1])?))
        }),
        ("getitem", |i, a| {
            let items = a.positional(i, "getitem", 2, 2)?;
            i.get_item(&items[0], &items[1])
        }),
        ("setitem", |i, a| {
            let items = a.positional(i, "setitem", 3, 3)?;
            i.set_item(&items[0], items[1].clone(), items[2].clone())?;
            Ok(Value::None)
        }),
        ("itemgetter", |i, a| getter(i, a, "itemgetter", get_items)),
        ("attrgetter", |i, a| getter(i, a, "attrgetter", get_attrs)),
        ("methodcaller", |i, a| {
            if a.items.is_empty() || !a.keywords.is_empty() {
                return Err(i.unsupported("`methodcaller` without a name or with arguments by name"));
            }
            Ok(with_state("methodcaller", a.items, call_method))
        }),
    ])
}

fn binary(interp: &mut Interp, args: Args, op: BinaryOp) -> Result {
    let items = args.positional(interp, op.method(), 2, 2)?;
    interp.binary(op, &items[0], &items[1])
}

fn compare(interp: &mut Interp, args: Args, op: CompareOp) -> Result {
    let items = args.positional(interp, "comparison", 2, 2)?;
    interp.compare(op, &items[0], &items[1])
}

fn unary(interp: &mut Interp, args: Args, op: UnaryOp) -> Result {
    let items = args.positional(interp, "operator", 1, 1)?;
    interp.unary(op, &items[0])
}

fn getter(interp: &mut Interp, args: Args, name: &'static str, call: crate::value::NativeFn) -> Result {
    let keys = args.positional(interp, name, 1, usize::MAX)?;
    Ok(with_state(name, keys, call))
}

fn get_items(interp: &mut Interp, mut args: Args) -> Result {
    let keys = state(interp, &mut args)?;
    let items = args.positional(interp, "itemgetter", 1, 1)?;
    let mut found = Vec::new();
    for key in &keys {
        found.push(interp.get_item(&items[0], key)?);
    }
    Ok(alone_or_tuple(found))
}

fn get_attrs(interp: &mut Interp, mut args: Args) -> Result {
    let paths = state(interp, &mut args)?;
    let items = args.positional(interp, "attrgetter", 1, 1)?;
    let mut found = Vec::new();
    for path in &paths {
        let Value::Str(path) = path else {
            return Err(interp.raise("TypeError", "attribute name must be a string"));
        };
        let mut value = items[0].clone();
        for name in path.split('.') {
            value = interp.get_attr(&value, name)?;
        }
        found.push(value);
    }
    Ok(alone_or_tuple(found))
}

fn call_method(interp: &mut Interp, mut args: Args) -> Result {
    let mut given = state(interp, &mut args)?;
    let items = args.positional(interp, "methodcaller", 1, 1)?;
    let name = interp.str_of(&given.remove(0))?;
    interp.call_method(&items[0], &name, given)
}

/// One value as it is, several as a tuple.
fn alone_or_tuple(mut found: Vec<Value>) -> Value {
    match found.pop() {
        Some(one) if found.is_empty() => one,
        Some(last) => {
            found.push(last);
            Value::tuple(found)
        }
        None => Value::None,
    }
}
