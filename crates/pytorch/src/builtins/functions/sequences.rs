//! Functions of what can be iterated over: `len`, `enumerate`, `zip`, `sorted`, `sum`, `max` …

use crate::ast::BinaryOp;
use crate::interp::{Args, Interp, Result};
use crate::value::{Iter, NativeFn, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let functions: [(&'static str, NativeFn); 15] = [
        ("len", len),
        ("enumerate", enumerate),
        ("zip", zip),
        ("map", map),
        ("filter", filter),
        ("sorted", sorted),
        ("reversed", reversed),
        ("sum", sum),
        ("min", |i, a| extreme(i, a, "min")),
        ("max", |i, a| extreme(i, a, "max")),
        ("any", |i, a| all_or_any(i, a, "any", true)),
        ("all", |i, a| all_or_any(i, a, "all", false)),
        ("iter", iter),
        ("next", next),
        ("print", print),
    ];
    functions.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

/// One argument, with CPython's words for another number.
pub(super) fn one(interp: &mut Interp, args: Args, name: &str) -> Result {
    let found = args.items.len();
    if args.keywords.is_empty() && found != 1 {
        let message = format!("{name}() takes exactly one argument ({found} given)");
        return Err(interp.raise("TypeError", &message));
    }
    Ok(args.positional(interp, name, 1, 1)?.remove(0))
}

fn len(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "len")?;
    Ok(Value::Int(interp.len(&value)? as i64))
}

fn enumerate(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "enumerate", &["iterable", "start"], 1)?;
    let items = bound.required(0);
    let start = match bound.take(1) {
        Some(start) => interp.integer(&start)?,
        None => 0,
    };
    let items = interp.iter(&items)?;
    Ok(Value::iter(Iter::Enumerate(items, start)))
}

fn zip(interp: &mut Interp, mut args: Args) -> Result {
    let strict = match take_keyword(&mut args, "strict") {
        Some(strict) => interp.truth(&strict)?,
        None => false,
    };
    let mut iterators = Vec::new();
    for item in args.positional(interp, "zip", 0, usize::MAX)? {
        iterators.push(interp.iter(&item)?);
    }
    Ok(Value::iter(Iter::Zip(iterators, strict)))
}

/// Takes an argument given by name.
pub(crate) fn take_keyword(args: &mut Args, name: &str) -> Option<Value> {
    let at = args.keywords.iter().position(|(known, _)| &**known == name)?;
    if at < args.keyword_spans.len() {
        args.keyword_spans.remove(at);
    }
    Some(args.keywords.remove(at).1)
}

fn map(interp: &mut Interp, args: Args) -> Result {
    let mut items = args.positional(interp, "map", 0, usize::MAX)?;
    if items.len() < 2 {
        return Err(interp.raise("TypeError", "map() must have at least two arguments."));
    }
    let function = items.remove(0);
    let mut iterators = Vec::new();
    for item in items {
        iterators.push(interp.iter(&item)?);
    }
    Ok(Value::iter(Iter::Map(function, iterators)))
}

fn filter(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "filter", 2, 2)?;
    let iterator = interp.iter(&items[1])?;
    Ok(Value::iter(Iter::Filter(items[0].clone(), iterator)))
}

fn sorted(interp: &mut Interp, mut args: Args) -> Result {
    let key = take_keyword(&mut args, "key").filter(|key| !matches!(key, Value::None));
    let reverse = match take_keyword(&mut args, "reverse") {
        Some(reverse) => interp.truth(&reverse)?,
        None => false,
    };
    if args.keywords.is_empty() && args.items.len() != 1 {
        let found = args.items.len();
        return Err(interp.raise("TypeError", &format!("sorted expected 1 argument, got {found}")));
    }
    let items = args.positional(interp, "sorted", 1, 1)?;
    let items = interp.collect(&items[0])?;
    Ok(Value::list(interp.sort_values(items, key.as_ref(), reverse)?))
}

fn reversed(interp: &mut Interp, args: Args) -> Result {
    let value = one(interp, args, "reversed")?;
    if let Some(items) = interp.try_special(&value, "__reversed__", Vec::new())? {
        return Ok(items);
    }
    let plain = value.plain();
    let mut items = match &plain {
        Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Range(_) | Value::Dict(_) => {
            interp.collect(&plain)?
        }
        Value::Set { .. } if matches!(value, Value::Instance(_)) => interp.collect(&plain)?,
        Value::Instance(_) if interp.special(&value, "__getitem__").is_some() => {
            let mut items = Vec::new();
            for at in 0..interp.len(&value)? {
                interp.charge(1)?;
                items.push(interp.get_item(&value, &Value::Int(at as i64))?);
            }
            items
        }
        _ => {
            let found = interp.type_name(&value);
            return Err(interp.raise("TypeError", &format!("'{found}' object is not reversible")));
        }
    };
    items.reverse();
    Ok(Value::iter(Iter::Items(items.into_iter())))
}

