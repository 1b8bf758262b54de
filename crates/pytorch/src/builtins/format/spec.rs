//! The format mini-language: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.

use super::number::{Layout, float_parts, int_parts, pad};
use crate::interp::{Interp, Result};

/// A format, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    /// `z`: no negative zero.
    plain_zero: bool,
    alternate: bool,
    zeros: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Spec {
    /// Reads a format; the message of what is wrong with it.
    fn read(text: &str, type_name: &str) -> std::result::Result<Self, String> {
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        let mut spec = Self::default();
        let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '=' | '^'));
        if is_align(chars.get(1)) {
            (spec.fill, spec.align) = (Some(chars[0]), Some(chars[1]));
            at = 2;
        } else if is_align(chars.first()) {
            spec.align = Some(chars[0]);
            at = 1;
        }
        let take = |at: &mut usize, accepted: &str| {
            let found = chars.get(*at).copied().filter(|&c| accepted.contains(c));
            *at += usize::from(found.is_some());
            found
        };
        spec.sign = take(&mut at, "+- ");
        spec.plain_zero = take(&mut at, "z").is_some();
        spec.alternate = take(&mut at, "#").is_some();
        if spec.fill.is_none() {
            spec.zeros = take(&mut at, "0").is_some();
        }
        let number = |at: &mut usize| {
            let start = *at;
            let mut n: usize = 0;
            while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
                let next = n.checked_mul(10).and_then(|n| n.checked_add(digit as usize));
                n = next
                    .filter(|&n| n <= i64::MAX as usize)
                    .ok_or("Too many decimal digits in format string")?;
                *at += 1;
            }
            Ok::<_, String>((*at > start).then_some(n))
        };
        spec.width = number(&mut at)?.unwrap_or(0);
        spec.grouping = take(&mut at, ",_");
        if take(&mut at, ".").is_some() {
            spec.precision = Some(number(&mut at)?.ok_or("Format specifier missing precision")?);
        }
        if chars.len() > at + 1 {
            return Err(format!("Invalid format specifier '{text}' for object of type '{type_name}'"));
        }
        spec.kind = chars.get(at).copied();
        Ok(spec)
    }

    fn layout(&self) -> Layout {
        let (fill, align) = match (self.fill, self.align) {
            (None, None) if self.zeros => ('0', '='),
            (None, Some(align)) if self.zeros => ('0', align),
            (fill, align) => (fill.unwrap_or(' '), align.unwrap_or('>')),
        };
        let group = if matches!(self.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
        let sign = self.sign.unwrap_or('-');
        Layout { sign, fill, align, width: self.width, grouping: self.grouping, group }
    }
}

impl Interp {
    fn spec(&mut self, text: &str, type_name: &str) -> Result<Spec> {
        match Spec::read(text, type_name) {
            Ok(spec) => {
                self.charge(spec.width)?;
                self.charge(spec.precision.unwrap_or(0))?;
                Ok(spec)
            }
            Err(message) => Err(self.raise("ValueError", &message)),
        }
    }

    /// A string in a format.
    pub(super) fn format_text(&mut self, text: &str, format: &str) -> Result<String> {
        let spec = self.spec(format, "str")?;
        let wrong = match (&spec.kind, spec.sign, spec.align, spec.grouping) {
            (Some(kind), ..) if *kind != 's' => {
                format!("Unknown format code '{kind}' for object of type 'str'")
            }
            (_, Some(' '), ..) => "Space not allowed in string format specifier".to_owned(),
            (_, Some(_), ..) => "Sign not allowed in string format specifier".to_owned(),
            (_, _, Some('='), _) => "'=' alignment not allowed in string format specifier".to_owned(),
            (.., Some(grouping)) => format!("Cannot specify '{grouping}' with 's'."),
            _ if spec.alternate => "Alternate form (#) not allowed in string format specifier".to_owned(),
            _ => String::new(),
        };
        if !wrong.is_empty() {
            return Err(self.raise("ValueError", &wrong));
        }
        self.charge(text.len())?;
        let cut: String = match spec.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        };
        let fill = spec.fill.unwrap_or(if spec.zeros { '0' } else { ' ' });
        Ok(pad(&cut, spec.width, spec.align.unwrap_or('<'), fill))
    }

    /// An integer in a format.
    pub(super) fn format_int(&mut self, n: i64, format: &str) -> Result<String> {
        let spec = self.spec(format, "int")?;
        let kind = spec.kind.unwrap_or('d');
        if "eEfFgG%".contains(kind) {
            return self.format_float(n as f64, format);
        }
        let wrong = if !"bcdoxXn".contains(kind) {
            format!("Unknown format code '{kind}' for object of type 'int'")
        } else if spec.precision.is_some() {
            "Precision not allowed in integer format specifier".to_owned()
        } else if kind == 'c' && spec.sign.is_some() {
            "Sign not allowed with integer format specifier 'c'".to_owned()
        } else if spec.grouping == Some(',') && !"dn".contains(kind) || spec.grouping.is_some() && kind == 'c'
        {
            format!("Cannot specify '{}' with '{kind}'.", spec.grouping.unwrap_or(','))
        } else {
            String::new()
        };
        if !wrong.is_empty() {
            return Err(self.raise("ValueError", &wrong));
        }
        if kind == 'c' {
            let Some(c) = u32::try_from(n).ok().and_then(char::from_u32) else {
                return Err(self.raise("OverflowError", "%c arg not in range(0x110000)"));
            };
            return Ok(pad(&c.to_string(), spec.width, spec.align.unwrap_or('<'), spec.fill.unwrap_or(' ')));
        }
        Ok(spec.layout().lay_out(&int_parts(n, kind, spec.alternate)))
    }

    /// A float in a format.
    pub(super) fn format_float(&mut self, x: f64, format: &str) -> Result<String> {
        let spec = self.spec(format, "float")?;
        let kind = spec.kind.unwrap_or('r');
        if !"eEfFgGnr%".contains(kind) || spec.kind == Some('r') {
            return Err(
                self.raise("ValueError", &format!("Unknown format code '{kind}' for object of type 'float'"))
            );
        }
        let mut parts = float_parts(x, kind, spec.precision, spec.alternate);
        if spec.plain_zero && !parts.digits.chars().chain(parts.rest.chars()).any(|c| matches!(c, '1'..='9'))
        {
            parts.is_negative = false;
        }
        Ok(spec.layout().lay_out(&parts))
    }
}
