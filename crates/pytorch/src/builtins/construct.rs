//! What calls of the built-in types make: `int("3")`, `list(x)`, `dict(a=1)` …

use std::cell::RefCell;
use std::rc::Rc;

use super::numbers::Number;
use super::operators::set_of;
use super::text::quoted;
use crate::interp::{Args, Interp, Result};
use crate::value::{Builtin, Dict, Instance, Range, Slice, Value};

impl Interp {
    /// A value of a built-in type.
    ///
    /// # Errors
    /// TypeError and ValueError as Python's.
    pub(crate) fn construct(&mut self, builtin: Builtin, args: Args) -> Result {
        match builtin {
            Builtin::Object => {
                args.positional(self, "object", 0, 0)?;
                Ok(Value::Instance(Rc::new(Instance::new(self.types.builtin(Builtin::Object)))))
            }
            Builtin::Type => {
                let items = args.positional(self, "type", 1, 3)?;
                match items.len() {
                    1 => Ok(Value::Class(self.class_of(&items[0]))),
                    2 => Err(self.raise("TypeError", "type() takes 1 or 3 arguments")),
                    _ => match items[0].plain() {
                        Value::Str(name) => self.class_of_parts(&name, &items[1], &items[2]),
                        _ => Err(self.raise("TypeError", "type() argument 1 must be str")),
                    },
                }
            }
            Builtin::NoneType => Ok(Value::None),
            Builtin::Bool => {
                let items = args.positional(self, "bool", 0, 1)?;
                match items.first() {
                    Some(value) => Ok(Value::Bool(self.truth(value)?)),
                    None => Ok(Value::Bool(false)),
                }
            }
            Builtin::Int => self.make_int(args),
            Builtin::Float => self.make_float(args),
            Builtin::Str => self.make_str(args),
            Builtin::Bytes => self.make_bytes(args),
            Builtin::List => match self.one_iterable(args, "list")? {
                Some(value) => Ok(Value::list(self.collect(&value)?)),
                None => Ok(Value::list(Vec::new())),
            },
            Builtin::Tuple => match self.one_iterable(args, "tuple")? {
                Some(value @ Value::Tuple(_)) => Ok(value),
                Some(value) => Ok(Value::tuple(self.collect(&value)?)),
                None => Ok(Value::tuple(Vec::new())),
            },
            Builtin::Dict => {
                let dict = Rc::new(RefCell::new(Dict::default()));
                self.fill_dict(&dict, args, "dict")?;
                Ok(Value::Dict(dict))
            }
            Builtin::Set | Builtin::FrozenSet => {
                let frozen = builtin == Builtin::FrozenSet;
                let items = match self.one_iterable(args, if frozen { "frozenset" } else { "set" })? {
                    Some(value) => self.set_items(&value)?,
                    None => Dict::default(),
                };
                Ok(set_of(items, frozen))
            }
            Builtin::Range => self.make_range(args),
            Builtin::Slice => {
                let mut items = args.positional(self, "slice", 1, 3)?;
                if items.len() == 1 {
                    items.insert(0, Value::None);
                }
                items.resize(3, Value::None);
                let [start, stop, step] = [items[0].clone(), items[1].clone(), items[2].clone()];
                Ok(Value::Slice(Rc::new(Slice { start, stop, step })))
            }
            _ => {
                let name = self.types.builtin(builtin).name.clone();
                Err(self.raise("TypeError", &format!("cannot create '{name}' instances")))
            }
        }
    }

    fn one_iterable(&mut self, args: Args, name: &str) -> Result<Option<Value>> {
        let found = args.items.len();
        if args.keywords.is_empty() && found > 1 {
            return Err(self.raise("TypeError", &format!("{name} expected at most 1 argument, got {found}")));
        }
        Ok(args.positional(self, name, 0, 1)?.pop())
    }

    fn make_int(&mut self, args: Args) -> Result {
        let mut bound = args.bind(self, "int", &["x", "base"], 2)?;
        let Some(value) = bound.take(0) else { return Ok(Value::Int(0)) };
        if let Some(base) = bound.take(1) {
            let base = self.integer(&base)?;
            if !(base == 0 || (2..=36).contains(&base)) {
                return Err(self.raise("ValueError", "int() base must be >= 2 and <= 36, or 0"));
            }
            let Value::Str(text) = value.plain() else {
                return Err(self.raise("TypeError", "int() can't convert non-string with explicit base"));
            };
            return self.parse_int(&text, base as u32);
        }
        if let Some(number) = self.try_special(&value, "__int__", Vec::new())? {
            return Ok(number);
        }
        match value.plain() {
            Value::Str(text) => self.parse_int(&text, 10),
            _ => match self.real(&value)? {
                Some(Number::Int(n)) => Ok(Value::Int(n)),
                Some(Number::Float(x)) => Ok(Value::Int(self.truncate(x)?)),
                None => {
                    let found = self.type_name(&value);
                    let message = format!(
                        "int() argument must be a string, a bytes-like object or a real number, not '{found}'"
                    );
                    Err(self.raise("TypeError", &message))
                }
            },
        }
    }

