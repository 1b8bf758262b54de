//! Which of a folder's folders are splits, by the names in use.

use std::path::{Path, PathBuf};

use super::super::DataError;
use super::walk::{self, Class, LeftOut};

/// Names of the folder to train on, in any case of letters.
const TRAIN: [&str; 2] = ["train", "training"];
/// Names of folders to measure on; the first that has class folders is taken.
const TEST: [&str; 5] = ["test", "testing", "val", "valid", "validation"];

/// A folder's splits.
pub(super) struct Layout {
    pub(super) train: Option<PathBuf>,
    /// By preference.
    pub(super) tests: Vec<PathBuf>,
    /// Other folders beside splits.
    pub(super) others: Vec<PathBuf>,
    /// Other files beside splits.
    pub(super) beside: LeftOut,
}

impl Layout {
    /// The splits that a folder has. Without one of both kinds or a lone test split its folders are classes, and this
    /// is empty.
    pub(super) fn of(folder: &Path) -> Result<Self, DataError> {
        let mut beside = LeftOut::default();
        let folders = walk::folders_beside(folder, &mut beside)?;
        let named = |known: &str| -> Result<Option<PathBuf>, DataError> {
            let mut found = folders.iter().filter(|path| walk::name(path).eq_ignore_ascii_case(known));
            match (found.next(), found.next()) {
                (Some(first), Some(second)) => Err(both(folder, first, second)),
                (first, _) => Ok(first.cloned()),
            }
        };
        let mut trains = Vec::new();
        for known in TRAIN {
            trains.extend(named(known)?);
        }
        if let [first, second] = &trains[..] {
            return Err(both(folder, first, second));
        }
        let mut tests = Vec::new();
        for known in TEST {
            tests.extend(named(known)?);
        }
        if trains.is_empty() {
            // Classes may be called so, but they hold images and not folders.
            let mut splits = Vec::new();
            for test in tests {
                if !walk::folders(&test)?.is_empty() {
                    splits.push(test);
                }
            }
            tests = splits;
        }
        let train = trains.pop();
        if train.is_none() && tests.is_empty() {
            return Ok(Self { train, tests, others: Vec::new(), beside: LeftOut::default() });
        }
        let is_split = |path: &PathBuf| train.as_ref() == Some(path) || tests.contains(path);
        let others = folders.iter().filter(|path| !is_split(path)).cloned().collect();
        Ok(Self { train, tests, others, beside })
    }

    /// The classes of the split to measure on, if one has class folders; what is said of the others goes to `notes`.
    /// `known` are the classes of the training split.
    pub(super) fn labelled(
        &self,
        known: Option<&[Class]>,
        left_out: &mut LeftOut,
        notes: &mut Vec<String>,
    ) -> Result<Option<(PathBuf, Vec<Class>)>, DataError> {
        let mut taken: Option<(PathBuf, Vec<Class>)> = None;
        for test in &self.tests {
            if let Some((taken, _)) = &taken {
                notes.push(format!("`{}` is not used: `{}` is measured on", test.display(), taken.display()));
                continue;
            }
            let mut beside = LeftOut::default();
            let classes = walk::classes(test, &mut beside)?;
            // Pictures without labels often lie in one folder more, of any name.
            let lone = known.is_some_and(|known| {
                known.len() > 1
                    && classes.len() == 1
                    && known.iter().all(|class| class.name != classes[0].name)
            });
            if lone || classes.iter().all(|class| class.images.is_empty()) {
                let images = beside.beside + classes.iter().map(|class| class.images.len()).sum::<usize>();
                notes.push(format!(
                    "`{}` is not used: its images ({images}) are in no class folders",
                    test.display()
                ));
                continue;
            }
            left_out.add(beside);
            taken = Some((test.clone(), classes));
        }
        Ok(taken)
    }
}

fn both(folder: &Path, first: &Path, second: &Path) -> DataError {
    DataError::NoSet {
        folder: folder.to_owned(),
        problem: format!(
            "it has both `{}` and `{}`, and it is not clear which is meant; rename or remove one",
            walk::name(first),
            walk::name(second)
        ),
    }
}
