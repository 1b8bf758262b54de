//! Methods of lists.

use std::cell::RefCell;
use std::rc::Rc;

use super::{native, wrong_receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "append" => native("list.append", append),
        "extend" => native("list.extend", extend),
        "insert" => native("list.insert", insert),
        "pop" => native("list.pop", pop),
        "remove" => native("list.remove", remove),
        "clear" => native("list.clear", clear),
        "index" => native("list.index", super::tuple::index),
        "count" => native("list.count", super::tuple::count),
        "sort" => native("list.sort", sort),
        "reverse" => native("list.reverse", reverse),
        "copy" => native("list.copy", copy),
        _ => return None,
    })
}

type Items = Rc<RefCell<Vec<Value>>>;

fn items(interp: &mut Interp, args: &mut Args, name: &str) -> Result<Items> {
    match args.receiver(interp, name)? {
        Value::List(items) => Ok(items),
        other => Err(wrong_receiver(interp, name, &other)),
    }
}

fn append(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.append")?;
    let mut given = exactly(interp, args, "list.append", "one", 1)?;
    interp.charge(1)?;
    list.borrow_mut().extend(given.pop());
    Ok(Value::None)
}

/// Arguments by position, counted as CPython's messages count them.
fn exactly(interp: &mut Interp, args: Args, name: &str, count: &str, n: usize) -> Result<Vec<Value>> {
    let found = args.items.len();
    if args.keywords.is_empty() && found != n {
        return Err(
            interp.raise("TypeError", &format!("{name}() takes exactly {count} argument ({found} given)"))
        );
    }
    args.positional(interp, name, n, n)
}

fn extend(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.extend")?;
    let given = exactly(interp, args, "list.extend", "one", 1)?;
    let new = interp.collect(&given[0])?;
    list.borrow_mut().extend(new);
    Ok(Value::None)
}

fn insert(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.insert")?;
    let given = args.positional(interp, "list.insert", 2, 2)?;
    let at = interp.integer(&given[0])?;
    interp.charge(1)?;
    let len = list.borrow().len();
    interp.work(len)?;
    let at = if at < 0 { (at + len as i64).max(0) } else { at.min(len as i64) };
    list.borrow_mut().insert(at as usize, given[1].clone());
    Ok(Value::None)
}

fn pop(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.pop")?;
    let given = args.positional(interp, "list.pop", 0, 1)?;
    let len = list.borrow().len();
    if len == 0 {
        return Err(interp.raise("IndexError", "pop from empty list"));
    }
    let at = match given.first() {
        Some(at) => interp.integer(at)?,
        None => -1,
    };
    let at = interp.position(at, len, "pop")?;
    interp.work(len - at)?;
    Ok(list.borrow_mut().remove(at))
}

fn remove(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.remove")?;
    let given = exactly(interp, args, "list.remove", "one", 1)?;
    let mut at = 0;
    loop {
        let Some(item) = list.borrow().get(at).cloned() else {
            return Err(interp.raise("ValueError", "list.remove(x): x not in list"));
        };
        if interp.same(&item, &given[0])? {
            let mut list = list.borrow_mut();
            if at < list.len() {
                list.remove(at);
            }
            return Ok(Value::None);
        }
        at += 1;
    }
}

fn clear(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.clear")?;
    args.positional(interp, "list.clear", 0, 0)?;
    list.borrow_mut().clear();
    Ok(Value::None)
}

fn sort(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.sort")?;
    if !args.items.is_empty() {
        return Err(interp
            .raise("TypeError", "sort() takes no positional arguments")
            .teach(|t| t.helps.push("write `key=` before the function".to_owned())));
    }
    let mut bound = args.bind(interp, "list.sort", &["key", "reverse"], 2)?;
    let (key, reverse) = (bound.some(0), bound.take(1));
    let reverse = match reverse {
        Some(value) => interp.truth(&value)?,
        None => false,
    };
    // As in CPython the list is empty while it is sorted.
    let old = list.take();
    let sorted = interp.sort_values(old.clone(), key.as_ref(), reverse);
    match sorted {
        Ok(sorted) => *list.borrow_mut() = sorted,
        Err(error) => {
            *list.borrow_mut() = old;
            return Err(error);
        }
    }
    Ok(Value::None)
}

fn reverse(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.reverse")?;
    args.positional(interp, "list.reverse", 0, 0)?;
    interp.work(list.borrow().len())?;
    list.borrow_mut().reverse();
    Ok(Value::None)
}

fn copy(interp: &mut Interp, mut args: Args) -> Result {
    let list = items(interp, &mut args, "list.copy")?;
    args.positional(interp, "list.copy", 0, 0)?;
    interp.charge(list.borrow().len())?;
    let items = list.borrow().clone();
    Ok(Value::list(items))
}
