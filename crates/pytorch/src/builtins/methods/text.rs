//! Methods of strings: case, tests, search, padding.

use super::{expect_text, native};
use crate::interp::{Args, Interp, Result};
use crate::value::{Native, Value};

pub(super) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "upper" => native("str.upper", |i, a| map(i, a, "str.upper", str::to_uppercase)),
        "lower" => native("str.lower", |i, a| map(i, a, "str.lower", str::to_lowercase)),
        "casefold" => {
            native("str.casefold", |i, a| map(i, a, "str.casefold", |s| s.to_lowercase().replace('ß', "ss")))
        }
        "title" => native("str.title", |i, a| map(i, a, "str.title", title)),
        "capitalize" => native("str.capitalize", |i, a| map(i, a, "str.capitalize", capitalize)),
        "swapcase" => native("str.swapcase", |i, a| map(i, a, "str.swapcase", swapcase)),
        "isdigit" => native("str.isdigit", |i, a| test(i, a, "str.isdigit", |c| c.is_ascii_digit())),
        "isdecimal" => native("str.isdecimal", |i, a| test(i, a, "str.isdecimal", |c| c.is_ascii_digit())),
        "isnumeric" => native("str.isnumeric", |i, a| test(i, a, "str.isnumeric", char::is_numeric)),
        "isalpha" => native("str.isalpha", |i, a| test(i, a, "str.isalpha", char::is_alphabetic)),
        "isalnum" => native("str.isalnum", |i, a| test(i, a, "str.isalnum", char::is_alphanumeric)),
        "isspace" => native("str.isspace", |i, a| test(i, a, "str.isspace", char::is_whitespace)),
        "isascii" => native("str.isascii", |i, a| whole(i, a, "str.isascii", str::is_ascii)),
        "isupper" => native("str.isupper", |i, a| {
            whole(i, a, "str.isupper", |s| {
                s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase)
            })
        }),
        "islower" => native("str.islower", |i, a| {
            whole(i, a, "str.islower", |s| {
                s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase)
            })
        }),
        "istitle" => native("str.istitle", |i, a| {
            whole(i, a, "str.istitle", |s| s.chars().any(char::is_alphabetic) && title(s) == s)
        }),
        "isidentifier" => native("str.isidentifier", |i, a| whole(i, a, "str.isidentifier", is_identifier)),
        "isprintable" => native("str.isprintable", |i, a| {
            whole(i, a, "str.isprintable", |s| {
                !s.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ')
            })
        }),
        "startswith" => {
            native("str.startswith", |i, a| affix(i, a, "str.startswith", |s, part| s.starts_with(part)))
        }
        "endswith" => native("str.endswith", |i, a| affix(i, a, "str.endswith", |s, part| s.ends_with(part))),
        "find" => native("str.find", |i, a| find(i, a, "str.find", false)),
        "rfind" => native("str.rfind", |i, a| find(i, a, "str.rfind", true)),
        "index" => native("str.index", |i, a| index(i, a, "str.index", false)),
        "rindex" => native("str.rindex", |i, a| index(i, a, "str.rindex", true)),
        "count" => native("str.count", count),
        "ljust" => native("str.ljust", |i, a| justify(i, a, "str.ljust")),
        "rjust" => native("str.rjust", |i, a| justify(i, a, "str.rjust")),
        "center" => native("str.center", |i, a| justify(i, a, "str.center")),
        "zfill" => native("str.zfill", zfill),
        "format" => native("str.format", |interp, mut args| {
            let template = args.text(interp, "str.format")?;
            Ok(Value::str(&interp.format_fields(&template, &args)?))
        }),
        "format_map" => native("str.format_map", format_map),
        _ => return None,
    })
}

/// A method without arguments that gives another text.
fn map(interp: &mut Interp, mut args: Args, name: &str, change: fn(&str) -> String) -> Result {
    let text = args.text(interp, name)?;
    args.positional(interp, name, 0, 0)?;
    interp.charge(text.len())?;
    Ok(Value::str(&change(&text)))
}

/// A method that asks something of each character of a text that is not empty.
fn test(interp: &mut Interp, mut args: Args, name: &str, holds: fn(char) -> bool) -> Result {
    let text = args.text(interp, name)?;
    args.positional(interp, name, 0, 0)?;
    interp.work(text.len())?;
    Ok(Value::Bool(!text.is_empty() && text.chars().all(holds)))
}

/// A method that asks something of the whole text.
fn whole(interp: &mut Interp, mut args: Args, name: &str, holds: fn(&str) -> bool) -> Result {
    let text = args.text(interp, name)?;
    args.positional(interp, name, 0, 0)?;
    interp.work(text.len())?;
    Ok(Value::Bool(holds(&text)))
}

fn title(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect(),
        None => String::new(),
    }
}

