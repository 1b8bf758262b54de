//! Operators between values: special methods first, then what the built-in types do.

mod compare;
mod contents;
mod index;
mod items;
mod sequences;
mod sets;

pub(crate) use sets::{combine, set_of};

use std::rc::Rc;

use super::numbers::Number;
use crate::ast::{BinaryOp, UnaryOp};
use crate::interp::{Interp, Result, Thrown};
use crate::value::{Dict, Opaque, Value};

/// The unknown value among some, if there is one.
pub(crate) fn opaque_among<'a>(values: &[&'a Value]) -> Option<&'a Rc<Opaque>> {
    values.iter().find_map(|value| match value {
        Value::Opaque(opaque) => Some(opaque),
        _ => None,
    })
}

impl Interp {
    /// `a op b`.
    ///
    /// # Errors
    /// TypeError where the operator is not defined, and what it raises itself.
    pub(crate) fn binary(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result {
        if let (Some(x), Some(y)) = (plain_number(a), plain_number(b))
            && let Some(result) = self.number_result(op, a, b, x, y)?
        {
            return Ok(result);
        }
        if let Some(result) = self.binary_special(op, a, b)? {
            return Ok(result);
        }
        if let Some(opaque) = opaque_among(&[a, b]) {
            let path = opaque.path.clone();
            return Ok(self.opaque(&path));
        }
        let (x, y) = (self.operand(a)?, self.operand(b)?);
        if op == BinaryOp::Mod && matches!(x, Value::Str(_)) {
            return self.percent_format(&x, b);
        }
        if matches!(x, Value::Tensor(_)) || matches!(y, Value::Tensor(_)) {
            return match self.tensor_binary(op, &x, &y)? {
                Value::NotImplemented => {
                    let error = self.unsupported_operands(op.symbol(), a, b);
                    Err(self.teach_operands(error, op, a, b))
                }
                result => Ok(result),
            };
        }
        if let (Some(m), Some(n)) = (Number::of(&x), Number::of(&y))
            && let Some(result) = self.number_result(op, &x, &y, m, n)?
        {
            return Ok(result);
        }
        if let Some(result) = self.sequence_binary(op, &x, &y)? {
            return Ok(result);
        }
        if let Some(result) = self.set_binary(op, &x, &y)? {
            return Ok(result);
        }
        if op == BinaryOp::Or
            && let Some(union) = class_union(&x, &y)
        {
            return Ok(union);
        }
        let error = self.unsupported_operands(op.symbol(), a, b);
        Err(self.teach_operands(error, op, a, b))
    }

    /// `a op= b`: what the name is bound to then. Lists, sets and dicts are changed in place.
    ///
    /// # Errors
    /// As [`Interp::binary`].
    pub(crate) fn inplace(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result {
        if let Value::Instance(_) = a
            && let Some(result) = self.try_special(a, &format!("__i{}__", op.method()), vec![b.clone()])?
            && !matches!(result, Value::NotImplemented)
        {
            return Ok(result);
        }
        if let Value::Tensor(_) = a {
            return match self.tensor_inplace(op, a, b)? {
                Value::NotImplemented => {
                    let error = self.unsupported_operands(&format!("{}=", op.symbol()), a, b);
                    Err(self.teach_operands(error, op, a, b))
                }
                result => Ok(result),
            };
        }
        if opaque_among(&[a, b]).is_none() && self.sequence_inplace(op, &a.plain(), b)? {
            return Ok(a.clone());
        }
        match self.binary(op, a, b) {
            Err(error) if self.is_unsupported_operands(&error) => {
                let error = self.unsupported_operands(&format!("{}=", op.symbol()), a, b);
                Err(self.teach_operands(error, op, a, b))
            }
            result => result,
        }
    }

    /// `not a`, `-a`, `+a`, `~a`.
    ///
    /// # Errors
    /// TypeError where it is not defined.
    pub(crate) fn unary(&mut self, op: UnaryOp, a: &Value) -> Result {
        let (symbol, method) = match op {
            UnaryOp::Not => return Ok(Value::Bool(!self.truth(a)?)),
            UnaryOp::Negative => ("-", "__neg__"),
            UnaryOp::Positive => ("+", "__pos__"),
            UnaryOp::Invert => ("~", "__invert__"),
        };
        if let Some(result) = self.try_special(a, method, Vec::new())? {
            return Ok(result);
        }
        match a {
            Value::Opaque(opaque) => {
                let path = opaque.path.clone();
                return Ok(self.opaque(&path));
            }
            Value::Tensor(tensor) => return self.tensor_unary(op, tensor),
            _ => {}
        }
        match (op, Number::of(a)) {
            (UnaryOp::Negative, Some(Number::Int(n))) => match n.checked_neg() {
                Some(n) => Ok(Value::Int(n)),
                None => Err(self.too_large(&format!("-({n})"))),
            },
            (UnaryOp::Negative, Some(Number::Float(x))) => Ok(Value::Float(-x)),
            (UnaryOp::Positive, Some(Number::Int(n))) => Ok(Value::Int(n)),
            (UnaryOp::Positive, Some(Number::Float(x))) => Ok(Value::Float(x)),
            (UnaryOp::Invert, Some(Number::Int(n))) => Ok(Value::Int(!n)),
            _ => {
                let found = self.type_name(a);
                Err(self.raise("TypeError", &format!("bad operand type for unary {symbol}: '{found}'")))
            }
        }
    }

    /// A value as operators see it: what an object extends, and the keys of a dict as a set.
    pub(super) fn operand(&mut self, value: &Value) -> Result {
        match (value, value.plain()) {
            (Value::Instance(instance), Value::Dict(dict)) if &*instance.class.name == "dict_keys" => {
                self.charge(dict.borrow().map.len())?;
                Ok(set_of(keys_of(&dict.borrow()), false))
            }
            (_, plain) => Ok(plain),
        }
    }

    /// Numbers, of which `&`, `|` and `^` keep bools.
    fn number_result(
        &mut self,
        op: BinaryOp,
        a: &Value,
        b: &Value,
        x: Number,
        y: Number,
    ) -> Result<Option<Value>> {
        if let (Value::Bool(a), Value::Bool(b)) = (a, b) {
            match op {
                BinaryOp::And => return Ok(Some(Value::Bool(a & b))),
                BinaryOp::Or => return Ok(Some(Value::Bool(a | b))),
                BinaryOp::Xor => return Ok(Some(Value::Bool(a ^ b))),
                _ => {}
            }
        }
        self.number_binary(op, x, y)
    }

    /// `__add__` of the left, `__radd__` of the right; the right one first if its class derives from the left one's.
    fn binary_special(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result<Option<Value>> {
        if !matches!(a, Value::Instance(_)) && !matches!(b, Value::Instance(_)) {
            return Ok(None);
        }
        let forward = (a, format!("__{}__", op.method()), b);
        let reflected = (b, format!("__r{}__", op.method()), a);
        let right_first = match (a, b) {
            (Value::Instance(x), Value::Instance(y)) => {
                !Rc::ptr_eq(&x.class, &y.class) && y.class.is_subclass(&x.class)
            }
            _ => false,
        };
        let order = if right_first { [reflected, forward] } else { [forward, reflected] };
        for (object, name, other) in order {
            if let Some(result) = self.try_special(object, &name, vec![other.clone()])?
                && !matches!(result, Value::NotImplemented)
            {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }

    fn unsupported_operands(&mut self, symbol: &str, a: &Value, b: &Value) -> Box<Thrown> {
        let (left, right) = (self.type_name(a), self.type_name(b));
        let symbol = if symbol == "**" { "** or pow()" } else { symbol };
        self.raise("TypeError", &format!("unsupported operand type(s) for {symbol}: '{left}' and '{right}'"))
    }

    /// Whether an error is the one that no operator was found.
    fn is_unsupported_operands(&self, error: &Thrown) -> bool {
        match &error.value {
            Value::Instance(instance) => match instance.attrs.borrow().get("args") {
                Some(Value::Tuple(args)) => {
                    matches!(&args[..], [Value::Str(text)] if text.starts_with("unsupported operand type(s) for "))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Says where a `None` or a function among the operands most likely comes from.
    fn teach_operands(&self, error: Box<Thrown>, op: BinaryOp, a: &Value, b: &Value) -> Box<Thrown> {
        let is_traced = [a, b].iter().any(|side| matches!(side, Value::Tensor(_)));
        let side = |value: &Value| match value {
            Value::None => Some("is `None`: does the function that it comes from forget its `return`?"),
            Value::Function(_) | Value::Method(_) => {
                Some("is a function: are the parentheses of its call missing?")
            }
            Value::Class(_) => Some("is a class: are the parentheses of its call missing?"),
            Value::List(_) | Value::Tuple(_) if is_traced => {
                Some("is a list: take one of its items, `x[0]`, or join them, `torch.cat(x, 1)`")
            }
            Value::Instance(_) if is_traced => Some("is a layer: call it, `layer(x)`"),
            Value::Str(_) => {
                Some("is a text: `int(…)` or `float(…)` makes a number of it, `str(…)` a text of a number")
            }
            _ => None,
        };
        let helps: Vec<String> = [("left", a), ("right", b)]
            .into_iter()
            .filter_map(|(name, value)| {
                side(value).map(|text| format!("the {name} side of `{}` {text}", op.symbol()))
            })
            .collect();
        if helps.is_empty() { error } else { error.teach(|t| t.helps.extend(helps)) }
    }
}

/// The keys of a dict alone.
fn keys_of(dict: &Dict) -> Dict {
    let mut keys = Dict::default();
    keys.map.extend(dict.map.iter().map(|(key, (given, _))| (key.clone(), (given.clone(), Value::None))));
    keys
}

/// A number that is no instance: the usual case, tried first.
fn plain_number(value: &Value) -> Option<Number> {
    match value {
        Value::Instance(_) => None,
        _ => Number::of(value),
    }
}

/// `int | None`: classes side by side, as `isinstance` takes them.
fn class_union(a: &Value, b: &Value) -> Option<Value> {
    let mut classes = Vec::new();
    for side in [a, b] {
        match side {
            Value::Class(_) | Value::None => classes.push(side.clone()),
            Value::Tuple(known) if known.iter().all(|c| matches!(c, Value::Class(_) | Value::None)) => {
                classes.extend(known.iter().cloned());
            }
            _ => return None,
        }
    }
    classes.iter().any(|class| matches!(class, Value::Class(_))).then(|| Value::tuple(classes))
}
