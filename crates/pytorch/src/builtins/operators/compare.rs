//! Comparisons.

use std::cmp::Ordering;

use super::super::numbers::Number;
use super::opaque_among;
use crate::ast::CompareOp;
use crate::interp::{Interp, Result, Thrown};
use crate::value::{Dict, DictKind, Value};

impl Interp {
    /// `a op b`: a bool, unless a special method or a tensor gives something else.
    ///
    /// # Errors
    /// TypeError where values have no order; what special methods raise.
    pub(crate) fn compare(&mut self, op: CompareOp, a: &Value, b: &Value) -> Result {
        match op {
            CompareOp::Is => Ok(Value::Bool(a.is(b))),
            CompareOp::IsNot => Ok(Value::Bool(!a.is(b))),
            CompareOp::In | CompareOp::NotIn => {
                if let Some(opaque) = opaque_among(&[b]) {
                    let path = opaque.path.clone();
                    return Ok(self.opaque(&path));
                }
                let inside = self.contains(b, a)?;
                Ok(Value::Bool(inside == (op == CompareOp::In)))
            }
            _ => self.rich_compare(op, a, b),
        }
    }

    /// `a == b`, as a bool.
    ///
    /// # Errors
    /// What `__eq__` raises; limits.
    pub(crate) fn equals(&mut self, a: &Value, b: &Value) -> Result<bool> {
        match (a, b) {
            (Value::Str(a), Value::Str(b)) => Ok(a == b),
            (Value::Int(a), Value::Int(b)) => Ok(a == b),
            _ => {
                let result = self.compare(CompareOp::Eq, a, b)?;
                self.truth(&result)
            }
        }
    }

    /// Whether both are one object, or equal: how containers compare their items.
    ///
    /// # Errors
    /// What `__eq__` raises; limits.
    pub(crate) fn same(&mut self, a: &Value, b: &Value) -> Result<bool> {
        if a.address().is_some() && a.is(b) { Ok(true) } else { self.equals(a, b) }
    }

    /// `a < b`, as a bool.
    ///
    /// # Errors
    /// TypeError where values have no order.
    pub(crate) fn less(&mut self, a: &Value, b: &Value) -> Result<bool> {
        let result = self.compare(CompareOp::Less, a, b)?;
        self.truth(&result)
    }

    fn rich_compare(&mut self, op: CompareOp, a: &Value, b: &Value) -> Result {
        if let Some(result) = self.compare_special(op, a, b)? {
            return Ok(result);
        }
        if let Some(opaque) = opaque_among(&[a, b]) {
            let path = opaque.path.clone();
            return Ok(self.opaque(&path));
        }
        let (x, y) = (self.operand(a)?, self.operand(b)?);
        if matches!(x, Value::Tensor(_)) || matches!(y, Value::Tensor(_)) {
            return match self.tensor_compare(op, &x, &y)? {
                Value::NotImplemented => Err(self.without_order(op, a, b)),
                result => Ok(result),
            };
        }
        if matches!(op, CompareOp::Eq | CompareOp::NotEq) {
            let equal = self.plain_equal(&x, &y)?;
            return Ok(Value::Bool(equal == (op == CompareOp::Eq)));
        }
        if let Some(result) = self.set_order(op, &x, &y)? {
            return Ok(Value::Bool(result));
        }
        match self.order(op, &x, &y)? {
            Some(order) => Ok(Value::Bool(holds(op, order))),
            None if Number::of(&x).is_some() && Number::of(&y).is_some() => Ok(Value::Bool(false)),
            None => Err(self.without_order(op, a, b)),
        }
    }

    fn without_order(&mut self, op: CompareOp, a: &Value, b: &Value) -> Box<Thrown> {
        let (left, right) = (self.type_name(a), self.type_name(b));
        let symbol = op.symbol();
        self.raise(
            "TypeError",
            &format!("'{symbol}' not supported between instances of '{left}' and '{right}'"),
        )
    }

