//! `math`.

use super::super::numbers::Number;
use super::functions;
use crate::ast::BinaryOp;
use crate::interp::{Args, Interp, Result};
use crate::value::Value;

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let mut names = functions([
        ("floor", |i, a| whole(i, a, "__floor__", f64::floor)),
        ("ceil", |i, a| whole(i, a, "__ceil__", f64::ceil)),
        ("trunc", |i, a| whole(i, a, "__trunc__", f64::trunc)),
        ("sqrt", |i, a| real(i, a, "sqrt", f64::sqrt)),
        ("cbrt", |i, a| real(i, a, "cbrt", f64::cbrt)),
        ("exp", |i, a| real(i, a, "exp", f64::exp)),
        ("exp2", |i, a| real(i, a, "exp2", f64::exp2)),
        ("expm1", |i, a| real(i, a, "expm1", f64::exp_m1)),
        ("log", log),
        ("log2", |i, a| logarithm(i, a, "log2", f64::log2)),
        ("log10", |i, a| logarithm(i, a, "log10", f64::log10)),
        ("log1p", |i, a| real(i, a, "log1p", f64::ln_1p)),
        ("sin", |i, a| real(i, a, "sin", f64::sin)),
        ("cos", |i, a| real(i, a, "cos", f64::cos)),
        ("tan", |i, a| real(i, a, "tan", f64::tan)),
        ("asin", |i, a| real(i, a, "asin", f64::asin)),
        ("acos", |i, a| real(i, a, "acos", f64::acos)),
        ("atan", |i, a| real(i, a, "atan", f64::atan)),
        ("sinh", |i, a| real(i, a, "sinh", f64::sinh)),
        ("cosh", |i, a| real(i, a, "cosh", f64::cosh)),
        ("tanh", |i, a| real(i, a, "tanh", f64::tanh)),
        ("asinh", |i, a| real(i, a, "asinh", f64::asinh)),
        ("acosh", |i, a| real(i, a, "acosh", f64::acosh)),
        ("atanh", |i, a| real(i, a, "atanh", f64::atanh)),
        ("erf", |i, a| real(i, a, "erf", libm::erf)),
        ("erfc", |i, a| real(i, a, "erfc", libm::erfc)),
        ("gamma", |i, a| real(i, a, "gamma", libm::tgamma)),
        ("lgamma", |i, a| real(i, a, "lgamma", libm::lgamma)),
        ("fabs", |i, a| real(i, a, "fabs", f64::abs)),
        ("degrees", |i, a| real(i, a, "degrees", |x| x * (180.0 / std::f64::consts::PI))),
        ("radians", |i, a| real(i, a, "radians", |x| x * (std::f64::consts::PI / 180.0))),
        ("atan2", |i, a| real2(i, a, "atan2", f64::atan2)),
        ("copysign", |i, a| real2(i, a, "copysign", f64::copysign)),
        ("fmod", |i, a| real2(i, a, "fmod", |x, y| x % y)),
        ("pow", |i, a| real2(i, a, "pow", f64::powf)),
        ("hypot", hypot),
        ("dist", |i, a| {
            let items = a.positional(i, "dist", 2, 2)?;
            let (p, q) = (i.collect(&items[0])?, i.collect(&items[1])?);
            if p.len() != q.len() {
                return Err(i.raise("ValueError", "both points must have the same number of dimensions"));
            }
            let mut sum: f64 = 0.0;
            for (p, q) in p.iter().zip(&q) {
                sum = sum.hypot(float(i, p)? - float(i, q)?);
            }
            Ok(Value::Float(sum))
        }),
        ("isnan", |i, a| test(i, a, "isnan", f64::is_nan)),
        ("isinf", |i, a| test(i, a, "isinf", f64::is_infinite)),
        ("isfinite", |i, a| test(i, a, "isfinite", f64::is_finite)),
        ("isclose", isclose),
        ("gcd", |i, a| folded(i, a, "gcd", 0, |x, y| i64::try_from(gcd(x, y)).ok())),
        ("lcm", |i, a| folded(i, a, "lcm", 1, lcm)),
        ("isqrt", |i, a| {
            let [n] = integers(i, a, "isqrt")?;
            match u64::try_from(n) {
                Ok(n) => Ok(Value::Int(n.isqrt() as i64)),
                Err(_) => Err(i.raise("ValueError", "isqrt() argument must be nonnegative")),
            }
        }),
        ("factorial", |i, a| {
            let [n] = integers(i, a, "factorial")?;
            if n < 0 {
                return Err(i.raise("ValueError", "factorial() not defined for negative values"));
            }
            product(i, 1..=n, "factorial")
        }),
        ("comb", comb),
        ("perm", perm),
        ("prod", prod),
        ("fsum", fsum),
        ("modf", |i, a| {
            let [x] = floats(i, a, "modf")?;
            let rest = if x.is_infinite() { 0.0_f64.copysign(x) } else { (x - x.trunc()).copysign(x) };
            Ok(Value::tuple(vec![Value::Float(rest), Value::Float(x.trunc())]))
        }),
    ]);
    names.extend([
        ("pi", Value::Float(std::f64::consts::PI)),
        ("e", Value::Float(std::f64::consts::E)),
        ("tau", Value::Float(std::f64::consts::TAU)),
        ("inf", Value::Float(f64::INFINITY)),
        ("nan", Value::Float(f64::NAN)),
    ]);
    names
}

