//! `a[i]`, `a[i] = x` and `del a[i]`.

use std::rc::Rc;

use super::opaque_among;
use crate::interp::{Interp, Result, Thrown};
use crate::value::{Class, DictKind, Range, Slice, Value};

impl Interp {
    /// `value[index]`.
    ///
    /// # Errors
    /// IndexError, KeyError, TypeError as Python's.
    pub(crate) fn get_item(&mut self, value: &Value, index: &Value) -> Result {
        if let Some(item) = self.try_special(value, "__getitem__", vec![index.clone()])? {
            return Ok(item);
        }
        let plain = value.plain();
        if let Some(opaque) = opaque_among(&[&plain]) {
            let path = opaque.path.clone();
            if let ("sys.modules", Value::Str(name)) = (&*path, index)
                && let Some(module) = self.running(name)
            {
                return Ok(module);
            }
            return Ok(self.opaque(&path));
        }
        match &plain {
            Value::Tensor(tensor) => self.tensor_get_item(tensor, index),
            Value::Dict(dict) => {
                let key = self.key_of(index)?;
                let found = dict.borrow().map.get(&key).map(|(_, value)| value.clone());
                match found {
                    Some(found) => Ok(found),
                    None => self.missing(value, &plain, index),
                }
            }
            Value::List(items) => match index {
                Value::Slice(slice) => {
                    let len = items.borrow().len();
                    let indices = self.indices(slice, len)?;
                    self.charge(indices.len)?;
                    let items = items.borrow();
                    Ok(Value::list(indices.positions().filter_map(|at| items.get(at).cloned()).collect()))
                }
                _ => {
                    let len = items.borrow().len();
                    let at = self.index(index, len, "list")?;
                    Ok(items.borrow().get(at).cloned().unwrap_or(Value::None))
                }
            },
            Value::Tuple(items) => match index {
                Value::Slice(slice) => Ok(Value::tuple(self.cut(items, slice)?)),
                _ => Ok(items[self.index(index, items.len(), "tuple")?].clone()),
            },
            Value::Str(text) => self.text_item(text, index),
            Value::Bytes(bytes) => match index {
                Value::Slice(slice) => {
                    let indices = self.indices(slice, bytes.len())?;
                    self.charge(indices.len)?;
                    Ok(Value::Bytes(indices.positions().map(|at| bytes[at]).collect()))
                }
                _ => Ok(Value::Int(i64::from(bytes[self.index(index, bytes.len(), "byte")?]))),
            },
            Value::Range(range) => match index {
                Value::Slice(slice) => {
                    let indices = self.indices(slice, range.len())?;
                    let at = |i: i64| range.start.saturating_add(range.step.saturating_mul(i));
                    let start = at(indices.start);
                    let step = range.step.saturating_mul(indices.step);
                    let stop =
                        at(indices.start.saturating_add(indices.step.saturating_mul(indices.len as i64)));
                    Ok(Value::Range(Rc::new(Range { start, stop, step })))
                }
                _ => Ok(Value::Int(range.at(self.index(index, range.len(), "range")?))),
            },
            Value::Class(class) => match class.lookup("__class_getitem__") {
                Some(method) => self.call_class_item(&method, &plain, index),
                // `list[int]`: a type with its parameters is the type here.
                None if class.builtin.is_some() || is_generic(class) => Ok(plain.clone()),
                // Of an enumeration, its members by name.
                None if class.lookup("__members__").is_some() => {
                    let members = class.lookup("__members__").unwrap_or(Value::None);
                    self.get_item(&members, index)
                }
                None => {
                    let name = class.name.clone();
                    Err(self.raise("TypeError", &format!("type '{name}' is not subscriptable")))
                }
            },
            _ => Err(self.without_items(value, "is not subscriptable")),
        }
    }

    fn call_class_item(&mut self, method: &Value, class: &Value, index: &Value) -> Result {
        let function = match method {
            Value::ClassMethod(function) => function,
            _ => method,
        };
        self.call_with(function, vec![class.clone(), index.clone()])
    }

