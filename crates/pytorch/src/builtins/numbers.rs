//! Arithmetic of numbers, with Python's signs and messages. Integers have 64 bits: a result beyond is an error.

use crate::ast::BinaryOp;
use crate::interp::{Interp, Result, Thrown};
use crate::value::Value;

/// A number of either kind; a bool is an integer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// A value as a number, if it is one.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(Self::Int(i64::from(*b))),
            Value::Int(n) => Some(Self::Int(*n)),
            Value::Float(x) => Some(Self::Float(*x)),
            Value::Instance(_) => match value.plain() {
                Value::Instance(_) => None,
                plain => Self::of(&plain),
            },
            _ => None,
        }
    }

    /// As a float.
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }
}

impl Interp {
    /// An integer that does not fit.
    pub(crate) fn too_large(&mut self, what: &str) -> Box<Thrown> {
        self.raise("OverflowError", &format!("the result of {what} does not fit in 64 bits")).teach(|t| {
            t.helps.push("convnet's integers have 64 bits: use floats for larger numbers".to_owned());
        })
    }

    fn zero_division(&mut self, message: &str) -> Box<Thrown> {
        self.raise("ZeroDivisionError", message).teach(|t| {
            t.label = Some("what stands behind the division is 0 here".to_owned());
            t.helps.push(
                "sizes, channels and numbers of classes are 1 or more: see where the 0 comes from".to_owned(),
            );
        })
    }

    /// An operator between numbers; `None` where Python has none.
    ///
    /// # Errors
    /// ZeroDivisionError, OverflowError, ValueError as in Python.
    pub(crate) fn number_binary(&mut self, op: BinaryOp, a: Number, b: Number) -> Result<Option<Value>> {
        match (a, b) {
            (Number::Int(a), Number::Int(b)) => self.int_binary(op, a, b),
            _ => self.float_binary(op, a.float(), b.float()),
        }
    }

    fn int_binary(&mut self, op: BinaryOp, a: i64, b: i64) -> Result<Option<Value>> {
        let result = match op {
            BinaryOp::Add => a.checked_add(b),
            BinaryOp::Sub => a.checked_sub(b),
            BinaryOp::Mul => a.checked_mul(b),
            BinaryOp::Div if b == 0 => return Err(self.zero_division("division by zero")),
            BinaryOp::Div => return Ok(Some(Value::Float(a as f64 / b as f64))),
            BinaryOp::FloorDiv if b == 0 => {
                return Err(self.zero_division("integer division or modulo by zero"));
            }
            BinaryOp::FloorDiv => floor_div(a, b),
            BinaryOp::Mod if b == 0 => return Err(self.zero_division("integer modulo by zero")),
            BinaryOp::Mod => Some(floor_mod(a, b)),
            BinaryOp::Pow if b < 0 => return self.float_binary(op, a as f64, b as f64),
            BinaryOp::Pow => power(a, b),
            BinaryOp::LeftShift | BinaryOp::RightShift if b < 0 => {
                return Err(self.raise("ValueError", "negative shift count"));
            }
            BinaryOp::LeftShift if a == 0 => Some(0),
            BinaryOp::LeftShift if b > 63 => None,
            BinaryOp::LeftShift => i64::try_from(i128::from(a) << b).ok(),
            BinaryOp::RightShift => Some(a >> b.min(63)),
            BinaryOp::And => Some(a & b),
            BinaryOp::Or => Some(a | b),
            BinaryOp::Xor => Some(a ^ b),
            BinaryOp::MatMul => return Ok(None),
        };
        match result {
            Some(n) => Ok(Some(Value::Int(n))),
            None => Err(self.too_large(&format!("{a} {} {b}", op.symbol()))),
        }
    }

