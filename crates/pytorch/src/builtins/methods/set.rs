//! Methods of sets.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::operators::{combine, set_of};
use super::{native, wrong_receiver};
use crate::ast::BinaryOp;
use crate::interp::{Args, Interp, Result};
use crate::value::{Dict, Native, Value};

/// A method; those that change the set only for sets that are not frozen.
pub(super) fn method(name: &str, changes: bool) -> Option<Native> {
    Some(match name {
        "union" => native("set.union", |i, a| combined(i, a, "set.union", BinaryOp::Or)),
        "intersection" => {
            native("set.intersection", |i, a| combined(i, a, "set.intersection", BinaryOp::And))
        }
        "difference" => native("set.difference", |i, a| combined(i, a, "set.difference", BinaryOp::Sub)),
        "symmetric_difference" => native("set.symmetric_difference", |i, a| {
            combined(i, a, "set.symmetric_difference", BinaryOp::Xor)
        }),
        "issubset" => native("set.issubset", |i, a| related(i, a, "set.issubset", within)),
        "issuperset" => native("set.issuperset", |i, a| related(i, a, "set.issuperset", |a, b| within(b, a))),
        "isdisjoint" => native("set.isdisjoint", |i, a| {
            related(i, a, "set.isdisjoint", |a, b| !a.map.keys().any(|key| b.map.contains_key(key)))
        }),
        "copy" => native("set.copy", |i, a| combined(i, a, "set.copy", BinaryOp::Or)),
        _ if !changes => return None,
        "add" => native("set.add", add),
        "remove" => native("set.remove", |i, a| discard(i, a, "set.remove", true)),
        "discard" => native("set.discard", |i, a| discard(i, a, "set.discard", false)),
        "pop" => native("set.pop", pop),
        "clear" => native("set.clear", clear),
        "update" => native("set.update", |i, a| change(i, a, "set.update", BinaryOp::Or)),
        "intersection_update" => {
            native("set.intersection_update", |i, a| change(i, a, "set.intersection_update", BinaryOp::And))
        }
        "difference_update" => {
            native("set.difference_update", |i, a| change(i, a, "set.difference_update", BinaryOp::Sub))
        }
        "symmetric_difference_update" => native("set.symmetric_difference_update", |i, a| {
            change(i, a, "set.symmetric_difference_update", BinaryOp::Xor)
        }),
        _ => return None,
    })
}

fn within(a: &Dict, b: &Dict) -> bool {
    a.map.keys().all(|key| b.map.contains_key(key))
}

fn receiver(interp: &mut Interp, args: &mut Args, name: &str) -> Result<(Rc<RefCell<Dict>>, bool)> {
    match args.receiver(interp, name)? {
        Value::Set { items, frozen } => Ok((items, frozen)),
        other => Err(wrong_receiver(interp, name, &other)),
    }
}

impl Interp {
    /// The keys of a set of what a value gives.
    ///
    /// # Errors
    /// TypeError for what cannot be in a set.
    pub(crate) fn set_items(&mut self, value: &Value) -> Result<Dict> {
        if let Value::Set { items, .. } = value.plain() {
            self.charge(items.borrow().map.len())?;
            return Ok(items.borrow().clone());
        }
        let dict = RefCell::new(Dict::default());
        for item in self.collect(value)? {
            self.put(&dict, item, Value::None)?;
        }
        Ok(dict.into_inner())
    }
}

fn combined(interp: &mut Interp, mut args: Args, name: &str, op: BinaryOp) -> Result {
    let (items, frozen) = receiver(interp, &mut args, name)?;
    interp.charge(items.borrow().map.len())?;
    let mut result = items.borrow().clone();
    for other in args.positional(interp, name, 0, usize::MAX)? {
        let other = interp.set_items(&other)?;
        result = combine(op, &result, &other).unwrap_or(result);
    }
    Ok(set_of(result, frozen))
}

fn change(interp: &mut Interp, mut args: Args, name: &str, op: BinaryOp) -> Result {
    let (items, _) = receiver(interp, &mut args, name)?;
    for other in args.positional(interp, name, 0, usize::MAX)? {
        let other = interp.set_items(&other)?;
        interp.charge(items.borrow().map.len())?;
        let result = combine(op, &items.borrow(), &other);
        if let Some(result) = result {
            *items.borrow_mut() = result;
        }
    }
    Ok(Value::None)
}

fn related(interp: &mut Interp, mut args: Args, name: &str, holds: fn(&Dict, &Dict) -> bool) -> Result {
    let (items, _) = receiver(interp, &mut args, name)?;
    let given = args.positional(interp, name, 1, 1)?;
    let other = interp.set_items(&given[0])?;
    interp.work(items.borrow().map.len())?;
    let result = holds(&items.borrow(), &other);
    Ok(Value::Bool(result))
}

fn add(interp: &mut Interp, mut args: Args) -> Result {
    let (items, _) = receiver(interp, &mut args, "set.add")?;
    let mut given = args.positional(interp, "set.add", 1, 1)?;
    let item = given.remove(0);
    interp.put(&items, item, Value::None)?;
    Ok(Value::None)
}

fn discard(interp: &mut Interp, mut args: Args, name: &str, must: bool) -> Result {
    let (items, _) = receiver(interp, &mut args, name)?;
    let given = args.positional(interp, name, 1, 1)?;
    let key = interp.key_of(&given[0])?;
    interp.work(items.borrow().map.len())?;
    let removed = items.borrow_mut().map.shift_remove(&key);
    if removed.is_none() && must {
        let known: Vec<Value> = items.borrow().keys().take(1000).cloned().collect();
        return Err(interp.key_error(&given[0], known.iter()));
    }
    Ok(Value::None)
}

fn pop(interp: &mut Interp, mut args: Args) -> Result {
    let (items, _) = receiver(interp, &mut args, "set.pop")?;
    args.positional(interp, "set.pop", 0, 0)?;
    interp.work(items.borrow().map.len())?;
    let removed = items.borrow_mut().map.shift_remove_index(0);
    match removed {
        Some((_, (item, _))) => Ok(item),
        None => {
            let value = interp.exception("KeyError", vec![Value::str("pop from an empty set")]);
            Err(interp.throw(value))
        }
    }
}

fn clear(interp: &mut Interp, mut args: Args) -> Result {
    let (items, _) = receiver(interp, &mut args, "set.clear")?;
    args.positional(interp, "set.clear", 0, 0)?;
    items.borrow_mut().map.clear();
    Ok(Value::None)
}
