//! Expressions as text of at most 100 columns, broken as Black breaks them.

/// The widest line.
pub(super) const WIDTH: usize = 100;

/// An expression that may take several lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doc {
    /// Text that is not broken.
    Text(String),
    /// `name=` before a value.
    Named(String, Box<Doc>),
    /// A call, or a list: what stands before the parts, the parts, and what closes them.
    Group {
        /// `nn.Sequential(`, `[`.
        open: String,
        /// What is separated by commas.
        parts: Vec<Doc>,
        /// `)`, `]`.
        close: String,
        /// Whether each part stands on a line of its own even where one line would hold all.
        tall: bool,
    },
    /// A list of an expression for each of something.
    Each {
        /// `*[`, `nn.ModuleList([`.
        open: String,
        element: Box<Doc>,
        /// `for i in range(4)`.
        each: String,
        close: String,
    },
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn call(function: &str, parts: Vec<Self>) -> Self {
        Self::Group { open: format!("{function}("), parts, close: ")".into(), tall: false }
    }

    pub(super) fn tall_call(function: &str, parts: Vec<Self>) -> Self {
        Self::Group { open: format!("{function}("), parts, close: ")".into(), tall: true }
    }

    pub(super) fn list(parts: Vec<Self>, tall: bool) -> Self {
        Self::Group { open: "[".into(), parts, close: "]".into(), tall }
    }

    /// The expression in one line.
    pub(super) fn flat(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Named(name, value) => format!("{name}={}", value.flat()),
            Self::Group { open, parts, close, .. } => {
                let parts: Vec<String> = parts.iter().map(Self::flat).collect();
                format!("{open}{}{close}", parts.join(", "))
            }
            Self::Each { open, element, each, close } => format!("{open}{} {each}{close}", element.flat()),
        }
    }

    fn is_tall(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Named(_, value) => value.is_tall(),
            Self::Each { .. } => false,
            Self::Group { parts, tall, .. } => {
                (*tall && !parts.is_empty()) || parts.iter().any(Self::is_tall)
            }
        }
    }

    /// The expression behind `column` characters of its line, whose indentation is `indent`; `after` characters follow.
    fn broken(&self, indent: usize, column: usize, after: usize) -> String {
        let flat = self.flat();
        if !self.is_tall() && column + flat.chars().count() + after <= WIDTH {
            return flat;
        }
        match self {
            Self::Text(text) => text.clone(),
            Self::Named(name, value) => {
                format!("{name}={}", value.broken(indent, column + name.chars().count() + 1, after))
            }
            Self::Each { open, element, each, close } => {
                let (inner, pad) = (indent + 4, " ".repeat(indent + 4));
                let element = element.broken(inner, inner, 0);
                format!("{open}\n{pad}{element}\n{pad}{each}\n{}{close}", " ".repeat(indent))
            }
            Self::Group { open, parts, close, tall } => {
                let (inner, pad) = (indent + 4, " ".repeat(indent + 4));
                let one: Vec<String> = parts.iter().map(Self::flat).collect();
                let one = one.join(", ");
                let lines =
                    if !tall && !parts.iter().any(Self::is_tall) && inner + one.chars().count() <= WIDTH {
                        format!("{pad}{one}\n")
                    } else if let [part @ (Self::Group { .. } | Self::Each { .. })] = &parts[..] {
                        format!("{pad}{}\n", part.broken(inner, inner, 0))
                    } else {
                        parts.iter().map(|part| format!("{pad}{},\n", part.broken(inner, inner, 1))).collect()
                    };
                format!("{open}\n{lines}{}{close}", " ".repeat(indent))
            }
        }
    }
}

/// Lines of code with their indentation.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// A line of text, `depth` levels in.
    pub(super) fn line(&mut self, depth: usize, text: &str) {
        if !text.is_empty() {
            self.0.push_str(&" ".repeat(4 * depth));
            self.0.push_str(text);
        }
        self.0.push('\n');
    }

    /// A statement: text, an expression, and text behind it.
    pub(super) fn statement(&mut self, depth: usize, before: &str, value: &Doc, after: &str) {
        let text = value.broken(4 * depth, 4 * depth + before.chars().count(), after.chars().count());
        self.line(depth, &format!("{before}{text}{after}"));
    }

    pub(super) fn blank(&mut self, count: usize) {
        self.0.push_str(&"\n".repeat(count));
    }

    pub(super) fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A string of Python, whatever it holds.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() && u32::from(c) < 0x100 => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Words in lines of a comment or a docstring.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_broken_as_black_breaks_it() {
        let part = |text: &str| Doc::text(text);
        let mut lines = Lines::default();
        lines.statement(1, "x = ", &Doc::call("f", vec![part("a"), part("b")]), "");
        let long = Doc::call("function", vec![part(&"a".repeat(50)), part(&"b".repeat(40))]);
        lines.statement(1, "x = ", &long, "");
        let longer = Doc::call("function", vec![part(&"a".repeat(60)), part(&"b".repeat(40))]);
        lines.statement(0, "return ", &Doc::tall_call("nn.Sequential", vec![part("c"), longer]), "");
        let (a, b, a60) = ("a".repeat(50), "b".repeat(40), "a".repeat(60));
        let expected = format!(
            "    x = f(a, b)\n    x = function(\n        {a}, {b}\n    )\nreturn nn.Sequential(\n    c,\n    function(\n        \
             {a60},\n        {b},\n    ),\n)\n"
        );
        assert_eq!(lines.finish(), expected);
    }

    #[test]
    fn strings_are_quoted() {
        assert_eq!(quoted("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\x01é\"");
    }
}