    /// `__lt__` of the left, then `__gt__` of the right.
    fn compare_special(&mut self, op: CompareOp, a: &Value, b: &Value) -> Result<Option<Value>> {
        if !matches!(a, Value::Instance(_)) && !matches!(b, Value::Instance(_)) {
            return Ok(None);
        }
        let (name, reflected) = match op {
            CompareOp::Eq => ("__eq__", "__eq__"),
            CompareOp::NotEq => ("__ne__", "__ne__"),
            CompareOp::Less => ("__lt__", "__gt__"),
            CompareOp::LessEq => ("__le__", "__ge__"),
            CompareOp::Greater => ("__gt__", "__lt__"),
            _ => ("__ge__", "__le__"),
        };
        for (object, name, other) in [(a, name, b), (b, reflected, a)] {
            if let Some(result) = self.nested(|i| i.try_special(object, name, vec![other.clone()]))?
                && !matches!(result, Value::NotImplemented)
            {
                return Ok(Some(result));
            }
        }
        if op == CompareOp::NotEq
            && let Some(equal) = self.compare_special(CompareOp::Eq, a, b)?
        {
            return Ok(Some(Value::Bool(!self.truth(&equal)?)));
        }
        Ok(None)
    }

    fn plain_equal(&mut self, a: &Value, b: &Value) -> Result<bool> {
        self.step()?;
        if let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) {
            return Ok(number_order(x, y) == Some(Ordering::Equal));
        }
        Ok(match (a, b) {
            (Value::Bytes(x), Value::Bytes(y)) => x == y,
            (Value::Str(x), Value::Str(y)) => x == y,
            (Value::Range(x), Value::Range(y)) => {
                let n = x.len();
                n == y.len() && (n == 0 || x.start == y.start && (n == 1 || x.step == y.step))
            }
            (Value::List(x), Value::List(y)) => {
                if x.borrow().len() != y.borrow().len() {
                    return Ok(false);
                }
                self.charge(2 * x.borrow().len())?;
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                self.items_equal(&x, &y)?
            }
            (Value::Tuple(x), Value::Tuple(y)) => {
                let (x, y) = (x.clone(), y.clone());
                self.items_equal(&x, &y)?
            }
            (Value::Dict(x), Value::Dict(y)) => {
                if x.borrow().map.len() != y.borrow().map.len() {
                    return Ok(false);
                }
                // The order of ordered dicts counts between two of them.
                let is_ordered = |dict: &Dict| matches!(dict.kind, DictKind::Ordered);
                if is_ordered(&x.borrow()) && is_ordered(&y.borrow()) {
                    let (x, y) = (x.borrow(), y.borrow());
                    if !x.map.keys().eq(y.map.keys()) {
                        return Ok(false);
                    }
                }
                self.charge(2 * x.borrow().map.len())?;
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                self.dicts_equal(&x, &y)?
            }
            (Value::Set { items: x, .. }, Value::Set { items: y, .. }) => {
                self.work(x.borrow().map.len())?;
                let (x, y) = (x.borrow(), y.borrow());
                x.map.len() == y.map.len() && x.map.keys().all(|key| y.map.contains_key(key))
            }
            (Value::Slice(x), Value::Slice(y)) => {
                let (x, y) = (x.clone(), y.clone());
                self.same(&x.start, &y.start)?
                    && self.same(&x.stop, &y.stop)?
                    && self.same(&x.step, &y.step)?
            }
            (Value::Method(x), Value::Method(y)) => x.receiver.is(&y.receiver) && x.function.is(&y.function),
            _ => a.is(b),
        })
    }

    fn items_equal(&mut self, a: &[Value], b: &[Value]) -> Result<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        self.nested(|interp| {
            for (x, y) in a.iter().zip(b) {
                if !interp.same(x, y)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn dicts_equal(&mut self, a: &Dict, b: &Dict) -> Result<bool> {
        if a.map.len() != b.map.len() {
            return Ok(false);
        }
        self.nested(|interp| {
            for (key, (_, x)) in &a.map {
                let Some((_, y)) = b.map.get(key) else { return Ok(false) };
                if !interp.same(x, y)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// The order of two values; `None` where there is none.
    fn order(&mut self, op: CompareOp, a: &Value, b: &Value) -> Result<Option<Ordering>> {
        self.step()?;
        if let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) {
            return Ok(number_order(x, y));
        }
        match (a, b) {
            (Value::Str(x), Value::Str(y)) => Ok(Some(x.cmp(y))),
            (Value::Bytes(x), Value::Bytes(y)) => Ok(Some(x.cmp(y))),
            (Value::List(x), Value::List(y)) => {
                self.charge(x.borrow().len() + y.borrow().len())?;
                let (x, y) = (x.borrow().clone(), y.borrow().clone());
                self.items_order(op, &x, &y).map(Some)
            }
            (Value::Tuple(x), Value::Tuple(y)) => {
                let (x, y) = (x.clone(), y.clone());
                self.items_order(op, &x, &y).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The order of the first items that differ, else of the lengths.
    fn items_order(&mut self, op: CompareOp, a: &[Value], b: &[Value]) -> Result<Ordering> {
        self.nested(|interp| {
            for (x, y) in a.iter().zip(b) {
                if !interp.same(x, y)? {
                    let result = interp.compare(op, x, y)?;
                    let result = interp.truth(&result)?;
                    let less = matches!(op, CompareOp::Less | CompareOp::LessEq);
                    return Ok(if result == less { Ordering::Less } else { Ordering::Greater });
                }
            }
            Ok(a.len().cmp(&b.len()))
        })
    }

    /// Sets are ordered by inclusion.
    fn set_order(&mut self, op: CompareOp, a: &Value, b: &Value) -> Result<Option<bool>> {
        let (Value::Set { items: x, .. }, Value::Set { items: y, .. }) = (a, b) else { return Ok(None) };
        self.charge(x.borrow().map.len())?;
        let (x, y) = (x.borrow(), y.borrow());
        let within = |x: &Dict, y: &Dict| x.map.keys().all(|key| y.map.contains_key(key));
        let proper = |x: &Dict, y: &Dict| x.map.len() < y.map.len() && within(x, y);
        Ok(Some(match op {
            CompareOp::Less => proper(&x, &y),
            CompareOp::LessEq => within(&x, &y),
            CompareOp::Greater => proper(&y, &x),
            _ => within(&y, &x),
        }))
    }
}

/// The order of numbers, exact between integers and floats; `None` with a NaN.
fn number_order(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(x), Number::Int(y)) => Some(x.cmp(&y)),
        (Number::Float(x), Number::Float(y)) => x.partial_cmp(&y),
        (Number::Float(_), Number::Int(_)) => number_order(b, a).map(Ordering::reverse),
        (Number::Int(x), Number::Float(y)) => {
            if y.is_nan() {
                None
            } else if y >= 9.3e18 {
                Some(Ordering::Less)
            } else if y <= -9.3e18 {
                Some(Ordering::Greater)
            } else {
                let whole = i128::from(x).cmp(&(y.floor() as i128));
                Some(if whole == Ordering::Equal && y.fract() != 0.0 { Ordering::Less } else { whole })
            }
        }
    }
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Less => order == Ordering::Less,
        CompareOp::LessEq => order != Ordering::Greater,
        CompareOp::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }
}

#[cfg(test)]
mod tests {
    use super::{Number, number_order};
    use std::cmp::Ordering;

    #[test]
    fn integers_and_floats_compare_exactly() {
        let big = 9_007_199_254_740_993;
        assert_eq!(
            number_order(Number::Int(big), Number::Float(9_007_199_254_740_992.0)),
            Some(Ordering::Greater)
        );
        assert_eq!(number_order(Number::Int(1), Number::Float(1.5)), Some(Ordering::Less));
        assert_eq!(number_order(Number::Int(-1), Number::Float(-1.5)), Some(Ordering::Greater));
        assert_eq!(
            number_order(Number::Float(f64::INFINITY), Number::Int(i64::MAX)),
            Some(Ordering::Greater)
        );
        assert_eq!(number_order(Number::Int(0), Number::Float(f64::NAN)), None);
    }
}
