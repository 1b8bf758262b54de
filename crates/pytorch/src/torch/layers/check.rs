//! What the constructors of layers take, checked where they are called.

use std::rc::Rc;

use crate::interp::{Interp, Result, Thrown};
use crate::source::Span;
use crate::value::{Instance, Value};

/// A layer's constructor that is being run.
pub(super) struct Layer {
    pub(super) instance: Rc<Instance>,
    /// `Conv2d`, also in the constructor of a class that derives from it.
    pub(super) name: String,
}

impl Layer {
    /// Sets an attribute of the layer.
    pub(super) fn set(&self, name: &str, value: Value) {
        self.instance.attrs.borrow_mut().insert(name.into(), value);
    }

    /// An error about one argument, with the constructor's signature.
    pub(super) fn wrong(
        &self,
        interp: &mut Interp,
        parameter: &str,
        class: &str,
        message: &str,
        helps: Vec<String>,
    ) -> Box<Thrown> {
        let span = interp.argument_span(parameter);
        let signature = signature(interp);
        interp.raise(class, message).teach(|t| {
            t.code = "argument";
            t.span = span;
            t.notes.extend(signature.map(|signature| format!("it is {signature}")));
            t.helps.extend(helps);
        })
    }

    /// The error for a value of another type.
    fn mistyped(&self, interp: &mut Interp, parameter: &str, wanted: &str, value: &Value) -> Box<Thrown> {
        if let Value::Opaque(opaque) = value {
            return interp.opaque_error(opaque, &format!("{parameter} of {}", self.name));
        }
        let found = interp.repr(value).unwrap_or_default();
        let found: String = found.chars().take(60).collect();
        let kind = interp.type_name(value);
        let message = if matches!(value, Value::None) {
            format!("{}: {parameter} must be {wanted}, got None", self.name)
        } else {
            format!("{}: {parameter} must be {wanted}, got {found} ({kind})", self.name)
        };
        let written = interp.argument_span(parameter).map(|span| interp.sources.text(span).trim().to_owned());
        let helps = match (value, written) {
            (Value::Float(_), Some(text)) if text.contains('/') && !text.contains("//") => {
                vec![format!("`/` always gives a float: write `{}`", text.replace('/', "//"))]
            }
            (Value::Float(x), _) if x.fract() == 0.0 && x.abs() < 1e15 => {
                vec![format!(
                    "write {} without a decimal point; a quotient of integers is `a // b`",
                    *x as i64
                )]
            }
            (Value::Float(_), _) => {
                vec!["a quotient of integers is `a // b`; int(x) rounds toward zero".into()]
            }
            (Value::Str(text), _) if text.parse::<i64>().is_ok() => {
                vec![format!("write {text} without quotes")]
            }
            (Value::Str(_), _) => vec![
                "a number is expected, and this is a text; two texts side by side are one: `\"M\" \"M\"`, without its \
                 comma, is `\"MM\"`"
                    .into(),
            ],
            (Value::None, _) => vec!["it is `None`: does the function that gives it `return` it?".into()],
            (Value::List(_) | Value::Tuple(_), _) => vec!["take one of its items: `sizes[0]`".into()],
            (Value::Tensor(_), _) => {
                vec![
                    "is a tensor given to the constructor? A layer is made first and called then: `layer(x)`"
                        .into(),
                ]
            }
            (Value::Instance(instance), _) if interp.is_module(instance) => {
                let hint = format!("is a star or a bracket missing? A layer is no {parameter}");
                vec![hint]
            }
            _ => Vec::new(),
        };
        self.wrong(interp, parameter, "TypeError", &message, helps)
    }

    /// An integer.
    pub(super) fn integer(&self, interp: &mut Interp, parameter: &str, value: &Value) -> Result<i64> {
        match value {
            Value::Int(n) => Ok(*n),
            Value::Bool(b) => Ok(i64::from(*b)),
            other => Err(self.mistyped(interp, parameter, "an integer", other)),
        }
    }

