//! What the cells of labels mean: one class or several, by name or by number.

use std::collections::{HashMap, HashSet};

use super::super::DataError;
use super::columns::listed;
use super::list::{Form, List, MARKED};

/// How a cell is cut in labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The cell is the label.
    Whole,
    /// At a character.
    At(char),
    /// At blanks.
    Blank,
}

impl Cut {
    fn labels(self, cell: &str) -> Vec<&str> {
        match self {
            Self::Whole => vec![cell],
            Self::At(character) => {
                cell.split(character).map(str::trim).filter(|label| !label.is_empty()).collect()
            }
            Self::Blank => cell.split_whitespace().collect(),
        }
    }
}

/// The classes of several lists, and the meaning of each list's cells.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) classes: Vec<String>,
    /// Whether an image may have several classes, or none.
    pub(super) several: bool,
    /// Of each list the classes of each of its cells.
    pub(super) of: Vec<Vec<Vec<u32>>>,
    /// What was assumed.
    pub(super) notes: Vec<String>,
}

impl Labels {
    /// The classes are `names`, if they are given, else the labels that occur: in the order of their numbers if all are
    /// numbers, else in that of their names' bytes; of columns of marks in the order of these.
    pub(super) fn of(lists: &[List], names: Option<&[String]>) -> Result<Self, DataError> {
        let mut notes = Vec::new();
        let mut cut = cut(lists, names, &mut notes)?;
        let tokens: HashSet<&str> = cells(lists).flat_map(|cell| cut.labels(cell)).collect();
        let classes = match (names, &lists[0].form) {
            (Some(names), _) => names.to_vec(),
            (None, Form::Marks(names)) => names.clone(),
            (None, Form::Text { .. }) => in_order(tokens.into_iter().filter(|token| !token.is_empty())),
        };
        let by_number = names.is_some_and(|names| by_number(lists, cut, names));
        let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let mut of = Vec::new();
        for list in lists {
            let mut meanings = Vec::new();
            for (place, cell) in list.cells.iter().enumerate() {
                let mut labels = Vec::new();
                for token in cut.labels(cell) {
                    let found = match by_number {
                        true => token.parse().ok().filter(|&number: &u32| (number as usize) < classes.len()),
                        false => numbers.get(token).copied(),
                    };
                    if let Some(label) = found {
                        labels.push(label);
                    } else if let Some(entry) = list.with_cell(place) {
                        return Err(list.wrong(entry, unknown(token, &classes, by_number)));
                    }
                }
                labels.sort_unstable();
                labels.dedup();
                meanings.push(labels);
            }
            of.push(meanings);
        }
        // One mark in each line is a way to write one label.
        let single = |meanings: &Vec<Vec<u32>>| meanings.iter().all(|labels| labels.len() == 1);
        if cut == Cut::At(MARKED) && of.iter().all(single) {
            notes.push("each image is marked for one class: they are single labels".to_owned());
            cut = Cut::Whole;
        }
        Ok(Self { classes, several: cut != Cut::Whole, of, notes })
    }
}

fn cells(lists: &[List]) -> impl Iterator<Item = &str> {
    lists.iter().flat_map(|list| list.cells.iter().map(String::as_str))
}

/// How the cells of all lists are cut.
fn cut(lists: &[List], names: Option<&[String]>, notes: &mut Vec<String>) -> Result<Cut, DataError> {
    let marks: Vec<&List> = lists.iter().filter(|list| matches!(list.form, Form::Marks(_))).collect();
    if let Some(list) = marks.first() {
        return match lists.iter().find(|other| other.form != list.form) {
            None => Ok(Cut::At(MARKED)),
            Some(other) => Err(DataError::Lists {
                problem: format!(
                    "`{}` has a column of 0 and 1 for each class, `{}` has other columns; expected the same columns in \
                     the same order",
                    list.path.display(),
                    other.path.display()
                ),
            }),
        };
    }
    let known: HashSet<&str> = names.unwrap_or_default().iter().map(String::as_str).collect();
    let whole = |cell: &str| known.contains(cell);
    if names.is_some() && cells(lists).all(whole) {
        return Ok(Cut::Whole);
    }
    for (character, name) in [('|', "`|`"), (';', "`;`")] {
        if cells(lists).any(|cell| cell.contains(character) && !whole(cell)) {
            notes.push(format!(
                "labels with {name} between them are several: an image may have several classes, or none"
            ));
            return Ok(Cut::At(character));
        }
    }
    for (cut, name) in [(Cut::At(','), "a comma"), (Cut::Blank, "a blank")] {
        if needed(lists, cut, names) {
            notes.push(format!(
                "labels with {name} between them are taken for several: an image may have several classes, or none"
            ));
            return Ok(cut);
        }
    }
    Ok(Cut::Whole)
}