    /// What a dict gives for a key that it has not.
    fn missing(&mut self, value: &Value, plain: &Value, key: &Value) -> Result {
        if let Some(made) = self.try_special(value, "__missing__", vec![key.clone()])? {
            return Ok(made);
        }
        let Value::Dict(dict) = plain else { return Ok(Value::None) };
        let kind = dict.borrow().kind.clone();
        match kind {
            DictKind::Counter => Ok(Value::Int(0)),
            DictKind::Default(factory) if !matches!(factory, Value::None) => {
                let made = self.call_with(&factory, Vec::new())?;
                self.put(dict, key.clone(), made.clone())?;
                Ok(made)
            }
            _ => {
                let known: Vec<Value> = dict.borrow().keys().take(1000).cloned().collect();
                Err(self.key_error(key, known.iter()))
            }
        }
    }

    fn text_item(&mut self, text: &str, index: &Value) -> Result {
        self.work(text.len())?;
        if let Value::Slice(slice) = index {
            self.charge(text.len())?;
            let chars: Vec<char> = text.chars().collect();
            let indices = self.indices(slice, chars.len())?;
            self.charge(indices.len)?;
            return Ok(Value::str(&indices.positions().map(|at| chars[at]).collect::<String>()));
        }
        let len = if text.is_ascii() { text.len() } else { text.chars().count() };
        let Some(n) = self.try_integer(index)? else {
            let found = self.type_name(index);
            return Err(self.raise("TypeError", &format!("string indices must be integers, not '{found}'")));
        };
        let at = self.position(n, len, "string")?;
        let item: String =
            if text.is_ascii() { text[at..=at].to_owned() } else { text.chars().skip(at).take(1).collect() };
        Ok(Value::str(&item))
    }

    /// The position that an index means.
    fn index(&mut self, index: &Value, len: usize, what: &str) -> Result<usize> {
        match self.try_integer(index)? {
            Some(n) => self.position(n, len, what),
            None => {
                let found = self.type_name(index);
                Err(self
                    .raise("TypeError", &format!("{what} indices must be integers or slices, not {found}")))
            }
        }
    }

    fn cut(&mut self, items: &[Value], slice: &Slice) -> Result<Vec<Value>> {
        let indices = self.indices(slice, items.len())?;
        self.charge(indices.len)?;
        Ok(indices.positions().map(|at| items[at].clone()).collect())
    }

    /// `value[index] = item`.
    ///
    /// # Errors
    /// As [`Interp::get_item`].
    pub(crate) fn set_item(&mut self, value: &Value, index: Value, item: Value) -> Result<()> {
        if self.special(value, "__setitem__").is_some() {
            self.try_special(value, "__setitem__", vec![index, item])?;
            return Ok(());
        }
        match &value.plain() {
            Value::Tensor(tensor) => self.tensor_set_item(tensor, &index, &item),
            Value::Dict(dict) => self.put(dict, index, item),
            Value::List(items) => match &index {
                Value::Slice(slice) => {
                    let new = match &item {
                        Value::List(_)
                        | Value::Tuple(_)
                        | Value::Range(_)
                        | Value::Str(_)
                        | Value::Iter(_) => self.collect(&item)?,
                        _ => self.collect(&item).map_err(|error| self.only_iterable(error))?,
                    };
                    let len = items.borrow().len();
                    let indices = self.indices(slice, len)?;
                    if indices.step == 1 {
                        let start = indices.start as usize;
                        items.borrow_mut().splice(start..start + indices.len, new);
                        return Ok(());
                    }
                    if new.len() != indices.len {
                        let (found, expected) = (new.len(), indices.len);
                        let message = format!(
                            "attempt to assign sequence of size {found} to extended slice of size {expected}"
                        );
                        return Err(self.raise("ValueError", &message));
                    }
                    let mut items = items.borrow_mut();
                    for (at, new) in indices.positions().zip(new) {
                        items[at] = new;
                    }
                    Ok(())
                }
                _ => {
                    let len = items.borrow().len();
                    let at = self.assigned_index(&index, len)?;
                    if let Some(place) = items.borrow_mut().get_mut(at) {
                        *place = item;
                    }
                    Ok(())
                }
            },
            // What is done to something unknown is unknown too.
            Value::Opaque(_) => Ok(()),
            _ => Err(self.without_items(value, "does not support item assignment")),
        }
    }

