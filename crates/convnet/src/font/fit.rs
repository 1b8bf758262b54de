//! Texts of any script and length as the font can draw them in their place.

use unicode_normalization::UnicodeNormalization;

use super::{advance, draws, width};

/// A text with accents joined to their letters, as the font has them, and blanks for what is not seen.
pub(crate) fn clean(text: &str) -> String {
    text.nfc().map(|c| if is_unseen(c) { ' ' } else { c }).collect()
}

/// A text with `…` for what the font cannot draw.
pub(crate) fn drawable(text: &str) -> String {
    let mut drawn = String::with_capacity(text.len());
    for c in text.chars() {
        match draws(c.encode_utf8(&mut [0; 4])) {
            true => drawn.push(c),
            false if drawn.ends_with('…') => {}
            false => drawn.push('…'),
        }
    }
    drawn
}

/// A text of at most so many ems: its beginning and its end, which is where names that are alike differ.
pub(crate) fn shorten(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let room = (room - width("…")).max(0.0);
    let fitting = |chars: &mut dyn Iterator<Item = char>, room: f64| {
        let mut left = room;
        let mut part = Vec::new();
        for c in chars {
            left -= advance(c);
            if left < 0.0 {
                break;
            }
            part.push(c);
        }
        part
    };
    let end = fitting(&mut text.chars().rev(), 0.4 * room);
    let begin = fitting(&mut text.chars(), room - end.iter().map(|&c| advance(c)).sum::<f64>());
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

/// Control characters, and those that change the direction of what follows.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
