//! Python's exceptions on their way up.

use crate::source::Span;
use crate::value::Value;

/// What an evaluation gives.
pub(crate) type Result<T = Value> = std::result::Result<T, Box<Thrown>>;

/// An exception on its way up, or the end of everything.
pub(crate) struct Thrown {
    /// The exception.
    pub(crate) value: Value,
    /// Where it was raised, then the calls on the way up, innermost first.
    pub(crate) sites: Vec<Site>,
    /// What is told of it beyond its text.
    pub(crate) teaching: Option<Box<Teaching>>,
    /// Whether it is a limit of the interpreter's, which no `except` catches.
    pub(crate) is_fatal: bool,
    /// Whether it comes from a value that is not known.
    pub(crate) is_opaque: bool,
}

/// A place in code, and the function it is in.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) span: Span,
    /// `Net.forward`; `None` for a module's own statements.
    pub(crate) function: Option<crate::ast::Name>,
}

/// What an error tells beyond its first line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teaching {
    /// A stable name of the kind of mistake: `shape`, `argument`, `name`.
    pub(crate) code: &'static str,
    /// The range to underline instead of the innermost of the user's code.
    pub(crate) span: Option<Span>,
    /// What is written at the underlined range.
    pub(crate) label: Option<String>,
    /// Other places that matter.
    pub(crate) labels: Vec<(Span, String)>,
    /// What is known: the arithmetic, the signature.
    pub(crate) notes: Vec<String>,
    /// What to do, most likely first.
    pub(crate) helps: Vec<String>,
}

impl Thrown {
    /// The same with what is told of it.
    pub(crate) fn teach(mut self: Box<Self>, change: impl FnOnce(&mut Teaching)) -> Box<Self> {
        change(self.teaching.get_or_insert_default());
        self
    }
}