    fn parse_int(&mut self, text: &str, base: u32) -> Result {
        self.work(text.len())?;
        let trimmed = text.trim();
        let (is_negative, rest) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let lower = rest.get(..2).map(str::to_ascii_lowercase);
        let (radix, digits) = match (lower.as_deref(), base) {
            (Some("0x"), 0 | 16) => (16, &rest[2..]),
            (Some("0o"), 0 | 8) => (8, &rest[2..]),
            (Some("0b"), 0 | 2) => (2, &rest[2..]),
            _ => (if base == 0 { 10 } else { base }, rest),
        };
        let digits = if radix == base { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
        let is_valid = !digits.is_empty()
            && !digits.starts_with('_')
            && !digits.ends_with('_')
            && !digits.contains("__")
            && digits.chars().all(|c| c == '_' || c.is_digit(radix));
        if !is_valid {
            let shown: String = quoted(text).chars().take(200).collect();
            let message = format!("invalid literal for int() with base {base}: {shown}");
            let help = (radix == 10 && trimmed.parse::<f64>().is_ok())
                .then(|| "it is a float's text: `int(float(…))` cuts it off".to_owned());
            return Err(self.raise("ValueError", &message).teach(|t| t.helps.extend(help)));
        }
        let mut n: i128 = 0;
        for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
            n = n * i128::from(radix) + i128::from(digit);
            if n > 1 << 64 {
                break;
            }
        }
        match i64::try_from(if is_negative { -n } else { n }) {
            Ok(n) => Ok(Value::Int(n)),
            Err(_) => Err(self.too_large("int(…) of this text")),
        }
    }

    fn make_float(&mut self, args: Args) -> Result {
        let mut items = args.positional(self, "float", 0, 1)?;
        let Some(value) = items.pop() else { return Ok(Value::Float(0.0)) };
        match value.plain() {
            Value::Str(text) => {
                self.work(text.len())?;
                let trimmed = text.trim();
                let is_grouped = trimmed
                    .as_bytes()
                    .windows(3)
                    .all(|w| w[1] != b'_' || w[0].is_ascii_digit() && w[2].is_ascii_digit())
                    && !trimmed.starts_with('_')
                    && !trimmed.ends_with('_');
                match trimmed.replace('_', "").parse::<f64>() {
                    Ok(x) if is_grouped => Ok(Value::Float(x)),
                    _ => {
                        let shown: String = quoted(&text).chars().take(200).collect();
                        Err(self.raise("ValueError", &format!("could not convert string to float: {shown}")))
                    }
                }
            }
            _ => match self.real(&value)? {
                Some(number) => Ok(Value::Float(number.float())),
                None => {
                    let found = self.type_name(&value);
                    let message =
                        format!("float() argument must be a string or a real number, not '{found}'");
                    Err(self.raise("TypeError", &message))
                }
            },
        }
    }

    fn make_str(&mut self, args: Args) -> Result {
        let mut bound = args.bind(self, "str", &["object", "encoding", "errors"], 3)?;
        let Some(value) = bound.take(0) else { return Ok(Value::str("")) };
        if let (Value::Bytes(bytes), Some(_)) = (&value, bound.take(1)) {
            self.charge(bytes.len())?;
            return match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::str(text)),
                Err(_) => Err(self.raise("ValueError", "the bytes are no UTF-8 text")),
            };
        }
        Ok(Value::str(&self.str_of(&value)?))
    }

    fn make_bytes(&mut self, args: Args) -> Result {
        let items = args.positional(self, "bytes", 0, 2)?;
        match items.first() {
            None => Ok(Value::Bytes([].into())),
            Some(Value::Bytes(bytes)) => Ok(Value::Bytes(bytes.clone())),
            Some(Value::Str(text)) if items.len() == 2 => {
                self.charge(text.len())?;
                Ok(Value::Bytes(text.as_bytes().into()))
            }
            Some(Value::Str(_)) => Err(self.raise("TypeError", "string argument without an encoding")),
            Some(Value::Int(n)) => {
                let Ok(n) = usize::try_from(*n) else {
                    return Err(self.raise("ValueError", "negative count"));
                };
                self.charge(n)?;
                Ok(Value::Bytes(vec![0; n].into()))
            }
            Some(items) => {
                let mut bytes = Vec::new();
                for item in self.collect(items)? {
                    match u8::try_from(self.integer(&item)?) {
                        Ok(byte) => bytes.push(byte),
                        Err(_) => return Err(self.raise("ValueError", "bytes must be in range(0, 256)")),
                    }
                }
                Ok(Value::Bytes(bytes.into()))
            }
        }
    }

    fn make_range(&mut self, args: Args) -> Result {
        if args.items.is_empty() && args.keywords.is_empty() {
            return Err(self.raise("TypeError", "range expected at least 1 argument, got 0"));
        }
        let spans = args.spans.clone();
        let mut numbers = Vec::new();
        for (at, item) in args.positional(self, "range", 1, 3)?.iter().enumerate() {
            let span = spans.get(at).copied().flatten();
            numbers.push(self.integer(item).map_err(|error| error.teach(|t| t.span = span))?);
        }
        let (start, stop, step) = match numbers[..] {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [.., 0] => return Err(self.raise("ValueError", "range() arg 3 must not be zero")),
            _ => (numbers[0], numbers[1], numbers[2]),
        };
        Ok(Value::Range(Rc::new(Range { start, stop, step })))
    }
}
