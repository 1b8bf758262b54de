//! A list of images and labels, read from its file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;
use convnet_formats::table::Table;

use super::super::DataError;
use super::super::split_name::Split;
use super::columns::{self, Columns, LabelColumns, Shown};

/// The longest list, in bytes.
const MAX_BYTES: u64 = 1 << 30;
/// Between the classes that a line's marks name; no cell holds it.
pub(super) const MARKED: char = '\u{1f}';

/// What a list's labels look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text in a cell; whether the column is called in the plural.
    Text { plural: bool },
    /// A column of 0 and 1 for each of these classes: cells are the names of those that are 1.
    Marks(Vec<String>),
}

/// A line of a list.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: u64,
    /// As the list writes it.
    pub(super) file: String,
    /// An index into the list's cells.
    pub(super) cell: u32,
    pub(super) split: Option<Split>,
}

/// A list of images and labels.
#[derive(Debug)]
pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) form: Form,
    /// Whether its first line names the columns.
    pub(super) headed: bool,
    pub(super) entries: Vec<Entry>,
    /// Each content of a label's cell once, in the order of the lines.
    pub(super) cells: Vec<String>,
    /// What was assumed of its columns.
    pub(super) notes: Vec<String>,
}

/// Whether a file is a list of images and labels by its columns, and why not.
pub(super) fn is_one(path: &Path) -> Result<Result<(), DataError>, DataError> {
    Ok(match columns::find(&Table::read(path, MAX_BYTES)?)? {
        Shown::List(_) => Ok(()),
        Shown::Other(line, problem) => Err(FormatError::Line { path: path.to_owned(), line, problem }.into()),
    })
}

impl List {
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let table = Table::read(path, MAX_BYTES)?;
        let columns = match columns::find(&table)? {
            Shown::List(columns) => columns,
            Shown::Other(line, problem) => {
                return Err(FormatError::Line { path: path.to_owned(), line, problem }.into());
            }
        };
        let mut list = Self {
            path: path.to_owned(),
            form: match &columns.labels {
                LabelColumns::One { plural, .. } => Form::Text { plural: *plural },
                LabelColumns::Marks(marks) => {
                    Form::Marks(marks.iter().map(|(_, name)| name.clone()).collect())
                }
            },
            headed: columns.header,
            entries: Vec::new(),
            cells: Vec::new(),
            notes: columns.notes.iter().map(|note| format!("`{}`: {note}", path.display())).collect(),
        };
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut is_header = columns.header;
        table.rows(|row| -> Result<(), FormatError> {
            if std::mem::take(&mut is_header) {
                return Ok(());
            }
            let wrong = |problem| FormatError::Line { path: path.to_owned(), line: row.line, problem };
            let (file, label, split) = parts(&columns, &row.cells).map_err(wrong)?;
            let cell = match known.get(&label) {
                Some(&cell) => cell,
                None => {
                    let cell = list.cells.len() as u32;
                    list.cells.push(label.clone());
                    known.insert(label, cell);
                    cell
                }
            };
            list.entries.push(Entry { line: row.line, file, cell, split });
            Ok(())
        })?;
        match list.entries.is_empty() {
            true => Err(DataError::NoImages { origin: path.display().to_string() }),
            false => Ok(list),
        }
    }

    /// An error of an entry.
    pub(super) fn wrong(&self, entry: &Entry, problem: String) -> DataError {
        FormatError::Line { path: self.path.clone(), line: entry.line, problem }.into()
    }

    /// The first entry that has a cell.
    pub(super) fn with_cell(&self, cell: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.cell as usize == cell)
    }
}

/// The file, the label's cell and the split of a line.
fn parts(columns: &Columns, cells: &[&str]) -> Result<(String, String, Option<Split>), String> {
    let more = cells.len() > columns.width && cells[columns.width..].iter().any(|cell| !cell.is_empty());
    if cells.len() < columns.width || more {
        return Err(format!(
            "it has {} cells, expected {} as the first line has; a cell that holds what separates cells stands in \
             quotes",
            cells.len(),
            columns.width
        ));
    }
    let file = cells[columns.file];
    if file.is_empty() {
        return Err("it names no file; name one, or take the line out".to_owned());
    }
    let label = match &columns.labels {
        LabelColumns::One { column, .. } => cells[*column].to_owned(),
        LabelColumns::Marks(marks) => {
            let mut names = Vec::new();
            for (column, name) in marks {
                match columns::mark(cells[*column]) {
                    Some(true) => names.push(name.as_str()),
                    Some(false) => {}
                    None => return Err(format!("`{name}` holds `{}`, expected 0 or 1", cells[*column])),
                }
            }
            names.join(&MARKED.to_string())
        }
    };
    let split = match columns.split.map(|column| cells[column]) {
        None => None,
        Some(name) => match Split::named(name) {
            Some(split) => Some(split),
            None => return Err(format!("its split is `{name}`, expected one of {}", Split::known())),
        },
    };
    Ok((file.to_owned(), label, split))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(content: &str) -> Result<List, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, content).unwrap();
        List::read(&path).map_err(|error| error.to_string())
    }

    fn entries(list: &List) -> Vec<(u64, &str, &str, Option<Split>)> {
        let cell = |entry: &Entry| list.cells[entry.cell as usize].as_str();
        list.entries.iter().map(|e| (e.line, e.file.as_str(), cell(e), e.split)).collect()
    }

    #[test]
    fn files_labels_and_splits_are_read() {
        let read =
            list("label,file,Split\ncat,a.png,train\n\ndog,\"b, c.png\",Val\ncat,d.png,TEST\n").unwrap();
        assert_eq!(
            entries(&read),
            [
                (2, "a.png", "cat", Some(Split::Train)),
                (4, "b, c.png", "dog", Some(Split::Validation)),
                (5, "d.png", "cat", Some(Split::Test)),
            ]
        );
        assert_eq!(read.cells, ["cat", "dog"]);
        assert_eq!(list("a.png,cat\nb.png,dog\n").unwrap().entries[0].line, 1);
        let marks = list("image,x,y\n1,0,1\n2,1,1\n3,-1,0.0\n").unwrap();
        assert_eq!(marks.form, Form::Marks(vec!["x".into(), "y".into()]));
        assert_eq!(marks.cells, ["y", "x\u{1f}y", ""]);
    }

    #[test]
    fn wrong_lines_are_told() {
        for (content, expected) in [
            ("file,label\na.png\n", "list.csv`, line 2: it has 1 cells, expected 2"),
            ("file,label\na.png,b,c\n", "line 2: it has 3 cells, expected 2"),
            ("file,label\n,cat\n", "line 2: it names no file"),
            ("file,label,split\na.png,cat,all\n", "its split is `all`, expected one of `train`"),
            ("image,x,y\n1,0,1\n2,1,maybe\n", "line 3: `y` holds `maybe`, expected 0 or 1"),
            ("file,label\n", "there is no image in it"),
            ("", "it is empty"),
        ] {
            let told = list(content).unwrap_err();
            assert!(told.contains(expected), "{content}: {told}");
        }
        // What a spreadsheet leaves at the ends of lines.
        assert_eq!(list("file,label\na.png,cat,,\n").unwrap().entries.len(), 1);
    }
}
