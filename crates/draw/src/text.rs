//! Names as they may stand in a drawing: made visible, escaped, measured, shortened.

/// A name with everything that is not seen, or that changes how its neighbours are seen, written out: control
/// characters, marks that turn the direction of writing, blanks without width, characters that XML has not.
pub(crate) fn clean(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if hidden(c) => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// A cleaned text for XML and HTML, between tags or in a quoted attribute.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A cleaned text as a JSON string that may stand in an HTML `script`: no `<` ends it, no line separator breaks it.
pub(crate) fn json(text: &str) -> String {
    let mut escaped = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if u32::from(c) < 0x20 => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped.push('"');
    escaped
}

/// At most `most` characters, the middle of longer texts left out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_string();
    }
    let head = most.div_ceil(2).saturating_sub(1);
    let tail = most.saturating_sub(head + 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…{end}")
}

/// The width that a text takes in a common sans-serif font of this size, rather too wide than too narrow: no font is
/// at hand where a drawing is written.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' => 0.33,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '·' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '→' => 0.92,
        '0'..='9' | 'a'..='z' => 0.6,
        '_' | ' '..='~' => 0.7,
        '×' => 0.72,
        c if u32::from(c) < 0x1100 => 0.75,
        _ => 1.05,
    }
}

/// A coordinate with one decimal: the page's script rounds alike.
pub(crate) fn num(value: f64) -> String {
    format!("{}", (value * 10.0 + 0.5).floor() / 10.0 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_written_out() {
        assert_eq!(
            clean("a\nb\t\u{202e}c\u{0}\u{ffff}\u{200b}é漢"),
            "a\\nb\\t\\u{202e}c\\u{0}\\u{ffff}\\u{200b}é漢"
        );
        assert_eq!(xml("<script>'\"&\u{2066}"), "&lt;script&gt;&#39;&quot;&amp;\\u{2066}");
        assert_eq!(json("</script>\"\\\n\u{2028}"), "\"\\u003c/script\\u003e\\\"\\\\\\u000a\\u2028\"");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("features.3", 10), "features.3");
        assert_eq!(shortened("features.denseblock1", 9), "feat…ock1");
        assert_eq!(shortened("abc", 1), "…");
    }

    #[test]
    fn coordinates_have_one_decimal() {
        assert_eq!([0.0, -0.01, 12.04, 12.05, -3.26].map(num), ["0", "0", "12", "12.1", "-3.3"]);
    }
}
