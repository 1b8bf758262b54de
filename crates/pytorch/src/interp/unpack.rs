//! Assignment to names, attributes, items, and several of them at once.

use super::{Interp, Result};
use crate::ast::{Expr, ExprKind};
use crate::value::Value;

impl Interp {
    /// Sets a target of an assignment.
    pub(super) fn assign(&mut self, target: &Expr, value: Value) -> Result<()> {
        match &target.kind {
            ExprKind::Name(name) => {
                self.bind_name(name, value);
                Ok(())
            }
            ExprKind::Attribute { value: object, name, .. } => {
                let object = self.eval(object)?;
                self.set_attr(&object, name, value)
            }
            ExprKind::Subscript { value: object, index } => {
                let object = self.eval(object)?;
                let index = self.eval(index)?;
                self.set_item(&object, index, value)
            }
            ExprKind::Tuple(targets) | ExprKind::List(targets) => self.unpack(targets, &value),
            ExprKind::Starred(inner) => self.assign(inner, value),
            _ => Err(self.unsupported("assignment to this")),
        }
    }

    /// The error for another number of values than names.
    fn unpacked(
        &mut self,
        message: &str,
        found: usize,
        expected: usize,
        value: &Value,
    ) -> Box<super::Thrown> {
        let is_shape = &*self.type_name(value) == "Size";
        self.raise("ValueError", message).teach(|t| {
            t.code = "value";
            t.notes.push(format!("{found} values are given, and {expected} names stand on the left"));
            t.helps.push(match (is_shape, found) {
                (true, 4) => "a batch of maps has four sizes: `n, c, h, w = x.shape`".to_owned(),
                (true, 2) => "a batch of vectors has two sizes: `n, features = x.shape`".to_owned(),
                _ => "give as many names as values; `_` takes one that is not needed, `*rest` all others"
                    .to_owned(),
            });
        })
    }

    fn unpack(&mut self, targets: &[Expr], value: &Value) -> Result<()> {
        if let Value::Opaque(opaque) = value {
            let path = opaque.path.clone();
            for target in targets {
                let part = self.opaque(&path);
                self.assign(target, part)?;
            }
            return Ok(());
        }
        let name = self.type_name(value);
        let items = match self.collect(value) {
            Err(thrown) if matches!(value, Value::None | Value::Int(_) | Value::Float(_)) => {
                return Err(self
                    .raise("TypeError", &format!("cannot unpack non-iterable {name} object"))
                    .teach(|t| {
                        t.code = "value";
                        t.helps.push(match value {
                            Value::None => "it is `None`: does the function that gives it `return` it?".to_owned(),
                            _ => format!("{} names are set here, and one number is given: each item must be a tuple, `(a, b)`", targets.len()),
                        });
                    })
                    .teach(|t| t.labels.extend(thrown.teaching.iter().flat_map(|t| t.labels.clone()))));
            }
            items => items?,
        };
        let star = targets.iter().position(|target| matches!(target.kind, ExprKind::Starred(_)));
        let expected = targets.len();
        let least = if star.is_some() { expected - 1 } else { expected };
        if items.len() < least {
            let at_least = if star.is_some() { "at least " } else { "" };
            let found = items.len();
            let message = format!("not enough values to unpack (expected {at_least}{least}, got {found})");
            return Err(self.unpacked(&message, found, expected, value));
        }
        if star.is_none() && items.len() > expected {
            let message = format!("too many values to unpack (expected {expected})");
            return Err(self.unpacked(&message, items.len(), expected, value));
        }
        let extra = items.len() - least;
        let mut items = items.into_iter();
        for (i, target) in targets.iter().enumerate() {
            let value = if Some(i) == star {
                Value::list(items.by_ref().take(extra).collect())
            } else {
                items.next().unwrap_or(Value::None)
            };
            self.assign(target, value)?;
        }
        Ok(())
    }
}
