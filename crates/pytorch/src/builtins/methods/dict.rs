//! Methods of dicts, counters and ordered dicts.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::view::ViewKind;
use super::{native, wrong_receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Dict, DictKind, Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "get" => native("dict.get", get),
        "keys" => native("dict.keys", |i, a| view(i, a, "dict.keys", ViewKind::Keys)),
        "values" => native("dict.values", |i, a| view(i, a, "dict.values", ViewKind::Values)),
        "items" => native("dict.items", |i, a| view(i, a, "dict.items", ViewKind::Items)),
        "pop" => native("dict.pop", pop),
        "popitem" => native("dict.popitem", popitem),
        "setdefault" => native("dict.setdefault", setdefault),
        "update" => native("dict.update", update),
        "clear" => native("dict.clear", clear),
        "copy" => native("dict.copy", copy),
        "fromkeys" => native("dict.fromkeys", fromkeys),
        "move_to_end" => native("OrderedDict.move_to_end", move_to_end),
        _ => return None,
    })
}

fn receiver(interp: &mut Interp, args: &mut Args, name: &str) -> Result<Rc<RefCell<Dict>>> {
    match args.receiver(interp, name)? {
        Value::Dict(dict) => Ok(dict),
        other => Err(wrong_receiver(interp, name, &other)),
    }
}

fn get(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.get")?;
    let given = args.positional(interp, "dict.get", 1, 2)?;
    let key = interp.key_of(&given[0])?;
    let found = dict.borrow().map.get(&key).map(|(_, value)| value.clone());
    Ok(found.unwrap_or_else(|| given.get(1).cloned().unwrap_or(Value::None)))
}

fn view(interp: &mut Interp, mut args: Args, name: &str, kind: ViewKind) -> Result {
    let dict = receiver(interp, &mut args, name)?;
    args.positional(interp, name, 0, 0)?;
    interp.dict_view(&dict, kind)
}

fn pop(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.pop")?;
    let mut bound = args.bind(interp, "dict.pop", &["key", "default"], 1)?;
    let (given, default) = (bound.required(0), bound.take(1));
    let key = interp.key_of(&given)?;
    interp.work(dict.borrow().map.len())?;
    let removed = dict.borrow_mut().map.shift_remove(&key);
    if let (DictKind::Attributes(instance), Value::Str(name)) = (&dict.borrow().kind, &given) {
        instance.attrs.borrow_mut().shift_remove(name);
    }
    match (removed, default) {
        (Some((_, value)), _) => Ok(value),
        (None, Some(default)) => Ok(default),
        (None, None) => {
            let known: Vec<Value> = dict.borrow().keys().take(1000).cloned().collect();
            Err(interp.key_error(&given, known.iter()))
        }
    }
}

fn popitem(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.popitem")?;
    let mut bound = args.bind(interp, "dict.popitem", &["last"], 1)?;
    let last = match bound.take(0) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    let removed = if last {
        dict.borrow_mut().map.pop()
    } else {
        interp.work(dict.borrow().map.len())?;
        dict.borrow_mut().map.shift_remove_index(0)
    };
    match removed {
        Some((_, (key, value))) => Ok(Value::tuple(vec![key, value])),
        None => {
            let value = interp.exception("KeyError", vec![Value::str("popitem(): dictionary is empty")]);
            Err(interp.throw(value))
        }
    }
}

fn setdefault(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.setdefault")?;
    let given = args.positional(interp, "dict.setdefault", 1, 2)?;
    let key = interp.key_of(&given[0])?;
    let found = dict.borrow().map.get(&key).map(|(_, value)| value.clone());
    if let Some(found) = found {
        return Ok(found);
    }
    let value = given.get(1).cloned().unwrap_or(Value::None);
    interp.put(&dict, given[0].clone(), value.clone())?;
    Ok(value)
}

fn update(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.update")?;
    if matches!(dict.borrow().kind, DictKind::Counter) {
        interp.count_into(&dict, args, 1)?;
    } else {
        interp.fill_dict(&dict, args, "dict.update")?;
    }
    Ok(Value::None)
}

fn clear(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.clear")?;
    args.positional(interp, "dict.clear", 0, 0)?;
    dict.borrow_mut().map.clear();
    Ok(Value::None)
}

fn copy(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "dict.copy")?;
    args.positional(interp, "dict.copy", 0, 0)?;
    interp.charge(dict.borrow().map.len())?;
    let mut copy = dict.borrow().clone();
    if matches!(copy.kind, DictKind::Attributes(_)) {
        copy.kind = DictKind::Plain;
    }
    Ok(Value::dict(copy))
}

fn fromkeys(interp: &mut Interp, mut args: Args) -> Result {
    // A class method: called on `dict`, on a dict, or with the keys alone.
    if args.items.len() > 1 && matches!(args.items[0].plain(), Value::Class(_) | Value::Dict(_)) {
        args.receiver(interp, "dict.fromkeys")?;
    }
    let given = args.positional(interp, "dict.fromkeys", 1, 2)?;
    let value = given.get(1).cloned().unwrap_or(Value::None);
    let dict = Rc::new(RefCell::new(Dict::default()));
    for key in interp.collect(&given[0])? {
        interp.put(&dict, key, value.clone())?;
    }
    Ok(Value::Dict(dict))
}

fn move_to_end(interp: &mut Interp, mut args: Args) -> Result {
    let dict = receiver(interp, &mut args, "move_to_end")?;
    let mut bound = args.bind(interp, "move_to_end", &["key", "last"], 1)?;
    let given = bound.required(0);
    let last = match bound.take(1) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    let key = interp.key_of(&given)?;
    interp.work(dict.borrow().map.len())?;
    let at = dict.borrow().map.get_index_of(&key);
    match at {
        Some(at) => {
            let mut dict = dict.borrow_mut();
            let end = if last { dict.map.len() - 1 } else { 0 };
            dict.map.move_index(at, end);
            Ok(Value::None)
        }
        None => {
            let known: Vec<Value> = dict.borrow().keys().take(1000).cloned().collect();
            Err(interp.key_error(&given, known.iter()))
        }
    }
}
