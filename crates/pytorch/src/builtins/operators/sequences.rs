//! `+` and `*` of lists, tuples, strings and bytes, and their forms in place.

use crate::ast::BinaryOp;
use crate::interp::{Interp, Result};
use crate::value::Value;

impl Interp {
    /// Joins or repeats sequences; `None` where that is not asked.
    pub(super) fn sequence_binary(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result<Option<Value>> {
        match op {
            BinaryOp::Add => self.join(a, b),
            BinaryOp::Mul => {
                let (sequence, count) = if is_sequence(a) { (a, b) } else { (b, a) };
                if !is_sequence(sequence) {
                    return Ok(None);
                }
                match self.try_integer(count)? {
                    Some(n) => self.repeat(sequence, usize::try_from(n).unwrap_or(0)).map(Some),
                    None => {
                        let found = self.type_name(count);
                        let message = format!("can't multiply sequence by non-int of type '{found}'");
                        Err(self.raise("TypeError", &message))
                    }
                }
            }
            _ => Ok(None),
        }
    }

    fn join(&mut self, a: &Value, b: &Value) -> Result<Option<Value>> {
        let joined = match (a, b) {
            (Value::Str(a), Value::Str(b)) => {
                self.charge(a.len() + b.len())?;
                Value::Str(format!("{a}{b}").into())
            }
            (Value::Bytes(a), Value::Bytes(b)) => {
                self.charge(a.len() + b.len())?;
                Value::Bytes([&a[..], &b[..]].concat().into())
            }
            (Value::List(a), Value::List(b)) => {
                self.charge(a.borrow().len() + b.borrow().len())?;
                let mut items = a.borrow().clone();
                items.extend(b.borrow().iter().cloned());
                Value::list(items)
            }
            (Value::Tuple(a), Value::Tuple(b)) => {
                self.charge(a.len() + b.len())?;
                Value::Tuple(a.iter().chain(b.iter()).cloned().collect())
            }
            (Value::Str(_) | Value::List(_) | Value::Tuple(_), _) => {
                let (kind, found) = (self.type_name(a), self.type_name(b));
                let message = format!("can only concatenate {kind} (not \"{found}\") to {kind}");
                let error = self.raise("TypeError", &message);
                let help = match (a, b) {
                    (Value::Str(_), Value::Int(_) | Value::Float(_)) => "write `str(…)` around the number",
                    (Value::List(_), Value::Tuple(_)) => "write `list(…)` around the tuple",
                    (Value::Tuple(_), Value::List(_)) => "write `tuple(…)` around the list",
                    (Value::List(_), _) => "a list of one item is written `[item]`",
                    _ => return Err(error),
                };
                return Err(error.teach(|t| t.helps.push(help.to_owned())));
            }
            _ => return Ok(None),
        };
        Ok(Some(joined))
    }

    fn repeat(&mut self, sequence: &Value, times: usize) -> Result {
        let len = self.len(sequence)?;
        let bytes = if let Value::Str(text) = sequence { text.len() } else { len };
        self.charge(bytes.saturating_mul(times))?;
        Ok(match sequence {
            Value::Str(text) => Value::str(&text.repeat(times)),
            Value::Bytes(bytes) => Value::Bytes(bytes.repeat(times).into()),
            Value::List(items) => {
                let items = items.borrow();
                Value::list(items.iter().cycle().take(items.len() * times).cloned().collect())
            }
            Value::Tuple(items) => {
                Value::Tuple(items.iter().cycle().take(items.len() * times).cloned().collect())
            }
            other => other.clone(),
        })
    }

    /// `a += b`, `a *= b`, `a |= b` … for what changes in place; `false` where a new value is to be made.
    pub(super) fn sequence_inplace(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result<bool> {
        match (a, op) {
            (Value::List(items), BinaryOp::Add) => {
                let new = self.collect(b)?;
                items.borrow_mut().extend(new);
                Ok(true)
            }
            (Value::List(items), BinaryOp::Mul) => {
                let Some(Value::List(new)) = self.sequence_binary(op, a, b)? else { return Ok(false) };
                let new = new.take();
                *items.borrow_mut() = new;
                Ok(true)
            }
            (Value::Dict(_) | Value::Set { frozen: false, .. }, _) => {
                let Some(new) = self.set_binary(op, a, &b.plain())? else { return Ok(false) };
                if let (
                    Value::Dict(place) | Value::Set { items: place, .. },
                    Value::Dict(new) | Value::Set { items: new, .. },
                ) = (a, &new)
                {
                    let map = std::mem::take(&mut new.borrow_mut().map);
                    place.borrow_mut().map = map;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

fn is_sequence(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_))
}
