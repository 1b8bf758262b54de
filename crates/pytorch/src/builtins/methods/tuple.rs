//! Methods of tuples and ranges; those of lists that only look.

use super::{native, wrong_receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "index" => native("tuple.index", index),
        "count" => native("tuple.count", count),
        _ => return None,
    })
}

fn item(value: &Value, at: usize) -> Option<Value> {
    match value {
        Value::List(items) => items.borrow().get(at).cloned(),
        Value::Tuple(items) => items.get(at).cloned(),
        Value::Range(range) => (at < range.len()).then(|| Value::Int(range.at(at))),
        _ => None,
    }
}

/// `sequence.index(item, start, stop)`.
pub(super) fn index(interp: &mut Interp, mut args: Args) -> Result {
    let sequence = args.receiver(interp, "tuple.index")?;
    if !matches!(sequence, Value::List(_) | Value::Tuple(_) | Value::Range(_)) {
        return Err(wrong_receiver(interp, "tuple.index", &sequence));
    }
    let given = args.positional(interp, "index", 1, 3)?;
    let len = interp.len(&sequence)?;
    let mut bounds = [0, len];
    for (bound, value) in bounds.iter_mut().zip(&given[1..]) {
        let at = interp.integer(value)?;
        let at = if at < 0 { at + len as i64 } else { at };
        *bound = usize::try_from(at).unwrap_or(0).min(len);
    }
    for at in bounds[0]..bounds[1] {
        let Some(found) = item(&sequence, at) else { break };
        if interp.same(&found, &given[0])? {
            return Ok(Value::Int(at as i64));
        }
    }
    let message = match sequence {
        Value::Tuple(_) => "tuple.index(x): x not in tuple".to_owned(),
        Value::Range(_) => format!("{} is not in range", interp.repr(&given[0])?),
        _ => format!("{} is not in list", interp.repr(&given[0])?),
    };
    Err(interp.raise("ValueError", &message))
}

/// `sequence.count(item)`.
pub(super) fn count(interp: &mut Interp, mut args: Args) -> Result {
    let sequence = args.receiver(interp, "tuple.count")?;
    let given = args.positional(interp, "count", 1, 1)?;
    let (mut at, mut count) = (0, 0);
    while let Some(found) = item(&sequence, at) {
        count += i64::from(interp.same(&found, &given[0])?);
        at += 1;
    }
    Ok(Value::Int(count))
}
