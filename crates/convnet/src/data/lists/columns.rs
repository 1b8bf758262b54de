//! Which column of a list is what.

use convnet_formats::FormatError;
use convnet_formats::table::{Row, Separator, Table};

use super::super::decode::ENDINGS;

/// Names of the column of files, without regard to case, blanks, `_` and `-`; the first that is there is taken.
const FILE: [&str; 19] = [
    "file",
    "filename",
    "filepath",
    "image",
    "imagefile",
    "imagefilename",
    "imagename",
    "imagepath",
    "img",
    "imgfile",
    "imgname",
    "imgpath",
    "path",
    "photo",
    "picture",
    "imageid",
    "imgid",
    "id",
    "name",
];
/// Names of the column of labels.
const LABEL: [&str; 16] = [
    "label",
    "labels",
    "class",
    "classes",
    "classname",
    "labelname",
    "category",
    "categories",
    "categoryname",
    "target",
    "targets",
    "tag",
    "tags",
    "classid",
    "labelid",
    "categoryid",
];
/// Those of them that promise several labels in a cell.
const SEVERAL: [&str; 5] = ["labels", "classes", "categories", "targets", "tags"];
/// Names of the column that tells the split.
const SPLIT: [&str; 4] = ["split", "subset", "partition", "set"];

/// Where the labels are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LabelColumns {
    /// In one column; whether its name is in the plural.
    One { column: usize, plural: bool },
    /// A column of 0 and 1 for each class.
    Marks(Vec<(usize, String)>),
}

/// The columns of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) file: usize,
    pub(super) labels: LabelColumns,
    pub(super) split: Option<usize>,
    /// Cells of each line.
    pub(super) width: usize,
    /// Whether the first line names the columns.
    pub(super) header: bool,
    /// Columns that were taken for what they are called otherwise, or are not read.
    pub(super) notes: Vec<String>,
}

/// What the first lines of a table show.
#[derive(Debug)]
pub(super) enum Shown {
    /// A list of images.
    List(Columns),
    /// No list of images with labels, and why: line and problem.
    Other(u64, String),
}

/// What reading stops with: enough was seen, or it failed.
enum Stop {
    Enough,
    Failed(FormatError),
}

impl From<FormatError> for Stop {
    fn from(error: FormatError) -> Self {
        Self::Failed(error)
    }
}

/// Finds the columns by the first two lines.
pub(super) fn find(table: &Table) -> Result<Shown, FormatError> {
    let mut first: Vec<(u64, Vec<String>)> = Vec::new();
    let taken = table.rows(|row: &Row<'_>| {
        first.push((row.line, row.cells.iter().map(ToString::to_string).collect()));
        if first.len() == 2 { Err(Stop::Enough) } else { Ok(()) }
    });
    if let Err(Stop::Failed(error)) = taken {
        return Err(error);
    }
    let mut first = first.into_iter();
    let Some((line, names)) = first.next() else {
        return Ok(Shown::Other(1, "it is empty; expected a file and a label in each line".to_owned()));
    };
    let second = first.next().map(|(_, cells)| cells).unwrap_or_default();
    Ok(match named(&names, &second, table.separator()) {
        Ok(columns) => Shown::List(columns),
        Err(problem) => Shown::Other(line, problem),
    })
}

/// A name without what is written in different ways.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
}

fn named(names: &[String], second: &[String], separator: Separator) -> Result<Columns, String> {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let known = |known: &[&str]| -> Result<Option<usize>, String> {
        for wanted in known {
            let mut at = (0..plain.len()).filter(|&column| plain[column] == *wanted);
            match (at.next(), at.next()) {
                (Some(first), Some(second)) => {
                    return Err(format!(
                        "two columns are called `{}` and `{}`; rename one of them",
                        names[first], names[second]
                    ));
                }
                (Some(first), None) => return Ok(Some(first)),
                _ => {}
            }
        }
        Ok(None)
    };
    let (file, label, split) = (known(&FILE)?, known(&LABEL)?, known(&SPLIT)?);
    let expected = "expected a column `file` (or `filename`, `image`, `path`, `id` …) and a column `label` (or `class`, \
                    `category`, `target` …), or a column of 0 and 1 for each class";
    let width = names.len();
    let is_image = |cell: &str| {
        cell.rsplit_once('.')
            .is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
    };
    // Two columns without names: the first line is an image already.
    if (file.is_none() && label.is_none()) || names.iter().any(|cell| is_image(cell)) {
        return match width {
            2 => {
                let file = usize::from(is_image(&names[1]) && !is_image(&names[0]));
                Ok(Columns {
                    file,
                    labels: LabelColumns::One { column: 1 - file, plural: false },
                    split: None,
                    width,
                    header: false,
                    notes: Vec::new(),
                })
            }
            _ => {
                Err(format!("it has {width} {}, none of them named as is known; {expected}", columns(width)))
            }
        };
    }
    let mut notes = Vec::new();
    let others = |taken: &[Option<usize>]| -> Vec<usize> {
        (0..width).filter(|&column| !taken.contains(&Some(column)) && !names[column].is_empty()).collect()
    };
    let file = match file {
        Some(file) => file,
        None => match others(&[label, split])[..] {
            [only] => {
                notes.push(format!("the column `{}` is taken for the images' files", names[only]));
                only
            }
            _ => return Err(format!("none of its columns ({}) tells the files; {expected}", listed(names))),
        },
    };
    let rest = others(&[Some(file), label, split]);
    let labels = match (label, &rest[..]) {
        (Some(column), _) => {
            if !rest.is_empty() && separator != Separator::Blank {
                let rest: Vec<String> = rest.iter().map(|&column| names[column].clone()).collect();
                notes.push(format!("columns that are not used: {}", listed(&rest)));
            }
            LabelColumns::One { column, plural: SEVERAL.contains(&plain[column].as_str()) }
        }
        (None, []) => {
            return Err(format!("none of its columns ({}) tells the labels; {expected}", listed(names)));
        }
        (None, [only]) => {
            notes.push(format!("the column `{}` is taken for the labels", names[*only]));
            LabelColumns::One { column: *only, plural: false }
        }
        (None, many) => {
            let no_mark =
                many.iter().find(|&&column| second.get(column).is_some_and(|cell| mark(cell).is_none()));
            if let Some(&column) = no_mark {
                return Err(format!(
                    "none of its columns ({}) is called as labels are, and `{}` holds `{}`, not 0 or 1; {expected}",
                    listed(names),
                    names[column],
                    second[column]
                ));
            }
            let mut seen = std::collections::HashSet::new();
            if let Some(&twice) = many.iter().find(|&&column| !seen.insert(&names[column])) {
                return Err(format!("two columns are called `{}`; rename one of them", names[twice]));
            }
            LabelColumns::Marks(many.iter().map(|&column| (column, names[column].clone())).collect())
        }
    };
    Ok(Columns { file, labels, split, width, header: true, notes })
}

