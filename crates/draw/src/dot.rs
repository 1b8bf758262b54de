//! A drawing as Graphviz's DOT, whose layout is Graphviz's.

use crate::Direction;
use crate::shown::{Edge, Part, colour};
use crate::text::clean;

/// The text of a network's boxes and edges.
pub(crate) fn document(name: &str, direction: Direction, parts: &[Part], edges: &[Edge]) -> String {
    let direction = if direction == Direction::Right { "LR" } else { "TB" };
    let mut text = format!(
        "digraph {} {{\n  rankdir={direction};\n  fontname=\"Helvetica\";\n  node [shape=box, style=\"rounded,filled\", \
         fontname=\"Helvetica\", fontsize=11, color=\"#5d6b7a\"];\n  edge [fontname=\"Helvetica\", fontsize=9, \
         color=\"#7b8794\"];\n",
        quoted(name)
    );
    for part in parts {
        write(&mut text, part, 1);
    }
    for (from, to, label) in edges {
        text.push_str(&format!("  {from} -> {to} [label={}];\n", quoted(label)));
    }
    text.push_str("}\n");
    text
}

fn write(text: &mut String, part: &Part, depth: usize) {
    let indent = "  ".repeat(depth);
    let label = part.lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
    match &part.parts {
        None => {
            let (id, fill) = (&part.id, colour(part.class));
            text.push_str(&format!("{indent}{id} [label=\"{label}\", fillcolor=\"{fill}\"];\n"));
        }
        Some(parts) => {
            text.push_str(&format!(
                "{indent}subgraph cluster_{} {{\n{indent}  label=\"{label}\";\n",
                part.id
            ));
            text.push_str(&format!("{indent}  style=\"rounded\"; color=\"#93a1af\"; fontsize=11;\n"));
            parts.iter().for_each(|part| write(text, part, depth + 1));
            text.push_str(&format!("{indent}}}\n"));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(&clean(text)))
}

/// A cleaned text between quotes. Graphviz reads `&name;` as a character and `\` as the start of one.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
