//! Strings and bytes in quotes.

use std::fmt::Write;

/// `repr` of a string: in single quotes, unless it holds such and no double ones.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => escape(&mut out, c),
        }
    }
    out.push(quote);
    out
}

/// `ascii` of a text that `repr` gave.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() { out.push(c) } else { escape(&mut out, c) }
    }
    out
}

/// `repr` of bytes.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b if char::from(b) == quote => out.extend(['\\', quote]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => escape(&mut out, char::from(byte)),
        }
    }
    out.push(quote);
    out
}

fn escape(out: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a string does not fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Whether a character is written as it is: not a control character, a separator other than the blank, or one of format.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(u32::from(c),
                0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
                | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff
                | 0xe0000..=0x10ffff))
}

#[cfg(test)]
mod tests {
    use super::{ascii, quoted, quoted_bytes};

    #[test]
    fn quotes_and_escapes_are_cpythons() {
        for (text, shown) in [
            ("a'b", "\"a'b\""),
            ("a\"b", "'a\"b'"),
            ("a'b\"c", "'a\\'b\"c'"),
            ("tab\t nl\n back\\ nul\0 \x7f é \u{200b}", "'tab\\t nl\\n back\\\\ nul\\x00 \\x7f é \\u200b'"),
            ("", "''"),
            ("\u{1f600}\u{a0}", "'\u{1f600}\\xa0'"),
        ] {
            assert_eq!(quoted(text), shown);
        }
        assert_eq!(ascii("'é\u{1f600}\u{4e2d}'"), "'\\xe9\\U0001f600\\u4e2d'");
        assert_eq!(quoted_bytes(b"bytes\x00'"), "b\"bytes\\x00'\"");
    }
}
