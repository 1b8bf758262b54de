//! Messages as data for editors: ranges as language servers have them.

use serde::Serialize;

use super::{Diagnostic, Report, Severity};
use crate::source::{FileId, Span, line_starts};

/// What was found in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The file.
    pub file: String,
    /// Whether there is no error.
    pub ok: bool,
    /// The network; `null` if none was made, or if the file has several and none was named.
    pub network: Option<Network>,
    /// All networks that were made: several where none was named.
    pub networks: Vec<Network>,
    /// The messages, worst first.
    pub diagnostics: Vec<Message>,
}

/// The network of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Network {
    /// The class, call or variable that it comes from.
    pub entry: String,
    /// Channels, height and width of an image, or features.
    pub input: Vec<usize>,
    /// Layers.
    pub layers: usize,
    /// Weights and biases.
    pub parameters: u64,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// The kind of mistake.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The file that the range is in.
    pub file: String,
    /// The range to underline; the file's start where all of it is meant.
    pub range: Range,
    /// What is to be said at the range.
    pub label: Option<String>,
    /// Other places that matter.
    pub related: Vec<Place>,
    /// The calls that led there, outermost first; the message names the function that each is in.
    pub chain: Vec<Place>,
    /// What is known.
    pub notes: Vec<String>,
    /// What to do, most likely first.
    pub helps: Vec<String>,
}

/// A place, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The range.
    pub range: Range,
    /// What is said of it.
    pub message: String,
}

/// From a point to the one after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first.
    pub start: Point,
    /// The one after the last.
    pub end: Point,
}

/// A point of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The line, from 0.
    pub line: usize,
    /// UTF-16 code units before it in its line.
    pub character: usize,
}

impl Report {
    /// The messages as data.
    pub fn messages(&self) -> Vec<Message> {
        self.diagnostics.iter().map(|diagnostic| self.message(diagnostic)).collect()
    }

    fn message(&self, diagnostic: &Diagnostic) -> Message {
        let Diagnostic { severity, code, message, span, label, labels, chain, notes, helps, .. } = diagnostic;
        let (file, range) = match span {
            Some(span) => (self.file(span.file), self.range(*span)),
            None => (self.main_file().map(|file| self.file(file)).unwrap_or_default(), Range::default()),
        };
        let place = |span: &Span, message: &str| Place {
            file: self.file(span.file),
            range: self.range(*span),
            message: message.to_owned(),
        };
        let users = chain.iter().filter(|(span, _)| self.sources.is_users(*span));
        Message {
            severity: match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            code,
            message: message.clone(),
            file,
            range,
            label: label.clone(),
            related: labels.iter().map(|(span, label)| place(span, label)).collect(),
            chain: users.map(|(span, function)| place(span, function.as_deref().unwrap_or(""))).collect(),
            notes: notes.clone(),
            helps: helps.clone(),
        }
    }

    fn file(&self, file: FileId) -> String {
        self.sources.path(file).display().to_string()
    }

    fn range(&self, span: Span) -> Range {
        let text = &self.sources.get(span.file).text;
        let starts = line_starts(text);
        let start = point(text, &starts, span.start as usize);
        Range { start, end: point(text, &starts, span.end.max(span.start) as usize) }
    }
}

/// Where a byte of a text is.
fn point(text: &str, starts: &[usize], byte: usize) -> Point {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let line = starts.partition_point(|&start| start <= byte).saturating_sub(1);
    Point { line, character: text[starts[line]..byte].encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn range(text: &str, marked: &str) -> [usize; 4] {
        let mut sources = Sources::default();
        let file = sources.add("net.py", text, false);
        let start = text.find(marked).unwrap() as u32;
        let report = Report { sources, diagnostics: Vec::new() };
        let Range { start, end } = report.range(Span { file, start, end: start + marked.len() as u32 });
        [start.line, start.character, end.line, end.character]
    }

    #[test]
    fn columns_are_utf16_code_units() {
        assert_eq!(range("a = 1\nb = x", "x"), [1, 4, 1, 5]);
        assert_eq!(range("é = 'ü'; x", "x"), [0, 9, 0, 10]);
        assert_eq!(range("'😀'; x", "x"), [0, 6, 0, 7]);
        assert_eq!(range("'😀'; x", "😀"), [0, 1, 0, 3]);
        assert_eq!(range("漢字 = x", "字"), [0, 1, 0, 2]);
        assert_eq!(range("e\u{301} = x", "x"), [0, 5, 0, 6]);
        assert_eq!(range("a\r\nb = (\r\n)\r\nx", "(\r\n)"), [1, 4, 2, 1]);
        assert_eq!(range("a\rb\rx", "x"), [2, 0, 2, 1]);
    }

    #[test]
    fn ranges_beyond_the_text_end_with_it() {
        let mut sources = Sources::default();
        let file = sources.add("net.py", "é\n", false);
        let report = Report { sources, diagnostics: Vec::new() };
        let range = report.range(Span { file, start: 1, end: 90 });
        assert_eq!(range.start, Point { line: 0, character: 0 });
        assert_eq!(range.end, Point { line: 1, character: 0 });
    }

    #[test]
    fn a_message_is_one_object() {
        let mut sources = Sources::default();
        sources.add("torch.py", "", true);
        let file = sources.add("net.py", "x = 1\nf()\n", false);
        let span = Span { file, start: 6, end: 9 };
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: "name",
            message: "no `f`".to_owned(),
            span: Some(span),
            label: None,
            labels: vec![(Span { file, start: 0, end: 1 }, "here".to_owned())],
            chain: vec![(span, None)],
            listing: String::new(),
            notes: vec!["a".to_owned()],
            helps: Vec::new(),
        };
        let whole = Diagnostic { span: None, ..diagnostic.clone() };
        let report = Report { sources, diagnostics: vec![diagnostic, whole] };
        let value = serde_json::to_value(report.messages()).unwrap();
        assert_eq!(
            value[0],
            serde_json::json!({
                "severity": "error", "code": "name", "message": "no `f`", "file": "net.py",
                "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 3}},
                "label": null,
                "related": [{
                    "file": "net.py", "message": "here",
                    "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}},
                }],
                "chain": [{
                    "file": "net.py", "message": "",
                    "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 3}},
                }],
                "notes": ["a"], "helps": [],
            })
        );
        assert_eq!(value[1]["file"], "net.py");
        assert_eq!(value[1]["range"]["end"]["line"], 0);
    }
}
