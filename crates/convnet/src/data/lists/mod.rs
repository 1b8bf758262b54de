//! Sets whose images and labels are listed in files: CSV, TSV, or lines of a path and a label.

mod beside;
mod columns;
mod find;
mod gather;
mod labels;
mod list;
mod names;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::split_name::Split;
use super::{DataError, DataSets, OpenOptions, TestSet};
pub(super) use beside::{beside_classes, has_tables, lists_of as lists_of_folder};
use find::Finder;
use gather::Gathered;
pub(super) use gather::Listed;
use list::List;
pub(super) use names::read as class_names;

/// Files that list images with their labels, in place of folders.
///
/// A list is a CSV or TSV file with a column of files and one of labels, which are found by their names, or one without
/// names of columns whose lines are `path,label`, or text whose lines are `path label`. Labels are names or numbers; a
/// cell with `|` or `;` between labels, or a column of 0 and 1 for each class, makes a set of several labels an image. A
/// column `split` divides the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lists {
    /// The images to learn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// The images to choose by; without them they are a part of the training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    /// The images to measure on, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The folder that relative paths in the lists start from; without it, each list's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// The names of the classes and their order: a file with one a line, or JSON. Labels that are numbers are their
    /// places, counted from 0. It holds for folders too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_names: Option<PathBuf>,
}

impl Lists {
    /// Whether images are listed, and not those of a folder or of a named set.
    pub fn has_lists(&self) -> bool {
        self.train.is_some() || self.validation.is_some() || self.test.is_some()
    }

    /// The first key whose value cannot be meant, with what was found and what was expected: a list without one to learn
    /// from, a folder for lists that are not there.
    pub fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if let (None, Some(other)) = (&self.train, self.validation.as_ref().or(self.test.as_ref())) {
            let found = format!("missing beside `{}`", other.display());
            return Some(("lists.train", found, "a list of the images to learn from"));
        }
        let root = self.root.as_ref().filter(|_| !self.has_lists())?;
        Some(("lists.root", format!("`{}`", root.display()), "lists whose paths start there"))
    }

    /// The same files wherever the program runs.
    #[must_use]
    pub fn absolute(&self) -> Self {
        let absolute = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
        };
        Self {
            train: absolute(&self.train),
            validation: absolute(&self.validation),
            test: absolute(&self.test),
            root: absolute(&self.root),
            class_names: absolute(&self.class_names),
        }
    }

    /// The lists with what they are for.
    fn all(&self) -> impl Iterator<Item = (Split, &Path)> {
        [&self.train, &self.validation, &self.test]
            .into_iter()
            .zip(Split::ALL)
            .filter_map(|(list, split)| Some((split, list.as_deref()?)))
    }

    /// The images of the lists.
    ///
    /// # Errors
    /// A list that cannot be read, a line that cannot be meant, images that are not there or cannot be decoded.
    pub(super) fn open(&self, options: &OpenOptions) -> Result<DataSets, DataError> {
        let Some(train) = &self.train else {
            return Err(DataError::Lists { problem: "no list of training images is given".to_owned() });
        };
        let lists =
            self.all().map(|(split, path)| self.listed(Some(split), path)).collect::<Result<_, _>>()?;
        let gathered = Gathered::of(lists, self.names()?.as_deref())?;
        gathered.sources(train)?.open(options)
    }

    fn listed(&self, split: Option<Split>, path: &Path) -> Result<Listed, DataError> {
        let root = self.root.clone().unwrap_or_else(|| folder_of(path));
        Ok(Listed { list: List::read(path)?, split, finder: Finder::at(&root), root, found: false })
    }

    /// The names of the classes, if a file gives them.
    pub(super) fn names(&self) -> Result<Option<Vec<String>>, DataError> {
        self.class_names.as_deref().map(class_names).transpose()
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether a file's name is that of a list.
pub(super) fn has_ending(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    matches!(ending.as_deref(), Some("csv" | "tsv" | "tab" | "txt" | "lst"))
}

/// The set of a list that is named in place of a folder: divided by its column `split`, else a fifth of each class is
/// kept for the test.
pub(super) fn open_file(
    path: &Path,
    names: Option<&[String]>,
    options: &OpenOptions,
) -> Result<DataSets, DataError> {
    let listed = Lists::default().listed(None, path)?;
    Gathered::of(vec![listed], names)?.divided().sources(path)?.open(options)
}

/// The images of such a list to measure on: those of its test split, else all.
pub(super) fn open_file_test(path: &Path, names: Option<&[String]>) -> Result<TestSet, DataError> {
    let listed = Lists::default().listed(None, path)?;
    Gathered::of(vec![listed], names)?.measured().test_sources(path)?.open_test()
}

/// The set of the lists in a folder of images.
pub(super) fn open_folder(
    folder: &Path,
    lists: Vec<Listed>,
    names: Option<&[String]>,
    options: &OpenOptions,
) -> Result<DataSets, DataError> {
    Gathered::of(lists, names)?.divided().sources(folder)?.open(options)
}

/// The images of the lists in a folder of images that are there to measure on.
pub(super) fn open_folder_test(
    folder: &Path,
    lists: Vec<Listed>,
    names: Option<&[String]>,
) -> Result<TestSet, DataError> {
    Gathered::of(lists, names)?.measured().test_sources(folder)?.open_test()
}
