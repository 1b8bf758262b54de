//! Methods of strings that take them apart and put them together.

use super::{expect_text, native, wrong_receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Dict, Key, Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "join" => native("str.join", join),
        "split" => native("str.split", |i, a| split(i, a, "str.split", false)),
        "rsplit" => native("str.rsplit", |i, a| split(i, a, "str.rsplit", true)),
        "splitlines" => native("str.splitlines", splitlines),
        "strip" => native("str.strip", |i, a| strip(i, a, "str.strip", true, true)),
        "lstrip" => native("str.lstrip", |i, a| strip(i, a, "str.lstrip", true, false)),
        "rstrip" => native("str.rstrip", |i, a| strip(i, a, "str.rstrip", false, true)),
        "replace" => native("str.replace", replace),
        "partition" => native("str.partition", |i, a| partition(i, a, "str.partition", false)),
        "rpartition" => native("str.rpartition", |i, a| partition(i, a, "str.rpartition", true)),
        "removeprefix" => native("str.removeprefix", |i, a| remove(i, a, "str.removeprefix", true)),
        "removesuffix" => native("str.removesuffix", |i, a| remove(i, a, "str.removesuffix", false)),
        "expandtabs" => native("str.expandtabs", expandtabs),
        "encode" => native("str.encode", |interp, mut args| {
            let text = args.text(interp, "str.encode")?;
            interp.charge(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }),
        "translate" => native("str.translate", translate),
        "maketrans" => native("str.maketrans", maketrans),
        _ => return None,
    })
}

/// Methods of bytes.
pub(super) fn bytes_method(name: &str) -> Option<Native> {
    match name {
        "decode" => {
            Some(native("bytes.decode", |interp, mut args| match args.receiver(interp, "bytes.decode")? {
                Value::Bytes(bytes) => {
                    interp.charge(bytes.len())?;
                    match std::str::from_utf8(&bytes) {
                        Ok(text) => Ok(Value::str(text)),
                        Err(_) => Err(interp.raise("ValueError", "the bytes are no UTF-8 text")),
                    }
                }
                other => Err(wrong_receiver(interp, "bytes.decode", &other)),
            }))
        }
        _ => None,
    }
}

fn join(interp: &mut Interp, mut args: Args) -> Result {
    let separator = args.text(interp, "str.join")?;
    let items = args.positional(interp, "str.join", 1, 1)?;
    let parts = match interp.collect(&items[0]) {
        Err(error)
            if !error.is_fatal && matches!(items[0], Value::Int(_) | Value::Float(_) | Value::None) =>
        {
            return Err(interp.raise("TypeError", "can only join an iterable"));
        }
        parts => parts?,
    };
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push_str(&separator);
        }
        let Value::Str(text) = part.plain() else {
            let found = interp.type_name(part);
            let message = format!("sequence item {at}: expected str instance, {found} found");
            let help = "`', '.join(str(x) for x in …)` makes texts of them".to_owned();
            return Err(interp.raise("TypeError", &message).teach(|t| t.helps.push(help)));
        };
        interp.charge(text.len() + separator.len())?;
        out.push_str(&text);
    }
    Ok(Value::str(&out))
}

fn split(interp: &mut Interp, mut args: Args, name: &str, from_right: bool) -> Result {
    let text = args.text(interp, name)?;
    let mut bound = args.bind(interp, name, &["sep", "maxsplit"], 2)?;
    let separator = match bound.some(0) {
        Some(value) => Some(expect_text(interp, &value, name)?),
        None => None,
    };
    let most = match bound.some(1) {
        Some(value) => usize::try_from(interp.integer(&value)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    interp.charge(text.len())?;
    let parts: Vec<&str> = match &separator {
        Some(separator) if separator.is_empty() => return Err(interp.raise("ValueError", "empty separator")),
        Some(separator) if from_right => {
            let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), &**separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(most.saturating_add(1), &**separator).collect(),
        None if from_right => blanks_from_right(&text, most),
        None => blanks(&text, most),
    };
    interp.charge(parts.len())?;
    Ok(Value::list(parts.into_iter().map(Value::str).collect()))
}

/// Parts between blanks; the last one, after so many cuts, as it is.
fn blanks(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(rest);
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    parts
}

fn blanks_from_right(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(rest);
            break;
        }
        let start =
            rest.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8());
        parts.push(&rest[start..]);
        rest = rest[..start].trim_end();
    }
    parts.reverse();
    parts
}

fn splitlines(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.splitlines")?;
    let mut bound = args.bind(interp, "str.splitlines", &["keepends"], 1)?;
    let keeps = match bound.take(0) {
        Some(value) => interp.truth(&value)?,
        None => false,
    };
    interp.charge(text.len())?;
    let lines = text.split_inclusive('\n').map(|line| {
        if keeps {
            line
        } else {
            line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
        }
    });
    Ok(Value::list(lines.map(Value::str).collect()))
}

fn strip(interp: &mut Interp, mut args: Args, name: &str, left: bool, right: bool) -> Result {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 0, 1)?;
    let given = match items.first() {
        None | Some(Value::None) => None,
        Some(value) => Some(expect_text(interp, value, name)?),
    };
    interp.charge(text.len())?;
    let goes = |c: char| given.as_ref().map_or(c.is_whitespace(), |given| given.contains(c));
    let mut part = &*text;
    if left {
        part = part.trim_start_matches(goes);
    }
    if right {
        part = part.trim_end_matches(goes);
    }
    Ok(Value::str(part))
}

