//! Tables as text: CSV with commas or semicolons, TSV, and lines of a name and a value with blanks between.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use crate::{FormatError, read_file};

/// The longest line, in bytes.
const MAX_LINE: usize = 1 << 20;

/// What stands between the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tabulator.
    Tab,
    /// Blanks before the last word: the line has two cells, of which the first may hold blanks.
    Blank,
}

/// A table as a file holds it.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    text: String,
    separator: Separator,
}

/// A line of a table.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its number in the file, counted from 1.
    pub line: u64,
    /// Its cells, without the blanks around them.
    pub cells: Vec<&'a str>,
}

impl Table {
    /// Reads a file of at most `most` bytes.
    ///
    /// What separates cells follows from the file's ending and its first line: a tabulator in a `.tsv`; a comma, else a
    /// semicolon, else a tabulator in a `.csv`; in others a tabulator, else a comma, else blanks.
    ///
    /// # Errors
    /// If it cannot be read, is longer, is not UTF-8, or has a line that is too long or holds a byte of zero.
    pub fn read(path: &Path, most: u64) -> Result<Self, FormatError> {
        let mut bytes = read_file(path, most)?;
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(..3);
        }
        let wrong = |line: usize, problem: String| FormatError::Line {
            path: path.to_path_buf(),
            line: line as u64 + 1,
            problem,
        };
        for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if line.len() > MAX_LINE {
                return Err(wrong(
                    number,
                    format!("it has {} bytes, expected at most {MAX_LINE}", line.len()),
                ));
            }
            if line.contains(&0) {
                return Err(wrong(
                    number,
                    "it holds a byte of zero; save the file as text in UTF-8".to_owned(),
                ));
            }
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let number = newlines(&error.as_bytes()[..valid]) as usize;
            wrong(number, "it is not UTF-8; save the file as text in UTF-8".to_owned())
        })?;
        let separator = separator(path, &text);
        Ok(Self { path: path.to_path_buf(), text, separator })
    }

    /// What stands between cells.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Gives each line that is not empty to `take`, until one fails.
    ///
    /// # Errors
    /// The first error of `take`, or a cell that goes over several lines.
    pub fn rows<E: From<FormatError>>(
        &self,
        mut take: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let delimiter = match self.separator {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
            Separator::Blank => return self.blank_rows(take),
        };
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text.as_bytes());
        let mut record = StringRecord::new();
        let (mut line, mut counted) = (1, 0);
        // The text is UTF-8 and in memory, and rows may have any length: reading it does not fail.
        while reader.read_record(&mut record).map_err(|error| self.wrong(0, error.to_string()))? {
            // A record's position is before the empty lines that are skipped.
            let rest = &self.text.as_bytes()[record.position().map_or(0, |at| at.byte() as usize)..];
            let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let start = self.text.len() - rest.len() + empty;
            line += newlines(&self.text.as_bytes()[counted..start]);
            counted = start;
            let cells: Vec<&str> = record.iter().map(str::trim).collect();
            if cells.iter().any(|cell| cell.contains('\n')) {
                let problem = "a cell goes on in the next line; close its quotes with `\"`".to_owned();
                return Err(self.wrong(line, problem).into());
            }
            if cells.iter().any(|cell| !cell.is_empty()) {
                take(&Row { line, cells })?;
            }
        }
        Ok(())
    }

    fn blank_rows<E: From<FormatError>>(
        &self,
        mut take: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (line, text) in (1..).zip(self.text.lines()) {
            let text = text.trim();
            let cells = match text.rsplit_once(char::is_whitespace) {
                Some((name, value)) => vec![name.trim_end(), value],
                None if text.is_empty() => continue,
                None => vec![text],
            };
            take(&Row { line, cells })?;
        }
        Ok(())
    }

    fn wrong(&self, line: u64, problem: String) -> FormatError {
        FormatError::Line { path: self.path.clone(), line, problem }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn separator(path: &Path, text: &str) -> Separator {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has = |delimiter: char| first.contains(delimiter);
    match ending.as_deref() {
        Some("tsv" | "tab") => Separator::Tab,
        Some("csv") if has(',') => Separator::Comma,
        Some("csv") if has(';') => Separator::Semicolon,
        Some("csv") if has('\t') => Separator::Tab,
        Some("csv") => Separator::Comma,
        _ if has('\t') => Separator::Tab,
        _ if has(',') => Separator::Comma,
        _ => Separator::Blank,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(name: &str, content: impl AsRef<[u8]>) -> Result<Table, FormatError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Table::read(&path, 8 << 20)
    }

    fn rows(name: &str, content: impl AsRef<[u8]>) -> Result<Vec<(u64, Vec<String>)>, FormatError> {
        let mut rows = Vec::new();
        table(name, content)?.rows(|row| -> Result<(), FormatError> {
            rows.push((row.line, row.cells.iter().map(ToString::to_string).collect()));
            Ok(())
        })?;
        Ok(rows)
    }

    fn cells(name: &str, content: &str) -> Vec<Vec<String>> {
        rows(name, content).unwrap().into_iter().map(|(_, cells)| cells).collect()
    }

    #[test]
    fn what_separates_cells_is_found() {
        let expected = [["a b", "c"], ["d", "e"]];
        for (name, content) in [
            ("x.csv", "a b,c\nd,e\n"),
            ("x.csv", "\u{feff}a b, c \r\n\r\nd,e"),
            ("x.CSV", "a b;c\nd;e"),
            ("x.csv", "\"a b\",\"c\"\n\"d\",e\n"),
            ("x.csv", "a b\tc\nd\te\n"),
            ("x.tsv", "a b\tc\nd\te\n"),
            ("x.txt", "a b\tc\nd\te\n"),
            ("x.txt", "\n  a b   c\n d e \n"),
            ("x", "a b,c\nd,e\n"),
        ] {
            assert_eq!(cells(name, content), expected, "{content:?}");
        }
        assert_eq!(cells("x.csv", "a,\"b\"\"c,d\",\n"), [["a", "b\"c,d", ""]]);
        assert_eq!(cells("x.csv", "a;b,c\n"), [["a;b", "c"]]);
        assert!(cells("x.csv", "").is_empty() && cells("x.txt", "\n\n").is_empty());
        assert_eq!(cells("x.csv", "a,b\n,\nc\n"), [vec!["a", "b"], vec!["c"]]);
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        let lines = |name, content| rows(name, content).unwrap().iter().map(|row| row.0).collect::<Vec<_>>();
        assert_eq!(lines("x.csv", "a,b\r\n\r\nc,d\r\ne,f"), [1, 3, 4]);
        assert_eq!(lines("x.csv", "\n\na,b\n\n\nc,d\n"), [3, 6]);
        assert_eq!(lines("x.txt", "a b\n\nc d\n"), [1, 3]);
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let told = |content: &[u8]| rows("x.csv", content).unwrap_err().to_string();
        assert!(told(b"a,b\n\"c,d\ne,f\n").contains("x.csv`, line 2: a cell goes on in the next line"));
        assert!(told(b"a,b\nc\0,d\n").contains("line 2: it holds a byte of zero"));
        assert!(told(b"a,b\nc,d\n\xff\xfe,x\n").contains("line 3: it is not UTF-8"));
        assert!(
            told("\u{feff}a\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice())
                .contains("save the file as text in UTF-8")
        );
        let long = [b"a,b\n".to_vec(), vec![b','; MAX_LINE + 1]].concat();
        assert!(told(&long).contains("line 2: it has 1048577 bytes, expected at most 1048576"));
        assert!(told(&vec![b'\n'; (8 << 20) + 1]).contains("expected at most 8388608"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_an_error(content: Vec<u8>) {
            for name in ["x.csv", "x.tsv", "x.txt"] {
                let _ = rows(name, &content);
            }
        }

        #[test]
        fn any_text_is_a_table_or_an_error(content in "[a,;\"\\t \\r\\nä]{0,60}") {
            for name in ["x.csv", "x.tsv", "x.txt"] {
                let _ = rows(name, &content);
            }
        }
    }
}
