//! `str.format`: text with fields such as `{0.name[2]!r:>{width}}`.

use crate::interp::{Args, Interp, Result};
use crate::value::Value;

/// How fields without a name are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbering {
    Unset,
    Automatic(usize),
    Manual,
}

impl Interp {
    /// `template.format(*args, **kwargs)`.
    ///
    /// # Errors
    /// As Python's: missing fields, braces without a partner.
    pub(crate) fn format_fields(&mut self, template: &str, args: &Args) -> Result<String> {
        self.fill_in(template, args, &mut Numbering::Unset, 2)
    }

    fn fill_in(
        &mut self,
        template: &str,
        args: &Args,
        numbering: &mut Numbering,
        depth: usize,
    ) -> Result<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            self.step()?;
            out.push_str(&rest[..at]);
            let is_open = rest.as_bytes()[at] == b'{';
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(if is_open { '{' } else { '}' }) {
                out.push(if is_open { '{' } else { '}' });
                rest = after;
                continue;
            }
            if !is_open {
                return Err(self.raise("ValueError", "Single '}' encountered in format string"));
            }
            if rest.is_empty() {
                return Err(self.raise("ValueError", "Single '{' encountered in format string"));
            }
            if depth == 0 {
                return Err(self.raise("ValueError", "Max string recursion exceeded"));
            }
            let Some(end) = field_end(rest) else {
                return Err(self.raise("ValueError", "expected '}' before end of string"));
            };
            let text = self.field(&rest[..end], args, numbering, depth)?;
            self.charge(text.len())?;
            out.push_str(&text);
            rest = &rest[end + 1..];
        }
        self.charge(out.len() + rest.len())?;
        Ok(out + rest)
    }

    /// One field, without its braces.
    fn field(&mut self, field: &str, args: &Args, numbering: &mut Numbering, depth: usize) -> Result<String> {
        let (head, spec) = match split_outside(field, ':') {
            Some(at) => (&field[..at], &field[at + 1..]),
            None => (field, ""),
        };
        let (name, conversion) = match split_outside(head, '!') {
            Some(at) => (&head[..at], Some(&head[at + 1..])),
            None => (head, None),
        };
        let mut value = self.look_up(name, args, numbering)?;
        if let Some(conversion) = conversion {
            let mut letters = conversion.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => value = Value::str(&self.convert(&value, letter)?),
                _ => return Err(self.raise("ValueError", "expected ':' after conversion specifier")),
            }
        }
        let spec = self.fill_in(spec, args, numbering, depth - 1)?;
        self.format_value(&value, &spec)
    }

    /// The value of `0.name[2]`.
    fn look_up(&mut self, name: &str, args: &Args, numbering: &mut Numbering) -> Result {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut path) = name.split_at(end);
        let mut value = if first.is_empty() || first.bytes().all(|b| b.is_ascii_digit()) {
            let index = self.field_index(first, numbering)?;
            match args.items.get(index) {
                Some(value) => value.clone(),
                None => {
                    let message = format!("Replacement index {index} out of range for positional args tuple");
                    return Err(self.raise("IndexError", &message));
                }
            }
        } else {
            match args.keywords.iter().find(|(known, _)| **known == *first) {
                Some((_, value)) => value.clone(),
                None => {
                    let known: Vec<Value> =
                        args.keywords.iter().map(|(name, _)| Value::Str(name.clone())).collect();
                    return Err(self.key_error(&Value::str(first), known.iter()));
                }
            }
        };
        while !path.is_empty() {
            if let Some(rest) = path.strip_prefix('.') {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(self.raise("ValueError", "Empty attribute in format string"));
                }
                value = self.get_attr(&value, &rest[..end])?;
                path = &rest[end..];
            } else if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let index = index.parse().map_or_else(|_| Value::str(index), Value::Int);
                value = self.get_item(&value, &index)?;
                path = rest;
            } else if path.starts_with('[') {
                return Err(self.raise("ValueError", "Missing ']' in format string"));
            } else {
                return Err(
                    self.raise("ValueError", "Only '.' or '[' may follow ']' in format field specifier")
                );
            }
        }
        Ok(value)
    }

    fn field_index(&mut self, digits: &str, numbering: &mut Numbering) -> Result<usize> {
        let (from, to) = match (digits.is_empty(), *numbering) {
            (true, Numbering::Manual) => ("manual field specification", "automatic field numbering"),
            (false, Numbering::Automatic(_)) => ("automatic field numbering", "manual field specification"),
            (true, Numbering::Automatic(next)) => {
                *numbering = Numbering::Automatic(next + 1);
                return Ok(next);
            }
            (true, Numbering::Unset) => {
                *numbering = Numbering::Automatic(1);
                return Ok(0);
            }
            (false, _) => {
                *numbering = Numbering::Manual;
                return match digits.parse() {
                    Ok(index) => Ok(index),
                    Err(_) => Err(self.raise("ValueError", "Too many decimal digits in format string")),
                };
            }
        };
        Err(self.raise("ValueError", &format!("cannot switch from {from} to {to}")))
    }
}

/// Where the brace is that closes a field.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The first such character that is not in brackets.
fn split_outside(text: &str, wanted: char) -> Option<usize> {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if c == wanted && !inside => return Some(at),
            _ => {}
        }
    }
    None
}
