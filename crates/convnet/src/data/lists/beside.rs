//! Lists that lie in a folder of images.

use std::fs;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use super::super::split_name::Split;
use super::super::{DataError, image_folder};
use super::find::Finder;
use super::gather::Listed;
use super::list::{self, List};

/// The lists in a folder, where its images are in no class folders.
///
/// They are its only list, or those whose names tell what they are for: `train.csv`, `labels_val.csv`; images lie
/// beside them, in a folder of the same name, or in any other folder there. Or each split's folder has a list of its own.
/// What is left aside goes to `notes`; a table that is no list is refused if the folder is nothing without one.
pub(in crate::data) fn lists_of(
    folder: &Path,
    needed: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<Listed>, DataError> {
    let mut lists = in_folder(folder, None, needed, notes)?;
    if lists.is_empty() {
        for (split, path) in image_folder::split_folders(folder)? {
            lists.extend(in_folder(&path, Some(split), needed, notes)?);
        }
    }
    lists.iter_mut().for_each(|listed| folder.clone_into(&mut listed.root));
    // Images to train on alone are divided as a folder without splits is.
    if let [only] = &mut lists[..]
        && only.split == Some(Split::Train)
    {
        only.split = None;
    }
    Ok(lists)
}

/// The lists of one folder; `split` is what all of its images are for.
fn in_folder(
    folder: &Path,
    split: Option<Split>,
    needed: bool,
    notes: &mut Vec<String>,
) -> Result<Vec<Listed>, DataError> {
    let (mut lists, mut others) = (Vec::new(), Vec::new());
    for path in tables(folder)? {
        match list::is_one(&path)? {
            Ok(()) => lists.push(path),
            Err(problem) => others.push((path, problem)),
        }
    }
    let split_of = |path: &Path| {
        split.or_else(|| Split::within(&path.file_stem().unwrap_or_default().to_string_lossy()))
    };
    let for_training = lists.iter().filter(|path| split_of(path) == Some(Split::Train)).count();
    let taken: Vec<(PathBuf, Option<Split>)> = match (&lists[..], for_training) {
        ([], _) => match others.into_iter().next() {
            // The only table there is no list: what it lacks is the way out.
            Some((_, problem)) if needed => return Err(problem),
            _ => return Ok(Vec::new()),
        },
        ([only], _) => vec![(only.clone(), split_of(only).filter(|_| for_training == 0 || split.is_some()))],
        (_, 1) if split.is_none() => {
            let mut taken = Vec::new();
            for path in &lists {
                match split_of(path) {
                    Some(split) => taken.push((path.clone(), Some(split))),
                    None => notes.push(format!("`{}` is not used: its name is of no split", path.display())),
                }
            }
            taken
        }
        _ => {
            let names: Vec<String> = lists.iter().map(|path| image_folder::name(path)).collect();
            return Err(DataError::Lists {
                problem: format!(
                    "`{}` has several lists of images ({}), and it is not clear which are meant; call them `train.csv`, \
                     `val.csv` and `test.csv`, or give the list itself",
                    folder.display(),
                    super::columns::listed(&names)
                ),
            });
        }
    };
    for split in Split::ALL {
        let mut same = taken.iter().filter(|(_, other)| *other == Some(split));
        if let (Some((first, _)), Some((second, _))) = (same.next(), same.next()) {
            let problem = format!(
                "`{}` and `{}` both list {}; rename or remove one",
                first.display(),
                second.display(),
                split.images()
            );
            return Err(DataError::Lists { problem });
        }
    }
    for (path, problem) in others {
        notes.push(format!("`{}` is not used: {}", path.display(), reason(&problem)));
    }
    taken.into_iter().map(|(path, split)| listed(folder, &path, split)).collect()
}

fn reason(error: &DataError) -> String {
    match error {
        DataError::File(FormatError::Line { problem, .. }) => problem.clone(),
        other => other.to_string(),
    }
}

fn listed(folder: &Path, path: &Path, split: Option<Split>) -> Result<Listed, DataError> {
    let stem = path.file_stem().unwrap_or_default();
    let folders = image_folder::folders(folder)?;
    let is_own = |path: &PathBuf| {
        let name = image_folder::name(path);
        name.eq_ignore_ascii_case(&stem.to_string_lossy()) || split.is_some() && Split::named(&name) == split
    };
    let (first, more) = folders.into_iter().partition(is_own);
    Ok(Listed {
        list: List::read(path)?,
        split,
        finder: Finder::within(folder, first, more),
        root: folder.to_owned(),
        found: true,
    })
}

/// Whether there is any table in a folder or in those of its splits.
pub(in crate::data) fn has_tables(folder: &Path) -> Result<bool, DataError> {
    if !tables(folder)?.is_empty() {
        return Ok(true);
    }
    for (_, path) in image_folder::split_folders(folder)? {
        if !tables(&path)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The CSV and TSV files in a folder, in the order of their names.
fn tables(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = |source| FormatError::Io { action: "read", path: folder.to_owned(), source };
    let mut tables = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if matches!(ending.as_deref(), Some("csv" | "tsv")) && !hidden && path.is_file() {
            tables.push(path);
        }
    }
    tables.sort();
    Ok(tables)
}

/// The first list in a folder whose folders are classes, for it to be told that it is not used.
pub(in crate::data) fn beside_classes(folder: &Path) -> Result<Option<PathBuf>, DataError> {
    for path in tables(folder)? {
        if matches!(list::is_one(&path), Ok(Ok(()))) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
