//! The harmless part of `time` and `os.path`: clocks stand still, and there are no files.

use super::functions;
use crate::interp::{Args, Interp, Result};
use crate::value::Value;

pub(super) fn time() -> Vec<(&'static str, Value)> {
    functions([
        ("time", |_, _| Ok(Value::Float(0.0))),
        ("perf_counter", |_, _| Ok(Value::Float(0.0))),
        ("monotonic", |_, _| Ok(Value::Float(0.0))),
        ("process_time", |_, _| Ok(Value::Float(0.0))),
        ("sleep", |_, _| Ok(Value::None)),
        ("strftime", |_, _| Ok(Value::str(""))),
        ("ctime", |_, _| Ok(Value::str(""))),
    ])
}

pub(super) fn path() -> Vec<(&'static str, Value)> {
    functions([
        ("join", join),
        ("basename", |i, a| part(i, a, "basename", |path| path.rsplit('/').next().unwrap_or(path))),
        ("dirname", |i, a| {
            part(i, a, "dirname", |path| path.rsplit_once('/').map_or("", |(folder, _)| folder))
        }),
        ("abspath", |i, a| part(i, a, "abspath", |path| path)),
        ("realpath", |i, a| part(i, a, "realpath", |path| path)),
        ("expanduser", |i, a| part(i, a, "expanduser", |path| path)),
        ("exists", nothing_there),
        ("isfile", nothing_there),
        ("isdir", nothing_there),
    ])
}

fn nothing_there(interp: &mut Interp, args: Args) -> Result {
    args.positional(interp, "exists", 1, 1)?;
    Ok(Value::Bool(false))
}

fn text(interp: &mut Interp, value: &Value) -> Result<Option<std::rc::Rc<str>>> {
    match value.plain() {
        Value::Str(text) => Ok(Some(text)),
        Value::Opaque(_) => Ok(None),
        other => {
            let found = interp.type_name(&other);
            let message = format!("expected str, bytes or os.PathLike object, not {found}");
            Err(interp.raise("TypeError", &message))
        }
    }
}

fn join(interp: &mut Interp, args: Args) -> Result {
    let mut path = String::new();
    for (at, item) in args.positional(interp, "join", 1, usize::MAX)?.iter().enumerate() {
        let Some(part) = text(interp, item)? else { return Ok(interp.opaque("os.path.join()")) };
        interp.charge(path.len() + part.len() + 1)?;
        if part.starts_with('/') {
            path.clear();
        } else if at > 0 && !path.is_empty() && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(&part);
    }
    Ok(Value::str(&path))
}

fn part(interp: &mut Interp, args: Args, name: &str, take: fn(&str) -> &str) -> Result {
    let items = args.positional(interp, name, 1, 1)?;
    let Some(path) = text(interp, &items[0])? else { return Ok(interp.opaque(&format!("os.path.{name}()"))) };
    interp.charge(path.len())?;
    Ok(Value::str(take(&path)))
}
