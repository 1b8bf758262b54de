//! `format(value, spec)`, f-strings' fields, `str.format` and `%`.

mod fields;
mod number;
mod percent;
mod spec;

use super::numbers::Number;
use super::text::ascii;
use crate::interp::{Interp, Result};
use crate::value::Value;

impl Interp {
    /// `format(value, spec)`.
    ///
    /// # Errors
    /// ValueError for a wrong format, TypeError where a type takes none.
    pub(crate) fn format_value(&mut self, value: &Value, spec: &str) -> Result<String> {
        if let Some(text) = self.try_special(value, "__format__", vec![Value::str(spec)])? {
            return self.str_of(&text);
        }
        if spec.is_empty() {
            return self.str_of(value);
        }
        let plain = if self.special(value, "__str__").is_some() && matches!(value.plain(), Value::Str(_)) {
            Value::str(&self.str_of(value)?)
        } else {
            value.plain()
        };
        match &plain {
            Value::Str(text) => self.format_text(text, spec),
            Value::Float(x) => self.format_float(*x, spec),
            Value::Opaque(_) => self.repr(&plain),
            Value::Tensor(_) => {
                let number = self.call_method(&plain, "item", Vec::new())?;
                if matches!(number, Value::Tensor(_)) {
                    self.str_of(&number)
                } else {
                    self.format_value(&number, spec)
                }
            }
            _ => match Number::of(&plain) {
                Some(Number::Int(n)) => self.format_int(n, spec),
                _ => {
                    let found = self.type_name(value);
                    let message = format!("unsupported format string passed to {found}.__format__");
                    let error = self.raise("TypeError", &message);
                    Err(error.teach(|t| {
                        t.helps.push("write `!s` or `!r` before the colon to format its text".to_owned());
                    }))
                }
            },
        }
    }

    /// `!s`, `!r` and `!a` of a field.
    ///
    /// # Errors
    /// What the value's own methods raise; another letter.
    pub(crate) fn convert(&mut self, value: &Value, conversion: char) -> Result<String> {
        match conversion {
            's' => self.str_of(value),
            'r' => self.repr(value),
            'a' => Ok(ascii(&self.repr(value)?)),
            other => Err(self.raise("ValueError", &format!("Unknown conversion specifier {other}"))),
        }
    }
}
