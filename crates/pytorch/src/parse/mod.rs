//! From text to the [`crate::ast`], by ruff's parser. This folder alone knows its types, which are an internal interface.

mod expressions;
mod mistakes;
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
    within: Within,
    /// The first statement that must not stand where it does.
    misplaced: Option<Diagnostic>,
}

/// What a statement stands in.
#[derive(Clone, Copy, Debug, Default)]
struct Within {
    function: bool,
    a_loop: bool,
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
        let help = "leave it out: an editor that shows control characters finds it".to_owned();
        let message = "a byte of zero: this is no Python".to_owned();
        return Err(vec![Diagnostic { helps: vec![help], ..syntax(message, Some(span)) }]);
    }
    let options = ruff_python_parser::ParseOptions::from(ruff_python_parser::Mode::Module);
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    // The parser names what it found with the range behind it.
    let found: Vec<mistakes::Found> = parsed
        .errors()
        .iter()
        .map(|error| {
            let message = error.to_string();
            let message = message.split(" at byte range").next().unwrap_or_default().to_owned();
            let (start, end) = (error.location.start().to_usize(), error.location.end().to_usize());
            mistakes::Found { message, start, end }
        })
        .collect();
    let errors = mistakes::told(file, text, parsed.tokens(), &found);
    if !errors.is_empty() {
        return Err(errors);
    }
    let Some(module) = parsed.try_into_module() else { return Err(vec![syntax("no module".into(), None)]) };
    let mut lower = Lower {
        file,
        names: HashSet::new(),
        depth: 0,
        too_deep: None,
        class: None,
        yields: false,
        within: Within::default(),
        misplaced: None,
    };
    let block = lower.block(&module.syntax().body);
    match (lower.too_deep, lower.misplaced) {
        (Some(span), _) => {
            let message = format!("this is nested more than {MOST_DEPTH} levels deep");
            let help = "give the inner parts names in statements of their own";
            Err(vec![Diagnostic { helps: vec![help.into()], ..syntax(message, Some(span)) }])
        }
        (None, Some(misplaced)) => Err(vec![misplaced]),
        (None, None) => Ok(block),
    }
}

fn syntax(message: String, span: Option<Span>) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code: "syntax", message, span, ..Diagnostic::default() }
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

    /// Runs `f` for what stands in a function or a loop.
    fn inside<T>(&mut self, within: Within, f: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.within, within);
        let result = f(self);
        self.within = outer;
        result
    }

    /// The body of a loop.
    fn looped(&mut self, body: &[ruff_python_ast::Stmt]) -> Block {
        self.inside(Within { a_loop: true, ..self.within }, |lower| lower.block(body))
    }

    /// Refuses a statement that must stand in a function, or in a loop.
    fn belongs(&mut self, holds: bool, span: Span, word: &str, place: &str) {
        if holds || self.misplaced.is_some() {
            return;
        }
        let mut error = syntax(format!("`{word}` stands outside of a {place}"), Some(span));
        error.helps.push(format!("indent it as the {place} that it belongs to is indented, or leave it out"));
        self.misplaced = Some(error);
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
