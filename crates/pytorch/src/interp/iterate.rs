//! Iteration, and what is true.

use std::rc::Rc;

use super::{Generator, Interp, Result};
use crate::value::{Dict, Iter, Value};

impl Interp {
    /// An iterator over a value.
    pub(crate) fn iter(&mut self, value: &Value) -> Result {
        if let Value::Instance(instance) = value {
            if let Some(method) = instance.class.lookup("__iter__") {
                let method = self.bind(&method, value, &instance.class)?;
                let made = self.call_with(&method, Vec::new())?;
                return match &made {
                    Value::Instance(_) => Ok(Value::iter(Iter::Object(made))),
                    _ => self.iter(&made),
                };
            }
            if instance.payload.borrow().is_none() && instance.class.lookup("__getitem__").is_some() {
                return self.by_index(value);
            }
        }
        let iter = match value.plain() {
            Value::Iter(_) => return Ok(value.plain()),
            Value::List(items) => Iter::List(items, 0),
            Value::Tuple(items) => Iter::Items(items.iter().cloned().collect::<Vec<_>>().into_iter()),
            Value::Range(range) => Iter::Range(*range, 0),
            Value::Str(text) => {
                self.charge(text.len())?;
                let letters: Vec<Value> = text.chars().map(|c| Value::str(&c.to_string())).collect();
                Iter::Items(letters.into_iter())
            }
            Value::Bytes(bytes) => {
                Iter::Items(bytes.iter().map(|&b| Value::Int(i64::from(b))).collect::<Vec<_>>().into_iter())
            }
            Value::Dict(dict) | Value::Set { items: dict, .. } => {
                let length = dict.borrow().map.len();
                Iter::Keys(dict, 0, length)
            }
            Value::Tensor(_) => {
                let count = self.len(value)?;
                self.charge(count)?;
                let mut items = Vec::new();
                for i in 0..count {
                    items.push(self.get_item(value, &Value::Int(i as i64))?);
                }
                Iter::Items(items.into_iter())
            }
            Value::Opaque(opaque) => return Err(self.opaque_error(&opaque, "this loop")),
            Value::Class(class) if class.lookup("__members__").is_some() => {
                let members = class.lookup("__members__").unwrap_or(Value::None);
                let members = if let Value::Dict(members) = members {
                    members.borrow().clone()
                } else {
                    Dict::default()
                };
                Iter::Items(members.values().cloned().collect::<Vec<_>>().into_iter())
            }
            _ => {
                let name = self.type_name(value);
                let error = self.raise("TypeError", &format!("'{name}' object is not iterable"));
                return Err(error.teach(|t| {
                    t.code = "value";
                    if matches!(value, Value::Int(_)) {
                        t.helps.push("to count, write `range(…)`".into());
                    }
                }));
            }
        };
        Ok(Value::iter(iter))
    }

    /// The items of an object with `__getitem__` alone.
    fn by_index(&mut self, value: &Value) -> Result {
        let mut items = Vec::new();
        let index_error = self.types.named("IndexError");
        for i in 0.. {
            self.charge(1)?;
            match self.get_item(value, &Value::Int(i)) {
                Ok(item) => items.push(item),
                Err(thrown)
                    if index_error.as_ref().is_some_and(|e| self.class_of(&thrown.value).is_subclass(e)) =>
                {
                    break;
                }
                Err(thrown) => return Err(thrown),
            }
        }
        Ok(Value::iter(Iter::Items(items.into_iter())))
    }

