//! `copy`: shallow and deep copies.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::super::operators::set_of;
use super::functions;
use crate::interp::{Interp, Result};
use crate::torch::ModuleState;
use crate::value::{Dict, Instance, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    functions([
        ("copy", |interp, args| {
            let items = args.positional(interp, "copy", 1, 1)?;
            interp.shallow_copy(&items[0])
        }),
        ("deepcopy", |interp, args| {
            let mut bound = args.bind(interp, "deepcopy", &["x", "memo"], 1)?;
            let value = bound.required(0);
            interp.deep_copy(&value, &mut HashMap::new())
        }),
    ])
}

/// Copies by the address of what they are of, with the originals, which thereby keep their addresses.
type Memo = HashMap<usize, (Value, Value)>;

/// An instance of the same class with the same state as a module, and no attributes yet.
fn emptied(instance: &Instance) -> Instance {
    let copy = Instance::new(instance.class.clone());
    *copy.module.borrow_mut() = instance.module.borrow().as_ref().map(|state| ModuleState {
        buffers: state.buffers.clone(),
        declared: state.declared.clone(),
        is_evaluating: state.is_evaluating,
    });
    copy.made.set(instance.made.get());
    copy.arguments.borrow_mut().clone_from(&instance.arguments.borrow());
    copy
}

impl Interp {
    /// `copy.copy(value)`.
    ///
    /// # Errors
    /// What a `__copy__` raises; limits.
    pub(crate) fn shallow_copy(&mut self, value: &Value) -> Result {
        if let Some(copy) = self.try_special(value, "__copy__", Vec::new())? {
            return Ok(copy);
        }
        Ok(match value {
            Value::List(items) => {
                self.charge(items.borrow().len())?;
                Value::list(items.borrow().clone())
            }
            Value::Dict(dict) => {
                self.charge(dict.borrow().map.len())?;
                Value::dict(dict.borrow().clone())
            }
            Value::Set { items, frozen: false } => {
                self.charge(items.borrow().map.len())?;
                set_of(items.borrow().clone(), false)
            }
            Value::Instance(instance) => {
                self.charge(1 + instance.attrs.borrow().len())?;
                let copy = emptied(instance);
                copy.attrs.borrow_mut().clone_from(&instance.attrs.borrow());
                let payload = instance.payload.borrow().clone();
                if let Some(payload) = payload {
                    *copy.payload.borrow_mut() = Some(self.shallow_copy(&payload)?);
                }
                Value::Instance(Rc::new(copy))
            }
            other => other.clone(),
        })
    }

    /// `copy.deepcopy(value)`.
    ///
    /// # Errors
    /// What a `__deepcopy__` raises; limits.
    fn deep_copy(&mut self, value: &Value, memo: &mut Memo) -> Result {
        self.step()?;
        let Some(address) = value.address() else { return Ok(value.clone()) };
        if let Some((_, copy)) = memo.get(&address) {
            return Ok(copy.clone());
        }
        match value {
            Value::List(items) => {
                self.charge(items.borrow().len())?;
                let copy = Rc::new(RefCell::new(Vec::new()));
                memo.insert(address, (value.clone(), Value::List(copy.clone())));
                let items = items.borrow().clone();
                for item in &items {
                    let item = self.nested(|i| i.deep_copy(item, memo))?;
                    copy.borrow_mut().push(item);
                }
                Ok(Value::List(copy))
            }
            Value::Tuple(items) => {
                self.charge(items.len())?;
                let mut copies = Vec::new();
                for item in items.iter() {
                    copies.push(self.nested(|i| i.deep_copy(item, memo))?);
                }
                let copy = Value::tuple(copies);
                memo.insert(address, (value.clone(), copy.clone()));
                Ok(copy)
            }
            Value::Dict(dict) => {
                self.charge(dict.borrow().map.len())?;
                let source = dict.borrow().clone();
                let copy = Rc::new(RefCell::new(Dict { kind: source.kind.clone(), ..Dict::default() }));
                memo.insert(address, (value.clone(), Value::Dict(copy.clone())));
                for (key, item) in source.map.into_values() {
                    let key = self.nested(|i| i.deep_copy(&key, memo))?;
                    let item = self.nested(|i| i.deep_copy(&item, memo))?;
                    copy.borrow_mut().set(key, item);
                }
                Ok(Value::Dict(copy))
            }
            Value::Set { items, frozen } => {
                self.charge(items.borrow().map.len())?;
                let keys: Vec<Value> = items.borrow().keys().cloned().collect();
                let mut copies = Dict::default();
                for key in &keys {
                    let key = self.nested(|i| i.deep_copy(key, memo))?;
                    copies.set(key, Value::None);
                }
                let copy = set_of(copies, *frozen);
                memo.insert(address, (value.clone(), copy.clone()));
                Ok(copy)
            }
            Value::Instance(instance) => {
                if self.special(value, "__deepcopy__").is_some() {
                    let dict = Value::dict(Dict::default());
                    let copy = self.try_special(value, "__deepcopy__", vec![dict])?.unwrap_or(Value::None);
                    memo.insert(address, (value.clone(), copy.clone()));
                    return Ok(copy);
                }
                let copy = Rc::new(emptied(instance));
                memo.insert(address, (value.clone(), Value::Instance(copy.clone())));
                let attrs: Vec<_> = instance.attrs.borrow().clone().into_iter().collect();
                self.charge(1 + attrs.len())?;
                for (name, attr) in attrs {
                    let attr = self.nested(|i| i.deep_copy(&attr, memo))?;
                    copy.attrs.borrow_mut().insert(name, attr);
                }
                let payload = instance.payload.borrow().clone();
                if let Some(payload) = payload {
                    let payload = self.nested(|i| i.deep_copy(&payload, memo))?;
                    *copy.payload.borrow_mut() = Some(payload);
                }
                Ok(Value::Instance(copy))
            }
            Value::Method(method) => {
                let receiver = self.nested(|i| i.deep_copy(&method.receiver, memo))?;
                let function = method.function.clone();
                Ok(Value::Method(Rc::new(crate::value::Method { receiver, function })))
            }
            Value::Tensor(tensor) => {
                let copy = self.deepcopy_parameter(tensor)?;
                memo.insert(address, (value.clone(), copy.clone()));
                Ok(copy)
            }
            other => Ok(other.clone()),
        }
    }
}