    fn only_iterable(&mut self, error: Box<Thrown>) -> Box<Thrown> {
        if error.is_fatal { error } else { self.raise("TypeError", "can only assign an iterable") }
    }

    fn assigned_index(&mut self, index: &Value, len: usize) -> Result<usize> {
        match self.try_integer(index)? {
            Some(n) => self.position(n, len, "list assignment"),
            None => {
                let found = self.type_name(index);
                Err(self.raise("TypeError", &format!("list indices must be integers or slices, not {found}")))
            }
        }
    }

    /// `del value[index]`.
    ///
    /// # Errors
    /// As [`Interp::get_item`].
    pub(crate) fn del_item(&mut self, value: &Value, index: &Value) -> Result<()> {
        if self.special(value, "__delitem__").is_some() {
            self.try_special(value, "__delitem__", vec![index.clone()])?;
            return Ok(());
        }
        match &value.plain() {
            Value::Dict(dict) => {
                let key = self.key_of(index)?;
                self.work(dict.borrow().map.len())?;
                let removed = dict.borrow_mut().map.shift_remove(&key);
                if removed.is_some() {
                    if let (DictKind::Attributes(instance), Value::Str(name)) = (&dict.borrow().kind, index) {
                        instance.attrs.borrow_mut().shift_remove(name);
                    }
                    return Ok(());
                }
                let known: Vec<Value> = dict.borrow().keys().take(1000).cloned().collect();
                Err(self.key_error(index, known.iter()))
            }
            Value::List(items) => {
                let len = items.borrow().len();
                if let Value::Slice(slice) = index {
                    let indices = self.indices(slice, len)?;
                    self.work(len)?;
                    let mut drop = vec![false; len];
                    for at in indices.positions() {
                        drop[at] = true;
                    }
                    let mut drop = drop.into_iter();
                    items.borrow_mut().retain(|_| !drop.next().unwrap_or(false));
                } else {
                    let at = self.assigned_index(index, len)?;
                    self.work(len - at)?;
                    let mut items = items.borrow_mut();
                    if at < items.len() {
                        items.remove(at);
                    }
                }
                Ok(())
            }
            Value::Opaque(_) => Ok(()),
            Value::Tuple(_) | Value::Str(_) | Value::Range(_) => {
                Err(self.without_items(value, "doesn't support item deletion"))
            }
            _ => Err(self.without_items(value, "does not support item deletion")),
        }
    }

    fn without_items(&mut self, value: &Value, what: &str) -> Box<Thrown> {
        let found = self.type_name(value);
        let is_shape = &*found == "Size";
        let error = self.raise("TypeError", &format!("'{found}' object {what}"));
        if is_shape {
            return error.teach(|t| {
                t.helps.push(
                    "a shape is only read: layers and views, `x.view(…)`, give tensors of another one"
                        .to_owned(),
                );
            });
        }
        match value {
            Value::Tuple(_) => {
                error.teach(|t| t.helps.push("a tuple does not change: make a list, `[…]`".to_owned()))
            }
            Value::None => error.teach(|t| {
                t.helps.push(
                    "it is `None`: does the function that it comes from forget its `return`?".to_owned(),
                );
            }),
            Value::Function(_) | Value::Method(_) | Value::Native(_) => {
                error.teach(|t| t.helps.push("a function is called with parentheses: `f(…)`".to_owned()))
            }
            _ => error,
        }
    }
}

/// Whether a class takes types in brackets.
fn is_generic(class: &Class) -> bool {
    class.mro.borrow().iter().any(|class| matches!(&*class.name, "Generic" | "Protocol"))
}