fn sum(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "sum", &["iterable", "start"], 1)?;
    let items = bound.required(0);
    let mut total = bound.take(1).unwrap_or(Value::Int(0));
    if matches!(total, Value::Str(_)) {
        return Err(interp.raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]"));
    }
    let iterator = interp.iter(&items)?;
    while let Some(item) = interp.next(&iterator)? {
        interp.step()?;
        total = interp.binary(BinaryOp::Add, &total, &item)?;
    }
    Ok(total)
}

fn extreme(interp: &mut Interp, mut args: Args, name: &str) -> Result {
    let key = take_keyword(&mut args, "key").filter(|key| !matches!(key, Value::None));
    let default = take_keyword(&mut args, "default");
    let mut given = args.positional(interp, name, 0, usize::MAX)?;
    let items = match given.len() {
        0 => return Err(interp.raise("TypeError", &format!("{name} expected at least 1 argument, got 0"))),
        1 => interp.collect(&given.remove(0))?,
        _ => given,
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        interp.step()?;
        let by = match &key {
            Some(key) => interp.call_with(key, vec![item.clone()])?,
            None => item.clone(),
        };
        let is_better = match &best {
            None => true,
            // `max` asks with `>`, as CPython does: its messages name the operator.
            Some((known, _)) if name == "max" => {
                let result = interp.compare(crate::ast::CompareOp::Greater, &by, known)?;
                interp.truth(&result)?
            }
            Some((known, _)) => interp.less(&by, known)?,
        };
        if is_better {
            best = Some((by, item));
        }
    }
    match best.map(|(_, item)| item).or(default) {
        Some(item) => Ok(item),
        None => Err(interp.raise("ValueError", &format!("{name}() arg is an empty sequence"))),
    }
}

fn all_or_any(interp: &mut Interp, args: Args, name: &str, stops_at: bool) -> Result {
    let items = one(interp, args, name)?;
    let iterator = interp.iter(&items)?;
    while let Some(item) = interp.next(&iterator)? {
        interp.step()?;
        if interp.truth(&item)? == stops_at {
            return Ok(Value::Bool(stops_at));
        }
    }
    Ok(Value::Bool(!stops_at))
}

fn iter(interp: &mut Interp, args: Args) -> Result {
    let mut items = args.positional(interp, "iter", 1, 2)?;
    match items.pop() {
        Some(sentinel) if !items.is_empty() => Ok(Value::iter(Iter::Until(items.remove(0), sentinel))),
        Some(value) => interp.iter(&value),
        None => Ok(Value::None),
    }
}

fn next(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "next", 1, 2)?;
    let iterator = match &items[0] {
        Value::Iter(_) => items[0].clone(),
        Value::Instance(_) if interp.special(&items[0], "__next__").is_some() => {
            Value::iter(Iter::Object(items[0].clone()))
        }
        Value::Opaque(opaque) => {
            let path = opaque.path.clone();
            return Ok(interp.opaque(&path));
        }
        other => {
            let found = interp.type_name(other);
            let error = interp.raise("TypeError", &format!("'{found}' object is not an iterator"));
            return Err(error.teach(|t| t.helps.push("write `next(iter(…))`".to_owned())));
        }
    };
    match interp.next(&iterator)? {
        Some(item) => Ok(item),
        None => match items.get(1) {
            Some(default) => Ok(default.clone()),
            None => {
                let value = interp.exception("StopIteration", Vec::new());
                Err(interp.throw(value))
            }
        },
    }
}

fn print(interp: &mut Interp, mut args: Args) -> Result {
    let mut ends = [" ".to_owned(), "\n".to_owned()];
    for (end, name) in ends.iter_mut().zip(["sep", "end"]) {
        match take_keyword(&mut args, name) {
            None | Some(Value::None) => {}
            Some(Value::Str(text)) => *end = text.to_string(),
            Some(other) => {
                let found = interp.type_name(&other);
                return Err(
                    interp.raise("TypeError", &format!("{name} must be None or a string, not {found}"))
                );
            }
        }
    }
    let file = take_keyword(&mut args, "file").filter(|file| !matches!(file, Value::None));
    take_keyword(&mut args, "flush");
    if let Some((name, _)) = args.keywords.first() {
        let message = format!("'{name}' is an invalid keyword argument for print()");
        return Err(interp.raise("TypeError", &message));
    }
    let [separator, end] = ends;
    let mut line = String::new();
    for (at, item) in args.items.iter().enumerate() {
        if at > 0 {
            interp.charge(separator.len())?;
            line.push_str(&separator);
        }
        line.push_str(&interp.str_of(item)?);
    }
    line.push_str(&end);
    match file {
        None => interp.print(&line),
        // What is printed to somewhere else is not seen.
        Some(Value::Opaque(_)) => {}
        Some(file) => {
            interp.call_method(&file, "write", vec![Value::str(&line)])?;
        }
    }
    Ok(Value::None)
}
