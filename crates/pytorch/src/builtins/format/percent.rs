//! `%` formatting.

use super::super::numbers::Number;
use super::number::{Layout, float_parts, int_parts, pad};
use crate::interp::{Interp, Result};
use crate::value::Value;

/// One conversion: `%-8.3f`.
#[derive(Default)]
struct Conversion {
    left: bool,
    sign: Option<char>,
    zeros: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Conversion {
    fn pad(&self, text: &str) -> String {
        pad(text, self.width, if self.left { '<' } else { '>' }, ' ')
    }

    fn layout(&self) -> Layout {
        let (fill, align) = match (self.left, self.zeros) {
            (true, _) => (' ', '<'),
            (false, true) => ('0', '='),
            (false, false) => (' ', '>'),
        };
        let sign = self.sign.unwrap_or('-');
        Layout { sign, fill, align, width: self.width, grouping: None, group: 3 }
    }
}

/// The values of a template's conversions.
struct Given {
    items: Vec<Value>,
    next: usize,
    mapping: Option<Value>,
    /// Whether a conversion took from the mapping.
    used_mapping: bool,
}

impl Interp {
    /// `template % values`.
    ///
    /// # Errors
    /// TypeError and ValueError as Python's.
    pub(crate) fn percent_format(&mut self, template: &Value, values: &Value) -> Result {
        let Value::Str(template) = template else {
            return Err(self.raise("TypeError", "format requires a string"));
        };
        let (items, mapping) = match values.plain() {
            Value::Tuple(items) => (items.to_vec(), None),
            Value::Dict(_) => (vec![values.clone()], Some(values.clone())),
            // A list may stay unused, as all that has items.
            Value::List(_) | Value::Range(_) => (vec![values.clone()], Some(values.clone())),
            _ => (vec![values.clone()], None),
        };
        let mut given = Given { items, next: 0, mapping, used_mapping: false };
        let chars: Vec<char> = template.chars().collect();
        self.charge(chars.len())?;
        let mut out = String::new();
        let mut at = 0;
        while at < chars.len() {
            if chars[at] != '%' {
                out.push(chars[at]);
                at += 1;
                continue;
            }
            self.step()?;
            at += 1;
            let text = self.conversion(&chars, &mut at, &mut given)?;
            self.charge(text.len())?;
            out.push_str(&text);
        }
        let all_used = given.next >= given.items.len() || given.used_mapping || given.mapping.is_some();
        if !all_used {
            let message = "not all arguments converted during string formatting";
            return Err(self.raise("TypeError", message));
        }
        Ok(Value::str(&out))
    }

    fn conversion(&mut self, chars: &[char], at: &mut usize, given: &mut Given) -> Result<String> {
        let mut named = None;
        if chars.get(*at) == Some(&'(') {
            let Some(len) = chars[*at..].iter().position(|&c| c == ')') else {
                return Err(self.raise("ValueError", "incomplete format key"));
            };
            let key: String = chars[*at + 1..*at + len].iter().collect();
            *at += len + 1;
            let Some(Value::Dict(_)) = given.mapping.as_ref().map(Value::plain) else {
                return Err(self.raise("TypeError", "format requires a mapping"));
            };
            let mapping = given.mapping.clone().unwrap_or(Value::None);
            given.used_mapping = true;
            named = Some(self.get_item(&mapping, &Value::str(&key))?);
        }
        let mut conversion = Conversion::default();
        while let Some(&flag) = chars.get(*at) {
            match flag {
                '-' => conversion.left = true,
                '+' => conversion.sign = Some('+'),
                ' ' => conversion.sign = conversion.sign.or(Some(' ')),
                '0' => conversion.zeros = true,
                '#' => conversion.alternate = true,
                _ => break,
            }
            *at += 1;
        }
        if let Some(width) = self.size(chars, at, given, "width")? {
            conversion.left |= width < 0;
            conversion.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        }
        if chars.get(*at) == Some(&'.') {
            *at += 1;
            let precision = self.size(chars, at, given, "precision")?.unwrap_or(0);
            conversion.precision = Some(usize::try_from(precision).unwrap_or(0));
        }
        self.charge(conversion.width)?;
        self.charge(conversion.precision.unwrap_or(0))?;
        while matches!(chars.get(*at), Some('h' | 'l' | 'L')) {
            *at += 1;
        }
        let Some(&kind) = chars.get(*at) else { return Err(self.raise("ValueError", "incomplete format")) };
        *at += 1;
        if kind == '%' {
            return Ok("%".to_owned());
        }
        let value = match named {
            Some(value) => value,
            None => self.next_given(given)?,
        };
        self.convert_percent(&conversion, kind, *at - 1, &value)
    }