/// Whether a cell marks its image as one of the column's class; `None` for what is no mark. CelebA writes −1 for 0.
pub(super) fn mark(cell: &str) -> Option<bool> {
    match cell {
        "1" | "1.0" => Some(true),
        "0" | "0.0" | "-1" => Some(false),
        _ => match cell.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
    }
}

/// So many names are listed.
const LISTED: usize = 8;

/// Names, the first of them if they are many.
pub(super) fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text += &format!(" and {} more", names.len() - LISTED);
    }
    text
}

fn columns(count: usize) -> &'static str {
    if count == 1 { "column" } else { "columns" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: &str, second: &str) -> Result<Columns, String> {
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        named(&cells(header), &cells(second), Separator::Comma)
    }

    fn one(header: &str) -> (usize, usize, Option<usize>) {
        let found = found(header, "").unwrap();
        let LabelColumns::One { column, .. } = found.labels else { panic!("{:?}", found.labels) };
        (found.file, column, found.split)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        assert_eq!(one("file,label"), (0, 1, None));
        assert_eq!(one("Class Name,Image_Path"), (1, 0, None));
        assert_eq!(one("id,breed"), (0, 1, None));
        assert_eq!(one("id,filename,target,split"), (1, 2, Some(3)));
        assert_eq!(one("split,category,image"), (2, 1, Some(0)));
        assert_eq!(one("Bild,Label"), (0, 1, None));
        assert_eq!(one("name,class_id,class"), (0, 2, None));
        let told = found("file,label,width,height", "a,b,1,2").unwrap().notes;
        assert_eq!(told, ["columns that are not used: `width`, `height`"]);
        assert_eq!(found("id,breed", "").unwrap().notes, ["the column `breed` is taken for the labels"]);
        let plural =
            |header| matches!(found(header, "").unwrap().labels, LabelColumns::One { plural: true, .. });
        assert!(plural("image_name,tags") && !plural("image_name,tag"));
    }

    #[test]
    fn two_columns_need_no_names() {
        for line in ["a.png,cat", "label/x.JPG,3", "000123,dog"] {
            let found = found(line, "").unwrap();
            assert!(!found.header && found.width == 2 && found.file == 0, "{line}");
        }
        assert_eq!(found("cat,a.png", "").unwrap().file, 1);
        assert!(found("a.png,cat,dog", "").unwrap_err().contains("it has 3 columns, none of them named"));
        assert!(found("a.png", "").unwrap_err().contains("it has 1 column,"));
    }

    #[test]
    fn a_column_of_marks_for_each_class() {
        let marks = found("image,MEL,NV,BCC", "ISIC_1,0.0,1.0,0.0").unwrap();
        let classes = ["MEL", "NV", "BCC"].map(String::from);
        assert_eq!(marks.labels, LabelColumns::Marks((1..).zip(classes).collect()));
        let told = named(
            &["image", "age", "sex"].map(String::from),
            &["a", "31", "f"].map(String::from),
            Separator::Comma,
        )
        .unwrap_err();
        assert!(told.contains("`age` holds `31`, not 0 or 1"), "{told}");
        assert!(found("image,a,a", "x,1,0").unwrap_err().contains("two columns are called `a`"));
        assert_eq!(
            ["1", "0", "-1", "1.0", "True", "2", ""].map(mark),
            [Some(true), Some(false), Some(false), Some(true), Some(true), None, None]
        );
    }

    #[test]
    fn what_is_no_list_is_told() {
        assert!(found("file,x", "").unwrap().notes[0].contains("`x`"));
        assert!(found("file", "").unwrap_err().contains("tells the labels"));
        assert!(found("a,b,label", "").unwrap_err().contains("tells the files"));
        assert!(found("label,label,file", "").unwrap_err().contains("two columns are called"));
    }
}