    /// The next item of an iterator.
    pub(crate) fn next(&mut self, iter: &Value) -> Result<Option<Value>> {
        self.step()?;
        let Value::Iter(state) = iter else { return Ok(None) };
        // What calls back into the interpreter does so without holding the state.
        enum Pull {
            Enumerate(Value, i64),
            Zip(Vec<Value>, bool),
            Map(Value, Vec<Value>),
            Filter(Value, Value),
            Object(Value),
            Until(Value, Value),
            Generator(Box<Generator>),
        }
        let pull = {
            let Ok(mut state) = state.try_borrow_mut() else {
                return Err(self.raise("ValueError", "iterator already executing"));
            };
            match &mut *state {
                Iter::List(items, at) => {
                    *at += 1;
                    return Ok(items.borrow().get(*at - 1).cloned());
                }
                Iter::Range(range, at) => {
                    *at += 1;
                    return Ok((*at <= range.len()).then(|| Value::Int(range.at(*at - 1))));
                }
                Iter::Items(items) => return Ok(items.next()),
                Iter::Keys(dict, at, length) => {
                    let dict = dict.borrow();
                    if dict.map.len() != *length {
                        let is_set = dict.map.values().next().is_some_and(|(_, v)| matches!(v, Value::None));
                        let what = if is_set { "Set" } else { "dictionary" };
                        let message = format!("{what} changed size during iteration");
                        return Err(self.raise("RuntimeError", &message));
                    }
                    *at += 1;
                    return Ok(dict.map.get_index(*at - 1).map(|(_, (key, _))| key.clone()));
                }
                Iter::Generator(generator) => match generator.take() {
                    Some(generator) => Pull::Generator(generator),
                    None => return Err(self.raise("ValueError", "generator already executing")),
                },
                Iter::Count { next, step } => {
                    let value = *next;
                    *next = next.saturating_add(*step);
                    return Ok(Some(Value::Int(value)));
                }
                Iter::Cycle(items, at) => {
                    if items.is_empty() {
                        return Ok(None);
                    }
                    *at += 1;
                    return Ok(Some(items[(*at - 1) % items.len()].clone()));
                }
                Iter::Enumerate(inner, n) => {
                    *n += 1;
                    Pull::Enumerate(inner.clone(), *n - 1)
                }
                Iter::Zip(inner, strict) => Pull::Zip(inner.clone(), *strict),
                Iter::Map(function, inner) => Pull::Map(function.clone(), inner.clone()),
                Iter::Filter(function, inner) => Pull::Filter(function.clone(), inner.clone()),
                Iter::Object(object) => Pull::Object(object.clone()),
                Iter::Until(function, sentinel) => Pull::Until(function.clone(), sentinel.clone()),
            }
        };
        match pull {
            Pull::Enumerate(inner, n) => {
                let item = self.next(&inner)?;
                Ok(item.map(|item| Value::tuple(vec![Value::Int(n), item])))
            }
            Pull::Generator(mut generator) => {
                let result = self.resume(&mut generator, Ok(Value::None));
                *state.borrow_mut() = Iter::Generator(Some(generator));
                result
            }
            Pull::Zip(inner, strict) => Ok(self.together(&inner, strict)?.map(Value::tuple)),
            Pull::Map(function, inner) => match self.together(&inner, false)? {
                Some(items) => self.call_with(&function, items).map(Some),
                None => Ok(None),
            },
            Pull::Filter(function, inner) => {
                while let Some(item) = self.next(&inner)? {
                    let kept = match &function {
                        Value::None => item.clone(),
                        function => self.call_with(function, vec![item.clone()])?,
                    };
                    if self.truth(&kept)? {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            Pull::Object(object) => {
                let stop = self.types.named("StopIteration");
                match self.call_method(&object, "__next__", Vec::new()) {
                    Ok(item) => Ok(Some(item)),
                    Err(thrown)
                        if stop.is_some_and(|stop| self.class_of(&thrown.value).is_subclass(&stop)) =>
                    {
                        Ok(None)
                    }
                    Err(thrown) => Err(thrown),
                }
            }
            Pull::Until(function, sentinel) => {
                let value = self.call_with(&function, Vec::new())?;
                Ok(if self.equals(&value, &sentinel)? { None } else { Some(value) })
            }
        }
    }

    /// An item of each of several iterators; `None` where one ends.
    fn together(&mut self, iters: &[Value], strict: bool) -> Result<Option<Vec<Value>>> {
        let mut items = Vec::with_capacity(iters.len());
        for (i, iter) in iters.iter().enumerate() {
            match self.next(iter)? {
                Some(item) => items.push(item),
                None if strict => {
                    let ends = |i: usize, what: &str| {
                        let before = if i == 1 { " 1".to_owned() } else { format!("s 1-{i}") };
                        format!("zip() argument {} is {what} than argument{before}", i + 1)
                    };
                    if i > 0 {
                        return Err(self.raise("ValueError", &ends(i, "shorter")));
                    }
                    for (j, later) in iters.iter().enumerate().skip(1) {
                        if self.next(later)?.is_some() {
                            return Err(self.raise("ValueError", &ends(j, "longer")));
                        }
                    }
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
        Ok((!items.is_empty()).then_some(items))
    }

    /// All items of a value.
    pub(crate) fn collect(&mut self, value: &Value) -> Result<Vec<Value>> {
        match value {
            Value::List(items) => {
                let items = items.borrow().clone();
                self.charge(items.len())?;
                return Ok(items);
            }
            Value::Tuple(items) => {
                self.charge(items.len())?;
                return Ok(items.to_vec());
            }
            _ => {}
        }
        let iter = self.iter(value)?;
        let mut items = Vec::new();
        while let Some(item) = self.next(&iter)? {
            self.charge(1)?;
            items.push(item);
        }
        Ok(items)
    }

    /// Whether a value counts as true.
    pub(crate) fn truth(&mut self, value: &Value) -> Result<bool> {
        Ok(match value {
            Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Float(x) => *x != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.borrow().is_empty(),
            Value::Tuple(items) => !items.is_empty(),
            Value::Dict(dict) | Value::Set { items: dict, .. } => !dict.borrow().map.is_empty(),
            Value::Range(range) => range.len() > 0,
            Value::Tensor(tensor) => return self.tensor_truth(&Rc::clone(tensor)),
            Value::Opaque(opaque) => return Err(self.opaque_error(&Rc::clone(opaque), "this condition")),
            Value::Instance(instance) => {
                for name in ["__bool__", "__len__"] {
                    if let Some(method) = instance.class.lookup(name) {
                        let method = self.bind(&method, value, &instance.class)?;
                        let result = self.call_with(&method, Vec::new())?;
                        return self.truth(&result);
                    }
                }
                match instance.payload.borrow().clone() {
                    Some(payload) => return self.truth(&payload),
                    None => true,
                }
            }
            _ => true,
        })
    }
}
