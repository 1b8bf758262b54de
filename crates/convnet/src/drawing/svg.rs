//! A drawing as SVG. Texts stay texts: what shows the file draws them in any script.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Align, Colour, Drawing, Mark, Point, png};
use crate::font::CAPITAL;

/// The fonts that a text asks for.
const FAMILY: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// The text of the file.
pub(super) fn svg(drawing: &Drawing) -> String {
    let (width, height) = (number(drawing.size.0), number(drawing.size.1));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&drawing.title)
    );
    for mark in &drawing.marks {
        write_mark(&mut out, mark);
    }
    out.push_str("</svg>\n");
    out
}

fn write_mark(out: &mut String, mark: &Mark) {
    // Writing to a string cannot fail.
    let _ = match mark {
        Mark::Text { label, .. } if label.shown.is_empty() => Ok(()),
        Mark::Text { label, at, style } => {
            let anchor = match style.align {
                Align::Left => "",
                Align::Centre => " text-anchor=\"middle\"",
                Align::Right => " text-anchor=\"end\"",
            };
            let baseline = at.1 + style.size * CAPITAL / 2.0;
            writeln!(
                out,
                "<text x=\"{}\" y=\"{}\"{anchor} font-size=\"{}\" fill=\"{}\">{}</text>",
                number(at.0),
                number(baseline),
                number(style.size),
                hex(style.colour),
                escaped(&label.shown)
            )
        }
        Mark::Line { points, colour, width, dashed } => writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}/>",
            list(points),
            hex(*colour),
            number(*width),
            if *dashed { " stroke-dasharray=\"4 4\"" } else { "" },
        ),
        Mark::Polygon { points, colour } => {
            writeln!(out, "<polygon points=\"{}\" fill=\"{}\"/>", list(points), hex(*colour))
        }
        Mark::Disc { at, radius, colour } => writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(*radius),
            hex(*colour)
        ),
        Mark::Rectangle { from, to, radius, colour } => {
            let rounded = if *radius > 0.0 { format!(" rx=\"{}\"", number(*radius)) } else { String::new() };
            writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{rounded} fill=\"{}\"/>",
                number(from.0),
                number(from.1),
                number(to.0 - from.0),
                number(to.1 - from.1),
                hex(*colour)
            )
        }
        Mark::Picture { from, to, pixels } => writeln!(
            out,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
            number(from.0),
            number(from.1),
            number(to.0 - from.0),
            number(to.1 - from.1),
            BASE64_STANDARD.encode(png::encoded(pixels).unwrap_or_default())
        ),
    };
}

/// A number with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn list(points: &[Point]) -> String {
    let points: Vec<_> = points.iter().map(|p| format!("{},{}", number(p.0), number(p.1))).collect();
    points.join(" ")
}

fn hex(colour: Colour) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// A text as XML has it: what is markup escaped, what XML forbids replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_file() {
        assert_eq!(escaped("a<b>&\"c'\n\u{1}猫"), "a&lt;b&gt;&amp;\"c'\u{fffd}\u{fffd}猫");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.5, 2.0 / 3.0, -0.001, 100.0].map(number).join(" "), "1 0.5 0.67 0 100");
    }
}
