//! Functions of numbers: `abs`, `round`, `divmod`, `pow`, `bin` …

use super::super::numbers::{Number, power_mod};
use super::sequences::one;
use crate::ast::BinaryOp;
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let functions: [(&'static str, NativeFn); 9] = [
        ("abs", abs),
        ("round", round),
        ("divmod", divmod),
        ("pow", pow),
        ("bin", |i, a| in_base(i, a, "bin", "#b")),
        ("hex", |i, a| in_base(i, a, "hex", "#x")),
        ("oct", |i, a| in_base(i, a, "oct", "#o")),
        ("chr", chr),
        ("ord", ord),
    ];
    functions.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

fn abs(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "abs")?;
    if let Some(result) = interp.try_special(&value, "__abs__", Vec::new())? {
        return Ok(result);
    }
    match Number::of(&value) {
        Some(Number::Int(n)) => match n.checked_abs() {
            Some(n) => Ok(Value::Int(n)),
            None => Err(interp.too_large(&format!("abs({n})"))),
        },
        Some(Number::Float(x)) => Ok(Value::Float(x.abs())),
        None => match &value {
            Value::Tensor(_) => interp.call_method(&value, "abs", Vec::new()),
            Value::Opaque(opaque) => {
                let path = opaque.path.clone();
                Ok(interp.opaque(&path))
            }
            _ => {
                let found = interp.type_name(&value);
                Err(interp.raise("TypeError", &format!("bad operand type for abs(): '{found}'")))
            }
        },
    }
}

fn round(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "round", &["number", "ndigits"], 1)?;
    let (value, digits) = (bound.required(0), bound.some(1));
    let given: Vec<Value> = digits.iter().cloned().collect();
    if let Some(result) = interp.try_special(&value, "__round__", given)? {
        return Ok(result);
    }
    let digits = match digits {
        Some(digits) => Some(interp.integer(&digits)?),
        None => None,
    };
    let value =
        if let Value::Tensor(_) = value { interp.call_method(&value, "item", Vec::new())? } else { value };
    match (Number::of(&value), digits) {
        (Some(Number::Int(n)), Some(digits)) if digits < 0 => round_int(interp, n, digits),
        (Some(Number::Int(n)), _) => Ok(Value::Int(n)),
        (Some(Number::Float(x)), None) => Ok(Value::Int(interp.truncate(x.round_ties_even())?)),
        (Some(Number::Float(x)), Some(digits)) => Ok(Value::Float(interp.round_float(x, digits))),
        (None, _) => {
            if let Value::Opaque(opaque) = &value {
                let path = opaque.path.clone();
                return Ok(interp.opaque(&path));
            }
            let found = interp.type_name(&value);
            Err(interp.raise("TypeError", &format!("type {found} doesn't define __round__ method")))
        }
    }
}

/// An integer to tens, hundreds …; halves to even.
fn round_int(interp: &mut Interp, n: i64, digits: i64) -> Result {
    if digits < -18 {
        return Ok(Value::Int(0));
    }
    let unit = 10_i128.pow(digits.unsigned_abs() as u32);
    let (low, rest) = (i128::from(n).div_euclid(unit), i128::from(n).rem_euclid(unit));
    let up = match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => low % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    match i64::try_from((low + i128::from(up)) * unit) {
        Ok(n) => Ok(Value::Int(n)),
        Err(_) => Err(interp.too_large(&format!("round({n}, {digits})"))),
    }
}

fn divmod(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "divmod", 2, 2)?;
    if let (Some(a), Some(b)) = (Number::of(&items[0]), Number::of(&items[1]))
        && matches!((a, b), (Number::Float(_), _) | (_, Number::Float(_)))
        && b.float() == 0.0
    {
        return Err(interp.raise("ZeroDivisionError", "float divmod()"));
    }
    let quotient = interp.binary(BinaryOp::FloorDiv, &items[0], &items[1])?;
    let rest = interp.binary(BinaryOp::Mod, &items[0], &items[1])?;
    Ok(Value::tuple(vec![quotient, rest]))
}

fn pow(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "pow", &["base", "exp", "mod"], 1)?;
    let (base, exponent) = (bound.required(0), bound.required(1));
    let Some(modulus) = bound.some(2) else { return interp.binary(BinaryOp::Pow, &base, &exponent) };
    let (base, exponent, modulus) =
        (interp.integer(&base)?, interp.integer(&exponent)?, interp.integer(&modulus)?);
    match (exponent, modulus) {
        (_, 0) => Err(interp.raise("ValueError", "pow() 3rd argument cannot be 0")),
        (..0, _) => Err(interp.unsupported("`pow` with a negative exponent and a modulus")),
        _ => Ok(Value::Int(power_mod(base, exponent, modulus))),
    }
}

fn in_base(interp: &mut Interp, args: Args, name: &str, format: &str) -> Result {
    let value = one(interp, args, name)?;
    let n = interp.integer(&value)?;
    Ok(Value::str(&interp.format_value(&Value::Int(n), format)?))
}

fn chr(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "chr")?;
    let n = interp.integer(&value)?;
    match u32::try_from(n).ok().and_then(char::from_u32) {
        Some(c) => Ok(Value::str(c.encode_utf8(&mut [0; 4]))),
        None => Err(interp.raise("ValueError", "chr() arg not in range(0x110000)")),
    }
}

fn ord(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "ord")?;
    let Value::Str(text) = value.plain() else {
        let found = interp.type_name(&value);
        let message = format!("ord() expected string of length 1, but {found} found");
        return Err(interp.raise("TypeError", &message));
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
        _ => {
            let found = text.chars().count();
            let message = format!("ord() expected a character, but string of length {found} found");
            Err(interp.raise("TypeError", &message))
        }
    }
}