    fn float_binary(&mut self, op: BinaryOp, a: f64, b: f64) -> Result<Option<Value>> {
        let result = match op {
            BinaryOp::Add => a + b,
            BinaryOp::Sub => a - b,
            BinaryOp::Mul => a * b,
            BinaryOp::Div if b == 0.0 => return Err(self.zero_division("float division by zero")),
            BinaryOp::Div => a / b,
            BinaryOp::FloorDiv if b == 0.0 => return Err(self.zero_division("float floor division by zero")),
            BinaryOp::FloorDiv => float_div_mod(a, b).0,
            BinaryOp::Mod if b == 0.0 => return Err(self.zero_division("float modulo")),
            BinaryOp::Mod => float_div_mod(a, b).1,
            BinaryOp::Pow if a == 0.0 && b < 0.0 => {
                return Err(self.zero_division("0.0 cannot be raised to a negative power"));
            }
            BinaryOp::Pow if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 => {
                let message = "a negative number to a fractional power is complex, which convnet's Python does not know";
                return Err(self.raise("ValueError", message));
            }
            BinaryOp::Pow => {
                let result = a.powf(b);
                if result.is_infinite() && a.is_finite() && b.is_finite() {
                    return Err(self.raise("OverflowError", "(34, 'Numerical result out of range')"));
                }
                result
            }
            _ => return Ok(None),
        };
        Ok(Some(Value::Float(result)))
    }

    /// `round(x, digits)` of a float: to the nearest, halves to even, of the number's exact value.
    pub(crate) fn round_float(&mut self, x: f64, digits: i64) -> f64 {
        if !x.is_finite() || digits > 330 {
            return x;
        }
        if digits < -310 {
            return 0.0_f64.copysign(x);
        }
        if digits >= 0 {
            let digits = digits as usize;
            return format!("{x:.digits$}").parse().unwrap_or(x);
        }
        let scale = 10_f64.powi(-digits as i32);
        (x / scale).round_ties_even() * scale
    }
}

/// `a // b` with b not 0.
pub(crate) fn floor_div(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

/// `a % b` with b not 0: it has the sign of b.
pub(crate) fn floor_mod(a: i64, b: i64) -> i64 {
    let rest = a.checked_rem(b).unwrap_or(0);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

/// `a // b` and `a % b` of floats, b not 0.
pub(crate) fn float_div_mod(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(a / b), rest);
    }
    let mut floor = quotient.floor();
    if quotient - floor > 0.5 {
        floor += 1.0;
    }
    (floor, rest)
}

/// `a ** b` with b not negative.
pub(crate) fn power(a: i64, b: i64) -> Option<i64> {
    match a {
        0 => Some(i64::from(b == 0)),
        1 => Some(1),
        -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => a.checked_pow(u32::try_from(b).ok()?),
    }
}

/// `pow(a, b, m)` with b not negative and m not 0.
pub(crate) fn power_mod(a: i64, b: i64, m: i64) -> i64 {
    let modulus = i128::from(m);
    let (mut base, mut exponent, mut result) = (i128::from(a).rem_euclid(modulus), b, 1_i128);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = (result * base).rem_euclid(modulus);
        }
        base = (base * base).rem_euclid(modulus);
        exponent >>= 1;
    }
    floor_mod(result.rem_euclid(modulus) as i64, m)
}

#[cfg(test)]
mod tests {
    use super::{float_div_mod, floor_div, floor_mod, power, power_mod};

    #[test]
    fn signs_are_pythons() {
        for (a, b, quotient, rest) in
            [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, 3, 2, 0), (-6, 3, -2, 0)]
        {
            assert_eq!((floor_div(a, b), floor_mod(a, b)), (Some(quotient), rest), "{a} {b}");
        }
        assert_eq!((floor_div(i64::MIN, -1), floor_mod(i64::MIN, -1)), (None, 0));
        for (a, b, quotient, rest) in [
            (7.5, 2.0, 3.0, 1.5),
            (-7.5, 2.0, -4.0, 0.5),
            (7.5, -2.0, -4.0, -0.5),
            (1.0, 0.1, 9.0, 0.09999999999999995),
        ] {
            assert_eq!(float_div_mod(a, b), (quotient, rest), "{a} {b}");
        }
    }

    #[test]
    fn powers_stop_at_64_bits() {
        assert_eq!(power(2, 62), Some(1 << 62));
        assert_eq!(power(2, 63), None);
        assert_eq!(power(-2, 63), Some(i64::MIN));
        assert_eq!(power(10, 10_000_000_000), None);
        assert_eq!(power(-1, i64::MAX), Some(-1));
        assert_eq!(power(0, 0), Some(1));
        assert_eq!((power_mod(2, 10, 7), power_mod(3, 200, 13), power_mod(2, 3, -5)), (2, 9, -2));
    }
}
