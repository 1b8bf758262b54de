//! What is wrong with a file, told so that it can be mended.

mod chain;
mod excerpt;
pub mod json;
mod render;

pub use render::RenderStyle;

use crate::source::{FileId, Sources, Span};

/// One message about a file.
#[derive(Clone, Debug, Default)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the kind of mistake: `syntax`, `name`, `argument`, `shape`, `limit`, …
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The range to underline; `None` where the whole file is meant.
    pub span: Option<Span>,
    /// What is written at that range.
    pub label: Option<String>,
    /// Other places that matter, with what is written there.
    pub labels: Vec<(Span, String)>,
    /// The calls that led there, outermost first: the place of each call, and the function that it is in.
    pub chain: Vec<(Span, Option<String>)>,
    /// The layers up to the failing one, as text; empty where nothing was traced.
    pub listing: String,
    /// What is known: the arithmetic, the signature.
    pub notes: Vec<String>,
    /// What to do, most likely first.
    pub helps: Vec<String>,
}

/// How bad a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// Nothing can be done with the file until it is mended.
    #[default]
    Error,
    /// It works, but likely not as meant.
    Warning,
    /// Something to know.
    Note,
}

/// Messages with the files that they point into.
#[derive(Clone, Debug)]
pub struct Report {
    /// The files.
    pub sources: Sources,
    /// The messages, worst first.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Whether a message is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The file that was asked for: the first that is the user's.
    fn main_file(&self) -> Option<FileId> {
        self.sources.iter().find(|(_, source)| !source.is_prelude).map(|(file, _)| file)
    }
}
