//! `len` and `in`.

use std::cell::RefCell;

use crate::interp::{Interp, Result, Thrown};
use crate::value::{Dict, DictKind, Key, Value};

impl Interp {
    /// `len(value)`.
    ///
    /// # Errors
    /// TypeError for values without a length.
    pub(crate) fn len(&mut self, value: &Value) -> Result<usize> {
        if let Some(length) = self.try_special(value, "__len__", Vec::new())? {
            return match self.try_integer(&length)?.map(usize::try_from) {
                Some(Ok(length)) => Ok(length),
                Some(Err(_)) => Err(self.raise("ValueError", "__len__() should return >= 0")),
                None => {
                    let found = self.type_name(&length);
                    Err(self
                        .raise("TypeError", &format!("'{found}' object cannot be interpreted as an integer")))
                }
            };
        }
        match &value.plain() {
            Value::Str(text) => {
                self.work(text.len())?;
                Ok(if text.is_ascii() { text.len() } else { text.chars().count() })
            }
            Value::Bytes(bytes) => Ok(bytes.len()),
            Value::List(items) => Ok(items.borrow().len()),
            Value::Tuple(items) => Ok(items.len()),
            Value::Dict(dict) | Value::Set { items: dict, .. } => Ok(dict.borrow().map.len()),
            Value::Range(range) => Ok(range.len()),
            Value::Tensor(tensor) => self.tensor_len(tensor),
            Value::Opaque(opaque) => Err(self.opaque_error(opaque, "a length")),
            Value::Class(class) => match class.lookup("__members__") {
                Some(Value::Dict(members)) => Ok(members.borrow().map.len()),
                _ => Err(self.raise("TypeError", "object of type 'type' has no len()")),
            },
            _ => {
                let found = self.type_name(value);
                Err(self.raise("TypeError", &format!("object of type '{found}' has no len()")))
            }
        }
    }

    /// `item in container`.
    ///
    /// # Errors
    /// TypeError for values that hold nothing.
    pub(crate) fn contains(&mut self, container: &Value, item: &Value) -> Result<bool> {
        if let Some(inside) = self.try_special(container, "__contains__", vec![item.clone()])? {
            return self.truth(&inside);
        }
        let plain = container.plain();
        match &plain {
            Value::Str(text) => match item.plain() {
                Value::Str(part) => {
                    self.work(text.len())?;
                    Ok(text.contains(&*part))
                }
                other => {
                    let found = self.type_name(&other);
                    let message = format!("'in <string>' requires string as left operand, not {found}");
                    Err(self.raise("TypeError", &message))
                }
            },
            Value::Dict(dict) | Value::Set { items: dict, .. } => {
                let key = self.key_of(item)?;
                Ok(dict.borrow().map.contains_key(&key))
            }
            Value::Range(range) => match item.key() {
                Some(Key::Int(n)) => {
                    let (n, start, step) = (i128::from(n), i128::from(range.start), i128::from(range.step));
                    let at = (n - start) / step;
                    Ok((n - start) % step == 0 && at >= 0 && at < range.len() as i128)
                }
                _ => Ok(false),
            },
            Value::List(items) => {
                // By position, since a comparison may change the list.
                let mut at = 0;
                loop {
                    let Some(other) = items.borrow().get(at).cloned() else { return Ok(false) };
                    if self.same(&other, item)? {
                        return Ok(true);
                    }
                    at += 1;
                }
            }
            Value::Tuple(items) => {
                for other in items.iter() {
                    if self.same(other, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Iter(_) | Value::Class(_) | Value::Tensor(_) => self.search(&plain, item),
            Value::Instance(_)
                if self.special(&plain, "__iter__").is_some()
                    || self.special(&plain, "__getitem__").is_some() =>
            {
                self.search(&plain, item)
            }
            _ => {
                let found = self.type_name(container);
                Err(self.raise("TypeError", &format!("argument of type '{found}' is not iterable")))
            }
        }
    }

    fn search(&mut self, container: &Value, item: &Value) -> Result<bool> {
        let iterator = self.iter(container)?;
        while let Some(other) = self.next(&iterator)? {
            if self.same(&other, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A value as a key of a dict or a set.
    ///
    /// # Errors
    /// TypeError for values that change.
    pub(crate) fn key_of(&mut self, value: &Value) -> Result<Key> {
        if let Value::Instance(instance) = value
            && let Some(hash) = self.try_special(value, "__hash__", Vec::new())?
        {
            // Objects of one class are taken to be equal where their hashes are.
            let class = std::rc::Rc::as_ptr(&instance.class) as usize;
            let hash = self.integer(&hash)?;
            return Ok(Key::Tuple(vec![Key::Str("hash".into()), Key::Identity(class), Key::Int(hash)]));
        }
        match value.key() {
            Some(key) => Ok(key),
            None => Err(self.unhashable(value)),
        }
    }

    /// Sets a value of a dict, or a key of a set; the key keeps its first form.
    ///
    /// # Errors
    /// TypeError for a key that changes.
    pub(crate) fn put(&mut self, dict: &RefCell<Dict>, key: Value, value: Value) -> Result<()> {
        self.charge(1)?;
        let hashed = self.key_of(&key)?;
        let mut dict = dict.borrow_mut();
        if let (DictKind::Attributes(instance), Value::Str(name)) = (&dict.kind, &key) {
            instance.attrs.borrow_mut().insert(name.clone(), value.clone());
        }
        // What was there before is dropped once nothing is held.
        let old = match dict.map.get_mut(&hashed) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                dict.map.insert(hashed, (key, value));
                None
            }
        };
        drop(dict);
        drop(old);
        Ok(())
    }

    /// The error for a value that cannot be a key, which names the innermost one.
    pub(crate) fn unhashable(&mut self, value: &Value) -> Box<Thrown> {
        if let Value::Tuple(items) = value.plain()
            && let Some(inner) = items.iter().find(|item| item.key().is_none())
        {
            return self.unhashable(inner);
        }
        let found = self.type_name(value);
        let help = match &*found {
            "list" => Some("a tuple can be a key: `tuple(…)`"),
            "set" => Some("a frozenset can be a key: `frozenset(…)`"),
            _ => None,
        };
        self.raise("TypeError", &format!("unhashable type: '{found}'"))
            .teach(|t| t.helps.extend(help.map(str::to_owned)))
    }

    /// KeyError, with the nearest key.
    pub(crate) fn key_error<'a>(
        &mut self,
        key: &Value,
        known: impl Iterator<Item = &'a Value>,
    ) -> Box<Thrown> {
        let known: Vec<&str> = known
            .filter_map(|value| match value {
                Value::Str(text) => Some(&**text),
                _ => None,
            })
            .take(1000)
            .collect();
        let near = match key {
            Value::Str(name) if name.len() < 100 => crate::nearest::nearest(name, known.iter().copied()),
            _ => None,
        };
        let help = match near {
            Some(near) => Some(format!("did you mean '{near}'?")),
            None if (1..=12).contains(&known.len()) => Some(format!("the keys are {}", known.join(", "))),
            None => None,
        };
        let value = self.exception("KeyError", vec![key.clone()]);
        self.throw(value).teach(|t| t.helps.extend(help))
    }
}