/// Whether a comma or a blank, which names of classes hold too, must be between labels: with names of classes because
/// nothing else gives these names; without them because the column is called in the plural, and each part stands in
/// other cells too.
fn needed(lists: &[List], cut: Cut, names: Option<&[String]>) -> bool {
    if cells(lists).all(|cell| cut.labels(cell).len() < 2) {
        return false;
    }
    if let Some(names) = names {
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        let is_number = |token: &str| token.parse().is_ok_and(|number: usize| number < names.len());
        return cells(lists).flat_map(|cell| cut.labels(cell)).all(|token| known.contains(token))
            || cells(lists).flat_map(|cell| cut.labels(cell)).all(is_number);
    }
    if !lists.iter().all(|list| list.form == Form::Text { plural: true }) {
        return false;
    }
    let mut occurs: HashMap<&str, usize> = HashMap::new();
    let different: HashSet<&str> = cells(lists).collect();
    for cell in &different {
        let tokens: HashSet<&str> = cut.labels(cell).into_iter().collect();
        tokens.into_iter().for_each(|token| *occurs.entry(token).or_default() += 1);
    }
    let mut several = different.iter().map(|cell| cut.labels(cell)).filter(|tokens| tokens.len() > 1);
    several.all(|tokens| tokens.iter().all(|token| occurs[token] > 1))
}

/// Whether labels are numbers of the names: they are no names themselves, and all are numbers.
fn by_number(lists: &[List], cut: Cut, names: &[String]) -> bool {
    let known: HashSet<&str> = names.iter().map(String::as_str).collect();
    let tokens = || cells(lists).flat_map(|cell| cut.labels(cell)).filter(|token| !token.is_empty());
    !tokens().all(|token| known.contains(token)) && tokens().all(|token| token.parse::<u32>().is_ok())
}

fn in_order<'a>(tokens: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut tokens: Vec<&str> = tokens.collect();
    tokens.sort_unstable();
    let number =
        |token: &&str| token.bytes().all(|byte| byte.is_ascii_digit()).then(|| token.parse::<u64>().ok());
    if tokens.iter().all(|token| number(token).flatten().is_some()) {
        tokens.sort_by_key(|token| number(token).flatten());
    }
    tokens.into_iter().map(str::to_owned).collect()
}

/// The likeness of names from which one is offered for the other.
const LIKE: f64 = 0.8;