fn swapcase(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_uppercase() { out.extend(c.to_lowercase()) } else { out.extend(c.to_uppercase()) }
    }
    out
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// The part of a text between two positions in characters, and how many characters come before it; `None` if the start
/// is behind the end.
fn window<'a>(
    interp: &mut Interp,
    text: &'a str,
    start: Option<&Value>,
    stop: Option<&Value>,
) -> Result<Option<(&'a str, usize)>> {
    interp.work(text.len())?;
    let given = |value: Option<&Value>| value.filter(|v| !matches!(v, Value::None)).cloned();
    let (start, stop) = (given(start), given(stop));
    if start.is_none() && stop.is_none() {
        return Ok(Some((text, 0)));
    }
    let len = text.chars().count() as i64;
    let mut bounds = [0, len];
    for (bound, value) in bounds.iter_mut().zip([start, stop]) {
        if let Some(value) = value {
            let at = interp.integer(&value)?;
            *bound = if at < 0 { (at + len).max(0) } else { at };
        }
    }
    let [start, stop] = bounds;
    let stop = stop.min(len);
    if start > stop {
        return Ok(None);
    }
    let byte = |at: i64| text.char_indices().nth(at as usize).map_or(text.len(), |(byte, _)| byte);
    Ok(Some((&text[byte(start)..byte(stop)], start as usize)))
}

fn affix(interp: &mut Interp, mut args: Args, name: &str, holds: fn(&str, &str) -> bool) -> Result {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 1, 3)?;
    let Some((part, _)) = window(interp, &text, items.get(1), items.get(2))? else {
        return Ok(Value::Bool(false));
    };
    let short = name.trim_start_matches("str.");
    let wanted = match items[0].plain() {
        Value::Tuple(several) => several.to_vec(),
        one @ Value::Str(_) => vec![one],
        other => {
            let found = interp.type_name(&other);
            let message = format!("{short} first arg must be str or a tuple of str, not {found}");
            return Err(interp.raise("TypeError", &message));
        }
    };
    for affix in wanted {
        let Value::Str(affix) = affix.plain() else {
            let found = interp.type_name(&affix);
            let message = format!("tuple for {short} must only contain str, not {found}");
            return Err(interp.raise("TypeError", &message));
        };
        if holds(part, &affix) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn search(interp: &mut Interp, mut args: Args, name: &str, last: bool) -> Result<Option<usize>> {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 1, 3)?;
    let wanted = expect_text(interp, &items[0], name)?;
    let Some((part, before)) = window(interp, &text, items.get(1), items.get(2))? else { return Ok(None) };
    let byte = if last { part.rfind(&*wanted) } else { part.find(&*wanted) };
    Ok(byte.map(|byte| before + part[..byte].chars().count()))
}

fn find(interp: &mut Interp, args: Args, name: &str, last: bool) -> Result {
    Ok(Value::Int(search(interp, args, name, last)?.map_or(-1, |at| at as i64)))
}

fn index(interp: &mut Interp, args: Args, name: &str, last: bool) -> Result {
    match search(interp, args, name, last)? {
        Some(at) => Ok(Value::Int(at as i64)),
        None => Err(interp.raise("ValueError", "substring not found")),
    }
}

fn count(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.count")?;
    let items = args.positional(interp, "str.count", 1, 3)?;
    let wanted = expect_text(interp, &items[0], "str.count")?;
    let Some((part, _)) = window(interp, &text, items.get(1), items.get(2))? else {
        return Ok(Value::Int(0));
    };
    let n = if wanted.is_empty() { part.chars().count() + 1 } else { part.matches(&*wanted).count() };
    Ok(Value::Int(n as i64))
}

fn justify(interp: &mut Interp, mut args: Args, name: &str) -> Result {
    let text = args.text(interp, name)?;
    let items = args.positional(interp, name, 1, 2)?;
    let width = usize::try_from(interp.integer(&items[0])?).unwrap_or(0);
    let fill = match items.get(1) {
        None => ' ',
        Some(fill) => {
            let fill = expect_text(interp, fill, name)?;
            let mut chars = fill.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => c,
                _ => {
                    let message = "The fill character must be exactly one character long";
                    return Err(interp.raise("TypeError", message));
                }
            }
        }
    };
    interp.charge(width.max(text.len()))?;
    let missing = width.saturating_sub(text.chars().count());
    let left = match name {
        "str.ljust" => 0,
        "str.rjust" => missing,
        // CPython puts the odd one to the left in an odd width.
        _ => missing / 2 + (missing & width & 1),
    };
    let fill = |n: usize| fill.to_string().repeat(n);
    Ok(Value::str(&format!("{}{text}{}", fill(left), fill(missing - left))))
}

fn zfill(interp: &mut Interp, mut args: Args) -> Result {
    let text = args.text(interp, "str.zfill")?;
    let items = args.positional(interp, "str.zfill", 1, 1)?;
    let width = usize::try_from(interp.integer(&items[0])?).unwrap_or(0);
    interp.charge(width.max(text.len()))?;
    let zeros = "0".repeat(width.saturating_sub(text.chars().count()));
    let sign = usize::from(text.starts_with(['+', '-']));
    Ok(Value::str(&format!("{}{zeros}{}", &text[..sign], &text[sign..])))
}

fn format_map(interp: &mut Interp, mut args: Args) -> Result {
    let template = args.text(interp, "str.format_map")?;
    let items = args.positional(interp, "str.format_map", 1, 1)?;
    let Value::Dict(dict) = items[0].plain() else {
        let found = interp.type_name(&items[0]);
        return Err(interp.raise("TypeError", &format!("format_map() argument must be a dict, not {found}")));
    };
    let mut named = Args::default();
    for (key, value) in dict.borrow().map.values() {
        if let Value::Str(name) = key {
            named.keywords.push((name.clone(), value.clone()));
        }
    }
    Ok(Value::str(&interp.format_fields(&template, &named)?))
}
