//! A drawing as a Mermaid flowchart, for Markdown that draws it.

use crate::Direction;
use crate::shown::{Edge, Part, colour};

/// The kinds of boxes that have a colour of their own.
const CLASSES: [&str; 9] = ["conv", "linear", "norm", "act", "pool", "join", "plain", "folded", "port"];

/// The text of a network's boxes and edges.
pub(crate) fn document(direction: Direction, parts: &[Part], edges: &[Edge]) -> String {
    let mut text = format!("flowchart {}\n", if direction == Direction::Right { "LR" } else { "TD" });
    for part in parts {
        write(&mut text, part, 1);
    }
    for (from, to, label) in edges {
        text.push_str(&format!("  {from} -->|\"{}\"| {to}\n", escaped(label)));
    }
    for class in CLASSES {
        let fill = colour(class);
        text.push_str(&format!("  classDef {class} fill:{fill},stroke:#5d6b7a,color:#1c2530\n"));
    }
    text
}

fn write(text: &mut String, part: &Part, depth: usize) {
    let indent = "  ".repeat(depth);
    let label = part.lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>");
    let (id, class) = (&part.id, part.class);
    match &part.parts {
        None if class == "port" => text.push_str(&format!("{indent}{id}([\"{label}\"]):::{class}\n")),
        None => text.push_str(&format!("{indent}{id}[\"{label}\"]:::{class}\n")),
        Some(parts) => {
            text.push_str(&format!("{indent}subgraph {id}[\"{label}\"]\n"));
            parts.iter().for_each(|part| write(text, part, depth + 1));
            text.push_str(&format!("{indent}end\n"));
        }
    }
}

/// A cleaned text between quotes: what Mermaid, its Markdown or HTML would read is written as character codes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | ',' | '-' | '(' | ')' | '×' | '→' | '…' | '_' =>
            {
                escaped.push(c);
            }
            c if c.is_alphanumeric() => escaped.push(c),
            c => escaped.push_str(&format!("#{};", u32::from(c))),
        }
    }
    // A line that starts like a list is one to Mermaid's Markdown.
    match escaped.strip_prefix(|c: char| c.is_ascii_digit()) {
        Some(rest) if rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(". ") => {
            escaped.replacen(". ", "#46; ", 1)
        }
        _ if escaped.starts_with("- ") => escaped.replacen('-', "#45;", 1),
        _ => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mermaid_would_read_is_a_code() {
        assert_eq!(escaped("Conv2d 3×3 s2"), "Conv2d 3×3 s2");
        assert_eq!(escaped("<b>\"`#;[]"), "#60;b#62;#34;#96;#35;#59;#91;#93;");
        assert_eq!(escaped("1. a"), "1#46; a");
        assert_eq!(escaped("- a"), "#45; a");
    }
}
