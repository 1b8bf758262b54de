//! `|`, `&`, `-` and `^` of sets, `|` of dicts, and the arithmetic of counters.

use crate::ast::BinaryOp;
use crate::interp::{Interp, Result};
use crate::value::{Dict, DictKind, Value};

impl Interp {
    /// The operators of sets and dicts; `None` where they have none.
    pub(super) fn set_binary(&mut self, op: BinaryOp, a: &Value, b: &Value) -> Result<Option<Value>> {
        match (a, b) {
            (Value::Set { items: x, frozen }, Value::Set { items: y, .. }) => {
                self.charge(x.borrow().map.len() + y.borrow().map.len())?;
                let map = match combine(op, &x.borrow(), &y.borrow()) {
                    Some(dict) => dict,
                    None => return Ok(None),
                };
                Ok(Some(set_of(map, *frozen)))
            }
            (Value::Dict(x), Value::Dict(y)) => {
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                self.charge(x.map.len() + y.map.len())?;
                if let (DictKind::Counter, DictKind::Counter) = (&x.kind, &y.kind) {
                    return Ok(count_binary(op, &x, &y).map(Value::dict));
                }
                if op != BinaryOp::Or {
                    return Ok(None);
                }
                let mut union = x;
                for (key, value) in y.map.into_values() {
                    union.set(key, value);
                }
                Ok(Some(Value::dict(union)))
            }
            _ => Ok(None),
        }
    }
}

/// A set of a dict's keys.
pub(crate) fn set_of(dict: Dict, frozen: bool) -> Value {
    Value::Set { items: std::rc::Rc::new(std::cell::RefCell::new(dict)), frozen }
}

/// The keys of `a` and `b` that the operator keeps.
pub(crate) fn combine(op: BinaryOp, a: &Dict, b: &Dict) -> Option<Dict> {
    let mut result = Dict::default();
    let without = |a: &Dict, b: &Dict, result: &mut Dict| {
        let kept = a.map.iter().filter(|(key, _)| !b.map.contains_key(*key));
        result.map.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
    };
    match op {
        BinaryOp::Or => {
            result.map.extend(a.map.iter().map(|(key, value)| (key.clone(), value.clone())));
            without(b, a, &mut result);
        }
        BinaryOp::And => {
            let kept = a.map.iter().filter(|(key, _)| b.map.contains_key(*key));
            result.map.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        BinaryOp::Sub => without(a, b, &mut result),
        BinaryOp::Xor => {
            without(a, b, &mut result);
            without(b, a, &mut result);
        }
        _ => return None,
    }
    Some(result)
}

/// Counters keep what counts more than 0.
fn count_binary(op: BinaryOp, a: &Dict, b: &Dict) -> Option<Dict> {
    let count = |dict: &Dict, key| match dict.map.get(key) {
        Some((_, Value::Int(n))) => *n,
        _ => 0,
    };
    let mut result = Dict { kind: DictKind::Counter, ..Dict::default() };
    for (key, (given, _)) in a.map.iter().chain(&b.map) {
        let (x, y) = (count(a, key), count(b, key));
        let n = match op {
            BinaryOp::Add => x.saturating_add(y),
            BinaryOp::Sub => x.saturating_sub(y),
            BinaryOp::And => x.min(y),
            BinaryOp::Or => x.max(y),
            _ => return None,
        };
        if n > 0 {
            result.set(given.clone(), Value::Int(n));
        }
    }
    Some(result)
}