fn replace(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.replace")?;
    let items = args.positional(interp, "str.replace", 2, 3)?;
    let from = expect_text(interp, &items[0], "str.replace")?;
    let to = expect_text(interp, &items[1], "str.replace")?;
    let most = match items.get(2) {
        Some(value) => usize::try_from(interp.integer(value)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    interp.charge(text.len())?;
    let times = text.matches(&*from).count().min(most);
    interp.charge(times.saturating_mul(to.len()))?;
    Ok(Value::str(&text.replacen(&*from, &to, most)))
}

fn partition(interp: &mut Interp, mut args: Args, name: &str, last: bool) -> Result {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 1, 1)?;
    let separator = expect_text(interp, &items[0], name)?;
    if separator.is_empty() {
        return Err(interp.raise("ValueError", "empty separator"));
    }
    interp.charge(text.len())?;
    let cut = if last { text.rsplit_once(&*separator) } else { text.split_once(&*separator) };
    let parts = match (cut, last) {
        (Some((before, after)), _) => [before, &*separator, after],
        (None, false) => [&*text, "", ""],
        (None, true) => ["", "", &*text],
    };
    Ok(Value::tuple(parts.map(Value::str).to_vec()))
}

fn remove(interp: &mut Interp, mut args: Args, name: &str, prefix: bool) -> Result {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 1, 1)?;
    let part = expect_text(interp, &items[0], name)?;
    interp.charge(text.len())?;
    let rest = if prefix { text.strip_prefix(&*part) } else { text.strip_suffix(&*part) };
    Ok(Value::str(rest.unwrap_or(&text)))
}

fn expandtabs(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.expandtabs")?;
    let mut bound = args.bind(interp, "str.expandtabs", &["tabsize"], 1)?;
    let size = match bound.take(0) {
        Some(value) => usize::try_from(interp.integer(&value)?).unwrap_or(0),
        None => 8,
    };
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        if c == '\t' {
            let blanks = if size == 0 { 0 } else { size - column % size };
            interp.charge(blanks)?;
            out.push_str(&" ".repeat(blanks));
            column += blanks;
        } else {
            interp.charge(1)?;
            out.push(c);
            column = if c == '\n' { 0 } else { column + 1 };
        }
    }
    Ok(Value::str(&out))
}

fn translate(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.translate")?;
    let items = args.positional(interp, "str.translate", 1, 1)?;
    let Value::Dict(table) = items[0].plain() else {
        return Err(interp.raise("TypeError", "str.translate() takes a dict, as str.maketrans() makes it"));
    };
    let mut out = String::new();
    for c in text.chars() {
        interp.charge(1)?;
        let to = table.borrow().map.get(&Key::Int(i64::from(u32::from(c)))).map(|(_, to)| to.clone());
        match to {
            None => out.push(c),
            Some(Value::None) => {}
            Some(Value::Int(code)) => out.extend(u32::try_from(code).ok().and_then(char::from_u32)),
            Some(to) => {
                let to = interp.str_of(&to)?;
                out.push_str(&to);
            }
        }
    }
    Ok(Value::str(&out))
}

fn maketrans(interp: &mut Interp, args: Args) -> Result {
    // A static method: `"".maketrans(…)` gives its text first.
    let items = args.positional(interp, "str.maketrans", 1, 4)?;
    let items = if items.len() == 4 || matches!(items.get(1), Some(Value::Dict(_))) {
        &items[1..]
    } else {
        &items[..]
    };
    let mut table = Dict::default();
    if let Value::Dict(dict) = &items[0] {
        for (key, value) in dict.borrow().map.values() {
            let code = match key {
                Value::Str(text) => text.chars().next().map_or(0, |c| i64::from(u32::from(c))),
                Value::Int(n) => *n,
                _ => continue,
            };
            table.set(Value::Int(code), value.clone());
        }
        return Ok(Value::dict(table));
    }
    let mut texts = Vec::new();
    for item in items {
        texts.push(expect_text(interp, item, "str.maketrans")?);
    }
    // Of "".maketrans(from, to) the empty receiver is no part.
    if texts.len() == 3 && texts[0].is_empty() && texts[1].chars().count() == texts[2].chars().count() {
        texts.remove(0);
    }
    let [from, to, drop @ ..] = &texts[..] else {
        return Err(interp.raise("TypeError", "str.maketrans() takes a dict, or two texts of one length"));
    };
    if from.chars().count() != to.chars().count() {
        return Err(interp.raise("ValueError", "the first two maketrans arguments must have equal length"));
    }
    interp.charge(from.len())?;
    for (from, to) in from.chars().zip(to.chars()) {
        table.set(Value::Int(i64::from(u32::from(from))), Value::Int(i64::from(u32::from(to))));
    }
    for c in drop.iter().flat_map(|text| text.chars()) {
        table.set(Value::Int(i64::from(u32::from(c))), Value::None);
    }
    Ok(Value::dict(table))
}