    fn next_given(&mut self, given: &mut Given) -> Result {
        match given.items.get(given.next) {
            Some(value) => {
                given.next += 1;
                Ok(value.clone())
            }
            None => Err(self.raise("TypeError", "not enough arguments for format string")),
        }
    }

    /// A width or a precision: digits, or `*` for one of the values.
    fn size(&mut self, chars: &[char], at: &mut usize, given: &mut Given, what: &str) -> Result<Option<i64>> {
        if chars.get(*at) == Some(&'*') {
            *at += 1;
            let value = self.next_given(given)?;
            return match self.try_integer(&value)? {
                Some(n) => Ok(Some(n)),
                None => Err(self.raise("TypeError", "* wants int")),
            };
        }
        let mut size: Option<i64> = None;
        while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
            let next = size.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(i64::from(digit)));
            let Some(next) = next else { return Err(self.raise("ValueError", &format!("{what} too big"))) };
            size = Some(next);
            *at += 1;
        }
        Ok(size)
    }

    fn convert_percent(
        &mut self,
        conversion: &Conversion,
        kind: char,
        at: usize,
        value: &Value,
    ) -> Result<String> {
        match kind {
            's' | 'r' | 'a' => {
                let text = self.convert(value, kind)?;
                let text = match conversion.precision {
                    Some(precision) => text.chars().take(precision).collect(),
                    None => text,
                };
                Ok(conversion.pad(&text))
            }
            'c' => match value.plain() {
                Value::Str(text) if text.chars().count() == 1 => Ok(conversion.pad(&text)),
                other => {
                    match self.try_integer(&other)?.map(|n| u32::try_from(n).ok().and_then(char::from_u32)) {
                        Some(Some(c)) => Ok(conversion.pad(&c.to_string())),
                        Some(None) => Err(self.raise("OverflowError", "%c arg not in range(0x110000)")),
                        None => Err(self.raise("TypeError", "%c requires int or char")),
                    }
                }
            },
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let n = self.percent_int(kind, value)?;
                let kind = if "iu".contains(kind) { 'd' } else { kind };
                let mut parts = int_parts(n, kind, conversion.alternate);
                let missing = conversion.precision.unwrap_or(0).saturating_sub(parts.digits.len());
                parts.digits.insert_str(0, &"0".repeat(missing));
                Ok(conversion.layout().lay_out(&parts))
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let Some(number) = self.real(value)? else {
                    let found = self.type_name(value);
                    return Err(self.raise("TypeError", &format!("must be real number, not {found}")));
                };
                let precision = Some(conversion.precision.unwrap_or(6));
                let parts = float_parts(number.float(), kind, precision, conversion.alternate);
                Ok(conversion.layout().lay_out(&parts))
            }
            _ => {
                let code = u32::from(kind);
                let message = format!("unsupported format character '{kind}' (0x{code:x}) at index {at}");
                Err(self.raise("ValueError", &message))
            }
        }
    }

    fn percent_int(&mut self, kind: char, value: &Value) -> Result<i64> {
        let found = self.type_name(value);
        match self.real(value)? {
            Some(Number::Int(n)) => Ok(n),
            Some(Number::Float(x)) if "diu".contains(kind) => self.truncate(x),
            _ if "diu".contains(kind) => {
                Err(self
                    .raise("TypeError", &format!("%{kind} format: a real number is required, not {found}")))
            }
            _ => {
                Err(self.raise("TypeError", &format!("%{kind} format: an integer is required, not {found}")))
            }
        }
    }

    /// A value as a number, where a tensor of one number or an object with `__float__` is one too.
    ///
    /// # Errors
    /// What its methods raise; unknown values.
    pub(crate) fn real(&mut self, value: &Value) -> Result<Option<Number>> {
        if let Value::Opaque(opaque) = value {
            return Err(self.opaque_error(opaque, "a number"));
        }
        if let Value::Tensor(_) = value {
            let item = self.call_method(value, "item", Vec::new())?;
            return Ok(Number::of(&item));
        }
        if let Some(number) = Number::of(value) {
            return Ok(Some(number));
        }
        for name in ["__float__", "__int__", "__index__"] {
            if let Some(number) = self.try_special(value, name, Vec::new())? {
                return Ok(Number::of(&number));
            }
        }
        Ok(None)
    }

    /// A float's whole part as an integer.
    ///
    /// # Errors
    /// OverflowError for what does not fit, ValueError for NaN.
    pub(crate) fn truncate(&mut self, x: f64) -> Result<i64> {
        if x.is_nan() {
            return Err(self.raise("ValueError", "cannot convert float NaN to integer"));
        }
        if x.is_infinite() {
            return Err(self.raise("OverflowError", "cannot convert float infinity to integer"));
        }
        let whole = x.trunc();
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
            return Ok(whole as i64);
        }
        Err(self.too_large(&format!("int({})", super::super::text::float_repr(x))))
    }
}