    /// An integer of at least `least`.
    pub(super) fn at_least(
        &self,
        interp: &mut Interp,
        parameter: &str,
        value: &Value,
        least: i64,
    ) -> Result<i64> {
        let n = self.integer(interp, parameter, value)?;
        self.in_range(interp, parameter, n, least)
    }

    fn in_range(&self, interp: &mut Interp, parameter: &str, n: i64, least: i64) -> Result<i64> {
        if n < least {
            let message = format!("{}: {parameter} must be at least {least}, got {n}", self.name);
            let helps = match parameter {
                "stride" => vec!["a stride of 1 keeps the size, one of 2 halves it".into()],
                _ => Vec::new(),
            };
            return Err(self.wrong(interp, parameter, "ValueError", &message, helps));
        }
        if n > MOST {
            let message = format!("{}: {parameter} must be at most {MOST}, got {n}", self.name);
            return Err(self.wrong(interp, parameter, "ValueError", &message, Vec::new()));
        }
        Ok(n)
    }

    /// An integer, or one for the height and one for the width.
    pub(super) fn pair(
        &self,
        interp: &mut Interp,
        parameter: &str,
        value: &Value,
        least: i64,
    ) -> Result<(i64, i64)> {
        let items: Vec<Value> = match value.plain() {
            Value::Tuple(items) => items.to_vec(),
            Value::List(items) => items.borrow().clone(),
            Value::Int(_) | Value::Bool(_) => {
                let n = self.at_least(interp, parameter, value, least)?;
                return Ok((n, n));
            }
            _ => return Err(self.mistyped(interp, parameter, "an integer or a pair of them", value)),
        };
        let (height, width) = match items.as_slice() {
            [both] => (both, both),
            [height, width] => (height, width),
            _ => {
                let message = format!(
                    "{}: {parameter} must be an integer or a pair (height, width), got {} numbers",
                    self.name,
                    items.len()
                );
                return Err(self.wrong(interp, parameter, "ValueError", &message, Vec::new()));
            }
        };
        Ok((
            self.at_least(interp, parameter, height, least)?,
            self.at_least(interp, parameter, width, least)?,
        ))
    }

    /// A number.
    pub(super) fn number(&self, interp: &mut Interp, parameter: &str, value: &Value) -> Result<f64> {
        match value {
            Value::Float(x) => Ok(*x),
            Value::Int(n) => Ok(*n as f64),
            Value::Bool(b) => Ok(f64::from(u8::from(*b))),
            other => Err(self.mistyped(interp, parameter, "a number", other)),
        }
    }
}

/// The largest number of channels, features or pixels that a layer may have.
const MOST: i64 = 1 << 40;

/// The signature of the constructor that is being run, as it stands in the vocabulary.
fn signature(interp: &Interp) -> Option<String> {
    let class = interp.frames.last()?.class.clone()?;
    let init = class.attrs.borrow().get("__init__").cloned();
    let Some(Value::Function(function)) = init else { return None };
    Some(crate::interp::signature(interp.sources.text(function.def.span), &class.name))
}

/// A divisor of `n` near to `wanted`: the next below and the next above.
pub(super) fn near_divisors(n: i64, wanted: i64) -> Vec<i64> {
    let wanted = wanted.clamp(1, n.max(1));
    let below = (1..=wanted).rev().take(100_000).find(|d| n % d == 0);
    let above = (wanted + 1..=n).take(100_000).find(|d| n % d == 0);
    below.into_iter().chain(above).collect()
}

/// Where a value was made, in the user's code.
pub(super) fn made(interp: &Interp) -> Option<Span> {
    Some(interp.site())
}

#[cfg(test)]
mod tests {
    use super::near_divisors;

    #[test]
    fn divisors_near_a_number() {
        assert_eq!(near_divisors(64, 3), [2, 4]);
        assert_eq!(near_divisors(7, 3), [1, 7]);
        assert_eq!(near_divisors(6, 9), [6]);
    }
}