fn unknown(token: &str, classes: &[String], by_number: bool) -> String {
    if token.is_empty() {
        return "it has no label; give it one, or take the line out".to_owned();
    }
    if by_number {
        return format!("its label is {token}, expected 0 to {} as there are names", classes.len() - 1);
    }
    let likeness = |name: &String| strsim::jaro_winkler(&name.to_lowercase(), &token.to_lowercase());
    let nearest = classes
        .iter()
        .filter(|name| likeness(name) >= LIKE)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest {
        Some(name) => format!("its label `{token}` is no class; did you mean `{name}`?"),
        None => format!("its label `{token}` is no class; expected one of {}", listed(classes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of these contents.
    fn labels(contents: &[&str], names: Option<&[&str]>) -> Result<Labels, String> {
        let folder = tempfile::tempdir().unwrap();
        let lists: Vec<List> = contents
            .iter()
            .enumerate()
            .map(|(number, content)| {
                let path = folder.path().join(format!("{number}.csv"));
                std::fs::write(&path, content).unwrap();
                List::read(&path).unwrap()
            })
            .collect();
        let names: Option<Vec<String>> =
            names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        Labels::of(&lists, names.as_deref()).map_err(|error| error.to_string())
    }

    #[test]
    fn classes_are_in_the_order_of_bytes_or_of_numbers() {
        let classes = |content| labels(&[content], None).unwrap().classes;
        assert_eq!(classes("file,label\n1,b\n2,A\n3,a\n4,10\n"), ["10", "A", "a", "b"]);
        assert_eq!(classes("file,label\n1,10\n2,9\n3,0\n"), ["0", "9", "10"]);
        let two = labels(&["file,label\n1,b\n", "file,label\n1,a\n2,b\n"], None).unwrap();
        assert_eq!(
            (two.classes, two.of),
            (vec!["a".into(), "b".into()], vec![vec![vec![1]], vec![vec![0], vec![1]]])
        );
        assert!(!two.several && two.notes.is_empty());
    }

    #[test]
    fn names_order_the_classes_and_numbers_are_their_places() {
        let names = Some(&["dog", "cat", "owl"][..]);
        let by_name = labels(&["file,label\n1,cat\n2,dog\n"], names).unwrap();
        assert_eq!(by_name.of, [[vec![1], vec![0]]]);
        let by_number = labels(&["file,label\n1,2\n2,0\n"], names).unwrap();
        assert_eq!(by_number.of, [[vec![2], vec![0]]]);
        // Names that are numbers are names.
        let odd = labels(&["file,label\n1,7\n2,5\n"], Some(&["5", "6", "7"])).unwrap();
        assert_eq!(odd.of, [[vec![2], vec![0]]]);
        let told = |content| labels(&[content], names).unwrap_err();
        assert!(told("file,label\n1,2\n2,3\n").contains("line 3: its label is 3, expected 0 to 2"));
        assert!(
            told("file,label\n1,Cats\n")
                .contains("line 2: its label `Cats` is no class; did you mean `cat`?")
        );
        assert!(told("file,label\n1,zebra\n").contains("expected one of `dog`, `cat`, `owl`"));
        assert!(told("file,label\n1,cat\n2,0\n").contains("line 3: its label `0` is no class"));
        assert!(told("file,label\n1,cat\n2,\n").contains("line 3: it has no label"));
    }

    #[test]
    fn several_labels_are_cut_where_a_sign_says_so() {
        for content in ["file,label\n1,a|b\n2,\n3,c\n4, b | a |\n", "file,label\n1,a;b\n2,\n3,c\n4,b;a;\n"] {
            let found = labels(&[content], None).unwrap();
            assert_eq!(found.of, [[vec![0, 1], vec![], vec![2], vec![0, 1]]], "{content}");
            assert!(found.several && found.notes[0].contains("are several"));
        }
        // Of all lists, though one has single labels alone.
        let two = labels(&["file,label\n1,a|b\n", "file,label\n1,b\n"], None).unwrap();
        assert_eq!(two.of, [[vec![0, 1]], [vec![1]]]);
    }

    #[test]
    fn blanks_and_commas_cut_only_what_needs_it() {
        let blanks = "file,tags\n1,haze primary\n2,clear primary\n3,clear haze\n4,primary\n";
        let found = labels(&[blanks], None).unwrap();
        assert_eq!(found.classes, ["clear", "haze", "primary"]);
        assert!(found.notes[0].contains("a blank between them are taken for several"));
        // The same cells in a column of one label each.
        assert_eq!(labels(&[&blanks.replace("tags", "tag")], None).unwrap().classes.len(), 4);
        // Names of two words.
        let dogs = "file,labels\n1,golden retriever\n2,shih tzu\n";
        assert_eq!(labels(&[dogs], None).unwrap().classes, ["golden retriever", "shih tzu"]);
        let names = ["golden retriever", "shih tzu"];
        assert!(!labels(&[dogs], Some(&names)).unwrap().several);
        let tags = labels(&["file,label\n1,b a\n2,b\n"], Some(&["a", "b"])).unwrap();
        assert_eq!((tags.several, &tags.of[0][..]), (true, &[vec![0, 1], vec![1]][..]));
        let numbers = labels(&["file,label\n1,1 0\n2,1\n"], Some(&["a", "b"])).unwrap();
        assert_eq!(numbers.of, [[vec![0, 1], vec![1]]]);
        let commas = labels(&["file,tags\n1,\"x y, z\"\n2,z\n3,x y\n"], None).unwrap();
        assert_eq!((commas.classes, commas.several), (vec!["x y".into(), "z".into()], true));
    }

    #[test]
    fn marks_are_several_labels_unless_each_line_has_one() {
        let found = labels(&["image,z,a\n1,1,1\n2,0,0\n3,0,1\n"], None).unwrap();
        assert_eq!((found.classes, found.several), (vec!["z".into(), "a".into()], true));
        assert_eq!(found.of, [[vec![0, 1], vec![], vec![1]]]);
        let found = labels(&["image,z,a\n1,1,0\n2,0,1\n"], None).unwrap();
        assert!(!found.several && found.notes[0].contains("single labels"));
        let told = labels(&["image,z,a\n1,1,0\n", "image,a,z\n1,1,0\n"], None).unwrap_err();
        assert!(told.contains("has other columns"), "{told}");
        let renamed = labels(&["image,z,a\n1,1,0\n2,1,1\n"], Some(&["a", "z"])).unwrap();
        assert_eq!(renamed.of, [[vec![1], vec![0, 1]]]);
    }
}
