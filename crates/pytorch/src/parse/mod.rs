//! From text to the [`crate::ast`], by ruff's parser. This folder alone knows its types, which are an internal interface.

mod expressions;
mod names;
mod patterns;
mod statements;

use std::collections::HashSet;
use std::rc::Rc;

use ruff_text_size::{Ranged, TextRange};

use crate::ast::{Block, Name};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Sources, Span};

pub(crate) use statements::documentation;

/// Bytes that a file may have.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// How deep expressions and statements may nest.
const MOST_DEPTH: usize = 200;

/// Lowers one file's syntax tree.
struct Lower {
    file: FileId,
    names: HashSet<Name>,
    depth: usize,
    /// Where it got too deep.
    too_deep: Option<Span>,
    /// The class around what is lowered.
    class: Option<String>,
    /// Whether what was lowered of the statement at hand yields.
    yields: bool,
}

/// The statements of a file.
///
/// # Errors
/// What is no Python, each mistake that the parser found.
pub(crate) fn parse(sources: &Sources, file: FileId) -> Result<Block, Vec<Diagnostic>> {
    let text = &sources.get(file).text;
    if text.len() > MOST_BYTES {
        let message = format!("the file has {} bytes, and at most {MOST_BYTES} are read", text.len());
        return Err(vec![syntax(message, None)]);
    }
    if let Some(at) = text.find('\0') {
        let span = Span { file, start: at as u32, end: at as u32 + 1 };
        return Err(vec![syntax("a byte of zero: this is no Python".into(), Some(span))]);
    }
    let options = ruff_python_parser::ParseOptions::from(ruff_python_parser::Mode::Module);
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    let span = |range: TextRange| Span { file, start: range.start().to_u32(), end: range.end().to_u32() };
    let mut errors: Vec<Diagnostic> =
        parsed.errors().iter().map(|error| mistake(text, error.to_string(), span(error.location))).collect();
    errors.truncate(MOST_ERRORS);
    if !errors.is_empty() {
        return Err(errors);
    }
    let Some(module) = parsed.try_into_module() else { return Err(vec![syntax("no module".into(), None)]) };
    let mut lower =
        Lower { file, names: HashSet::new(), depth: 0, too_deep: None, class: None, yields: false };
    let block = lower.block(&module.syntax().body);
    match lower.too_deep {
        Some(span) => {
            Err(vec![syntax(format!("this is nested more than {MOST_DEPTH} levels deep"), Some(span))])
        }
        None => Ok(block),
    }
}

/// Mistakes of one file that are told.
const MOST_ERRORS: usize = 3;

fn syntax(message: String, span: Option<Span>) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code: "syntax", message, span, ..Diagnostic::default() }
}

/// A mistake that the parser found, in words for learners where it is a common one.
fn mistake(text: &str, message: String, span: Span) -> Diagnostic {
    // The parser names what it found without the path of its own types.
    let first = message.split(" at byte range").next().unwrap_or(&message).to_owned();
    let start = text[..span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default().trim();
    let mut diagnostic = syntax(first.clone(), Some(span));
    let opens =
        ["def ", "class ", "for ", "while ", "if ", "elif ", "else", "try", "except", "with ", "finally"];
    if first.contains("Expected `:`") || (first.contains("':'") && opens.iter().any(|w| line.starts_with(w)))
    {
        diagnostic.helps.push("end the line with a colon".into());
    } else if first.contains("print") || (line.starts_with("print ") && !line.starts_with("print (")) {
        diagnostic.helps.push("`print` is a function in Python 3: print(…)".into());
    } else if first.to_lowercase().contains("indent") {
        diagnostic
            .helps
            .push("indent the lines of a block alike, with spaces alone: four of them for each level".into());
    }
    diagnostic
}

impl Lower {
    fn span(&self, of: &impl Ranged) -> Span {
        self.range(of.range())
    }

    fn range(&self, range: TextRange) -> Span {
        Span { file: self.file, start: range.start().to_u32(), end: range.end().to_u32() }
    }

    /// An identifier: one with two underscores before it belongs to the class around it alone.
    fn identifier(&mut self, text: &str) -> Name {
        match &self.class {
            Some(class) if text.starts_with("__") && !text.ends_with("__") && !text.contains('.') => {
                let mangled = format!("_{}{text}", class.trim_start_matches('_'));
                self.name(&mangled)
            }
            _ => self.name(text),
        }
    }

    /// A name, each text once.
    fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Name = Rc::from(text);
        self.names.insert(name.clone());
        name
    }

    /// Runs `f` one level deeper; `None` if that is too deep.
    fn deeper<T>(&mut self, at: Span, f: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MOST_DEPTH {
            self.too_deep.get_or_insert(at);
            return None;
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{ExprKind, StmtKind};

    fn parsed(text: &str) -> Result<Block, Vec<Diagnostic>> {
        let mut sources = Sources::default();
        let file = sources.add("net.py", text, false);
        parse(&sources, file)
    }

    #[test]
    fn statements_keep_their_places() {
        let block = parsed("x = 1\ny = f(x, k=2)\n").unwrap();
        let StmtKind::Assign { value, .. } = &block[1].kind else { panic!() };
        let ExprKind::Call { args, .. } = &value.kind else { panic!() };
        assert_eq!((args[1].span.start, args[1].span.end), (15, 18));
    }

    #[test]
    fn mistakes_are_told_with_a_way_out() {
        let errors = parsed("class Net(nn.Module)\n    pass\n").unwrap_err();
        assert!(errors[0].helps[0].contains("colon"), "{errors:?}");
        crate::session::on_deep_stack(|| {
            assert!(parsed(&"[".repeat(100_000)).is_err());
            assert!(parsed(&format!("x = {}1", "-".repeat(5000))).is_err());
        });
        assert!(parsed("x = \0").is_err());
        assert!(parsed("").unwrap().is_empty());
    }
}