fn float(interp: &mut Interp, value: &Value) -> Result<f64> {
    match interp.real(value)? {
        Some(number) => Ok(number.float()),
        None => {
            let found = interp.type_name(value);
            Err(interp.raise("TypeError", &format!("must be real number, not {found}")))
        }
    }
}

fn floats<const N: usize>(interp: &mut Interp, args: Args, name: &str) -> Result<[f64; N]> {
    let items = args.positional(interp, name, N, N)?;
    let mut numbers = [0.0; N];
    for (number, item) in numbers.iter_mut().zip(&items) {
        *number = float(interp, item)?;
    }
    Ok(numbers)
}

fn integers<const N: usize>(interp: &mut Interp, args: Args, name: &str) -> Result<[i64; N]> {
    let items = args.positional(interp, name, N, N)?;
    let mut numbers = [0; N];
    for (number, item) in numbers.iter_mut().zip(&items) {
        *number = interp.integer(item)?;
    }
    Ok(numbers)
}

/// The result of a function; an error where numbers that are finite give none.
fn checked(interp: &mut Interp, result: f64, is_finite: bool) -> Result {
    if result.is_nan() && is_finite {
        return Err(interp.raise("ValueError", "math domain error"));
    }
    if result.is_infinite() && is_finite {
        return Err(interp.raise("OverflowError", "math range error"));
    }
    Ok(Value::Float(result))
}

fn real(interp: &mut Interp, args: Args, name: &str, function: fn(f64) -> f64) -> Result {
    let [x] = floats(interp, args, name)?;
    if x.is_infinite() && function(x).is_nan() {
        return Err(interp.raise("ValueError", "math domain error"));
    }
    checked(interp, function(x), x.is_finite())
}

fn real2(interp: &mut Interp, args: Args, name: &str, function: fn(f64, f64) -> f64) -> Result {
    let [x, y] = floats(interp, args, name)?;
    if name == "pow" && x == 0.0 && y < 0.0 {
        return Err(interp.raise("ValueError", "math domain error"));
    }
    checked(interp, function(x, y), x.is_finite() && y.is_finite())
}

fn test(interp: &mut Interp, args: Args, name: &str, holds: fn(f64) -> bool) -> Result {
    let [x] = floats(interp, args, name)?;
    Ok(Value::Bool(holds(x)))
}

/// `floor` and its kin, which give integers.
fn whole(interp: &mut Interp, args: Args, method: &str, function: fn(f64) -> f64) -> Result {
    let items = args.positional(interp, method.trim_matches('_'), 1, 1)?;
    if let Some(result) = interp.try_special(&items[0], method, Vec::new())? {
        return Ok(result);
    }
    match Number::of(&items[0]) {
        Some(Number::Int(n)) => Ok(Value::Int(n)),
        _ => {
            let x = float(interp, &items[0])?;
            Ok(Value::Int(interp.truncate(function(x))?))
        }
    }
}

fn logarithm(interp: &mut Interp, args: Args, name: &str, function: fn(f64) -> f64) -> Result {
    let [x] = floats(interp, args, name)?;
    if x <= 0.0 {
        return Err(interp.raise("ValueError", "math domain error"));
    }
    Ok(Value::Float(function(x)))
}

fn log(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "log", 1, 2)?;
    let mut logs = Vec::new();
    for item in &items {
        let x = float(interp, item)?;
        if x <= 0.0 {
            return Err(interp.raise("ValueError", "math domain error"));
        }
        logs.push(x.ln());
    }
    match logs[..] {
        [x] => Ok(Value::Float(x)),
        [_, 0.0] => Err(interp.raise("ZeroDivisionError", "float division by zero")),
        _ => Ok(Value::Float(logs[0] / logs[1])),
    }
}

fn hypot(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "hypot", 0, usize::MAX)?;
    let mut sum: f64 = 0.0;
    for item in &items {
        sum = sum.hypot(float(interp, item)?);
    }
    Ok(Value::Float(sum))
}

