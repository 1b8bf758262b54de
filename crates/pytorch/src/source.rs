//! Source files, and places in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

/// A range of bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// From the start of this range to the end of another one of the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.start), ..self }
    }

    /// Whether it has no byte.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is; how messages name it.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
    /// Whether it is the crate's own (PyTorch's vocabulary): messages point at its callers.
    pub is_prelude: bool,
}

/// All files that were read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>, is_prelude: bool) -> FileId {
        self.0.push(Source { path: path.into(), text: text.into(), is_prelude });
        FileId(self.0.len() as u32 - 1)
    }

    /// The files, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.0.iter().enumerate().map(|(i, source)| (FileId(i as u32), source))
    }

    /// One file.
    pub fn get(&self, file: FileId) -> &Source {
        &self.0[file.0 as usize]
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        &self.get(file).path
    }

    /// The text of a range.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Where a byte of a file is.
    pub fn position(&self, file: FileId, byte: u32) -> Position {
        let text = &self.get(file).text;
        let mut end = (byte as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let starts = line_starts(&text[..end]);
        let start = starts.last().copied().unwrap_or(0);
        Position { line: starts.len(), column: text[start..end].chars().count() + 1 }
    }

    /// The line on which a range starts.
    pub fn line(&self, span: Span) -> usize {
        self.position(span.file, span.start).line
    }

    /// Whether a range is in a file of the user's.
    pub fn is_users(&self, span: Span) -> bool {
        !self.get(span.file).is_prelude
    }
}

/// Where the lines of a text start. They end as Python's do and those of language servers: by a line feed, a carriage
/// return, or both.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = (0..bytes.len()).filter(|&i| match bytes[i] {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|end| end + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let mut sources = Sources::default();
        let file = sources.add("net.py", "a = 1\nβ = 'é'; c\n", false);
        assert_eq!(sources.position(file, 0), Position { line: 1, column: 1 });
        assert_eq!(sources.position(file, 6), Position { line: 2, column: 1 });
        let c = sources.get(file).text.find('c').unwrap() as u32;
        assert_eq!(sources.position(file, c), Position { line: 2, column: 10 });
        assert_eq!(sources.position(file, 99).line, 3);
    }

    #[test]
    fn lines_end_in_three_ways() {
        assert_eq!(line_starts(""), [0]);
        assert_eq!(line_starts("a\nb\r\nc\rd\n"), [0, 2, 5, 7, 9]);
        let mut sources = Sources::default();
        let file = sources.add("net.py", "a\r\nb\rc", false);
        assert_eq!(sources.position(file, 3), Position { line: 2, column: 1 });
        assert_eq!(sources.position(file, 5), Position { line: 3, column: 1 });
    }
}
