//! Digits of numbers by a format's type, and how they are padded and grouped.

use super::super::text::{float_repr, split_exponent, with_exponent};

/// A number's parts: sign, prefix, digits before the point, the rest.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub(super) is_negative: bool,
    pub(super) prefix: &'static str,
    pub(super) digits: String,
    pub(super) rest: String,
}

/// How [`Parts`] are put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// `-`, `+` or a blank.
    pub(super) sign: char,
    pub(super) fill: char,
    pub(super) align: char,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    /// Digits in a group.
    pub(super) group: usize,
}

impl Layout {
    /// The number in its width.
    pub(super) fn lay_out(self, parts: &Parts) -> String {
        let sign = match (parts.is_negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        };
        let around = sign.len() + parts.prefix.len() + parts.rest.len();
        let mut digits = parts.digits.clone();
        if self.align == '=' && self.fill == '0' {
            let wanted = self.width.saturating_sub(around);
            let missing = match self.grouping {
                // As many digits as fill the width with their separators.
                Some(_) => {
                    let mut n = digits.len();
                    while n + n.saturating_sub(1) / self.group < wanted {
                        n += 1;
                    }
                    n - digits.len()
                }
                None => wanted.saturating_sub(digits.len()),
            };
            digits.insert_str(0, &"0".repeat(missing));
        }
        if let Some(separator) = self.grouping {
            digits = grouped(&digits, separator, self.group);
        }
        let body = format!("{digits}{}", parts.rest);
        let head = format!("{sign}{}", parts.prefix);
        if self.align == '=' {
            let missing = self.width.saturating_sub(head.len() + body.len());
            return format!("{head}{}{body}", self.fill.to_string().repeat(missing));
        }
        pad(&format!("{head}{body}"), self.width, self.align, self.fill)
    }
}

/// A text in a width.
pub(super) fn pad(text: &str, width: usize, align: char, fill: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let left = match align {
        '<' => 0,
        '^' => missing / 2,
        _ => missing,
    };
    let fill = fill.to_string();
    format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
}

fn grouped(digits: &str, separator: char, group: usize) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(group) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// An integer's digits: `d`, `b`, `o`, `x` or `X`.
pub(super) fn int_parts(n: i64, kind: char, alternate: bool) -> Parts {
    let size = n.unsigned_abs();
    let (prefix, digits) = match kind {
        'b' => ("0b", format!("{size:b}")),
        'o' => ("0o", format!("{size:o}")),
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        _ => ("", size.to_string()),
    };
    Parts { is_negative: n < 0, prefix: if alternate { prefix } else { "" }, digits, rest: String::new() }
}

/// A float's digits: `e`, `f`, `g`, `%`, their capitals, or `r` for none given.
pub(super) fn float_parts(x: f64, kind: char, precision: Option<usize>, alternate: bool) -> Parts {
    let capital = kind.is_ascii_uppercase();
    let size = x.abs();
    let mut text = if x.is_nan() {
        "nan".to_owned()
    } else if x.is_infinite() {
        "inf".to_owned()
    } else {
        match kind.to_ascii_lowercase() {
            'e' => {
                let text = scientific(size, precision.unwrap_or(6));
                if alternate && precision == Some(0) { text.replacen('e', ".e", 1) } else { text }
            }
            'f' => {
                let text = fixed(size, precision.unwrap_or(6));
                if alternate && precision == Some(0) { text + "." } else { text }
            }
            '%' => fixed(size * 100.0, precision.unwrap_or(6)) + "%",
            'g' | 'n' => general(size, precision.unwrap_or(6).max(1), alternate, false),
            _ => match precision {
                Some(precision) => general(size, precision.max(1), alternate, true),
                None => float_repr(size),
            },
        }
    };
    if capital {
        text.make_ascii_uppercase();
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = if x.is_finite() { text.split_at(end) } else { (&text[..], "") };
    Parts {
        is_negative: x.is_sign_negative() && !x.is_nan(),
        prefix: "",
        digits: digits.to_owned(),
        rest: rest.to_owned(),
    }
}

/// Digits behind the point that a float can have; all further ones are 0.
const MOST_DIGITS: usize = 1100;

fn fixed(x: f64, precision: usize) -> String {
    let some = precision.min(MOST_DIGITS);
    format!("{x:.some$}") + &"0".repeat(precision - some)
}

fn scientific(x: f64, precision: usize) -> String {
    let some = precision.min(MOST_DIGITS);
    let text = format!("{x:.some$e}");
    let (digits, exponent) = split_exponent(&text);
    with_exponent(&(digits.to_owned() + &"0".repeat(precision - some)), exponent)
}

/// `g`: so many digits, with an exponent where that is shorter. `keeps_point` for a float without a type, which keeps
/// one digit behind the point.
fn general(x: f64, precision: usize, alternate: bool, keeps_point: bool) -> String {
    let text = scientific(x, precision - 1);
    let (digits, exponent) = split_exponent(&text);
    let most = precision as i64 - i64::from(keeps_point);
    let is_scientific = exponent < -4 || i64::from(exponent) >= most;
    let trim = |text: &str| match text.contains('.') && !alternate {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if is_scientific {
        return with_exponent(&trim(digits), exponent);
    }
    let text = trim(&fixed(x, (precision as i64 - 1 - i64::from(exponent)).max(0) as usize));
    if keeps_point && !text.contains('.') { text + ".0" } else { text }
}