fn isclose(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "isclose", &["a", "b", "rel_tol", "abs_tol"], 2)?;
    let mut numbers = [0.0, 0.0, 1e-9, 0.0];
    for (at, number) in numbers.iter_mut().enumerate() {
        if let Some(value) = bound.take(at) {
            *number = float(interp, &value)?;
        }
    }
    let [a, b, relative, absolute] = numbers;
    if a == b {
        return Ok(Value::Bool(true));
    }
    if a.is_infinite() || b.is_infinite() {
        return Ok(Value::Bool(false));
    }
    let distance = (a - b).abs();
    Ok(Value::Bool(distance <= relative * a.abs().max(b.abs()) || distance <= absolute))
}

fn gcd(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i64, b: i64) -> Option<i64> {
    match gcd(a, b) {
        0 => Some(0),
        divisor => {
            i64::try_from((u128::from(a.unsigned_abs()) / u128::from(divisor)) * u128::from(b.unsigned_abs()))
                .ok()
        }
    }
}

fn folded(
    interp: &mut Interp,
    args: Args,
    name: &str,
    start: i64,
    fold: fn(i64, i64) -> Option<i64>,
) -> Result {
    let mut result = start;
    for item in args.positional(interp, name, 0, usize::MAX)? {
        let n = interp.integer(&item)?;
        result = match fold(result, n) {
            Some(n) => n,
            None => return Err(interp.too_large(name)),
        };
    }
    Ok(Value::Int(result))
}

fn product(interp: &mut Interp, range: impl Iterator<Item = i64>, what: &str) -> Result {
    let mut result: i64 = 1;
    for n in range {
        interp.step()?;
        result = match result.checked_mul(n) {
            Some(n) => n,
            None => return Err(interp.too_large(what)),
        };
    }
    Ok(Value::Int(result))
}

fn comb(interp: &mut Interp, args: Args) -> Result {
    let [n, k] = integers(interp, args, "comb")?;
    if n < 0 || k < 0 {
        return Err(interp.raise("ValueError", "n must be a non-negative integer"));
    }
    if k > n {
        return Ok(Value::Int(0));
    }
    let mut result: i128 = 1;
    for i in 0..k.min(n - k) {
        interp.step()?;
        result = result * i128::from(n - i) / i128::from(i + 1);
        if result > i128::from(i64::MAX) {
            return Err(interp.too_large(&format!("comb({n}, {k})")));
        }
    }
    Ok(Value::Int(result as i64))
}

fn perm(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "perm", 1, 2)?;
    let n = interp.integer(&items[0])?;
    let k = match items.get(1) {
        None | Some(Value::None) => n,
        Some(k) => interp.integer(k)?,
    };
    if n < 0 || k < 0 {
        return Err(interp.raise("ValueError", "n must be a non-negative integer"));
    }
    if k > n {
        return Ok(Value::Int(0));
    }
    product(interp, (n - k + 1)..=n, "perm")
}

fn prod(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "prod", &["iterable", "start"], 1)?;
    let items = bound.required(0);
    let mut total = bound.take(1).unwrap_or(Value::Int(1));
    let iterator = interp.iter(&items)?;
    while let Some(item) = interp.next(&iterator)? {
        total = interp.binary(BinaryOp::Mul, &total, &item)?;
    }
    Ok(total)
}

/// The exact sum, rounded once: partial sums that do not overlap (Shewchuk 1997).
fn fsum(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "fsum", 1, 1)?;
    let mut partials: Vec<f64> = Vec::new();
    for item in interp.collect(&items[0])? {
        let mut x = float(interp, &item)?;
        interp.work(partials.len() * 64)?;
        let mut kept = Vec::new();
        for &partial in &partials {
            let mut y = partial;
            if x.abs() < y.abs() {
                (x, y) = (y, x);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                kept.push(low);
            }
            x = high;
        }
        kept.push(x);
        partials = kept;
    }
    // From the largest down; what is left decides a tie.
    let mut rest = partials.into_iter().rev();
    let mut high = rest.next().unwrap_or(0.0);
    let mut low = 0.0;
    for y in rest.by_ref() {
        let x = high;
        high = x + y;
        low = y - (high - x);
        if low != 0.0 {
            break;
        }
    }
    if let Some(next) = rest.next()
        && (low < 0.0 && next < 0.0 || low > 0.0 && next > 0.0)
    {
        let twice = low * 2.0;
        let sum = high + twice;
        if twice == sum - high {
            high = sum;
        }
    }
    Ok(Value::Float(high))
}
