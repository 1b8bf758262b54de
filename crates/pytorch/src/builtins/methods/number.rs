//! Methods of integers and floats.

use super::super::numbers::Number;
use super::{native, wrong_receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Native, Value};

pub(super) fn method(name: &str, is_float: bool) -> Option<Native> {
    Some(match (name, is_float) {
        ("bit_length", false) => {
            native("int.bit_length", |i, a| int(i, a, "int.bit_length", |n| 64 - n.leading_zeros()))
        }
        ("bit_count", false) => native("int.bit_count", |i, a| int(i, a, "int.bit_count", u64::count_ones)),
        ("is_integer", true) => native("float.is_integer", |interp, mut args| {
            let number = receiver(interp, &mut args, "float.is_integer")?.float();
            args.positional(interp, "float.is_integer", 0, 0)?;
            Ok(Value::Bool(number.is_finite() && number.fract() == 0.0))
        }),
        ("conjugate", _) => native("int.conjugate", |interp, mut args| {
            Ok(match receiver(interp, &mut args, "int.conjugate")? {
                Number::Int(n) => Value::Int(n),
                Number::Float(x) => Value::Float(x),
            })
        }),
        ("as_integer_ratio", false) => native("int.as_integer_ratio", |interp, mut args| {
            match receiver(interp, &mut args, "int.as_integer_ratio")? {
                Number::Int(n) => Ok(Value::tuple(vec![Value::Int(n), Value::Int(1)])),
                Number::Float(_) => Err(interp.unsupported("`float.as_integer_ratio`")),
            }
        }),
        _ => return None,
    })
}

fn receiver(interp: &mut Interp, args: &mut Args, name: &str) -> Result<Number> {
    let value = args.receiver(interp, name)?;
    match Number::of(&value) {
        Some(number) => Ok(number),
        None => Err(wrong_receiver(interp, name, &value)),
    }
}

fn int(interp: &mut Interp, mut args: Args, name: &str, count: fn(u64) -> u32) -> Result {
    let number = receiver(interp, &mut args, name)?;
    args.positional(interp, name, 0, 0)?;
    match number {
        Number::Int(n) => Ok(Value::Int(i64::from(count(n.unsigned_abs())))),
        Number::Float(x) => Err(wrong_receiver(interp, name, &Value::Float(x))),
    }
}
