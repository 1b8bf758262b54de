//! Which of a folder's folders are splits, by the names in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::DataError;
use super::super::split_name::Split;
use super::walk::{self, Class, LeftOut};

/// A folder's splits.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) splits: BTreeMap<Split, PathBuf>,
    /// Other folders beside splits.
    pub(super) others: Vec<PathBuf>,
    /// Other files beside splits.
    pub(super) beside: LeftOut,
}

/// A folder with the classes of a split in it.
pub(super) struct Labelled {
    pub(super) folder: PathBuf,
    pub(super) classes: Vec<Class>,
}

impl Layout {
    /// The splits that a folder has. Without one to train on, and without one to measure on that holds class folders, its
    /// folders are classes, and this is empty.
    pub(super) fn of(folder: &Path) -> Result<Self, DataError> {
        let mut beside = LeftOut::default();
        let folders = walk::folders_beside(folder, &mut beside)?;
        let mut splits: BTreeMap<Split, PathBuf> = BTreeMap::new();
        for path in &folders {
            if let Some(split) = Split::named(&walk::name(path))
                && let Some(first) = splits.insert(split, path.clone())
            {
                return Err(both(folder, &first, path));
            }
        }
        if !splits.contains_key(&Split::Train) {
            // Classes may be called so, but they hold images and not folders.
            let mut kept = BTreeMap::new();
            for (split, path) in splits {
                if !walk::folders(&path)?.is_empty() {
                    kept.insert(split, path);
                }
            }
            splits = kept;
        }
        if splits.is_empty() {
            return Ok(Self::default());
        }
        let is_split = |path: &&PathBuf| !splits.values().any(|split| split == *path);
        let others = folders.iter().filter(is_split).cloned().collect();
        Ok(Self { splits, others, beside })
    }

    pub(super) fn train(&self) -> Option<&PathBuf> {
        self.splits.get(&Split::Train)
    }

    /// A split with its classes, if it has class folders; what is said of one that has none goes to `notes`. `known` are
    /// the classes of the training split.
    pub(super) fn labelled(
        &self,
        split: Split,
        known: Option<&[Class]>,
        left_out: &mut LeftOut,
        notes: &mut Vec<String>,
    ) -> Result<Option<Labelled>, DataError> {
        let Some(folder) = self.splits.get(&split) else { return Ok(None) };
        let mut beside = LeftOut::default();
        let classes = walk::classes(folder, &mut beside)?;
        // Pictures without labels often lie in one folder more, of any name.
        let lone = known.is_some_and(|known| {
            let name = |class: &Class| class.name.to_lowercase();
            known.len() > 1
                && classes.len() == 1
                && known.iter().all(|class| name(class) != name(&classes[0]))
        });
        if lone || classes.iter().all(|class| class.images.is_empty()) {
            let images = beside.beside + classes.iter().map(|class| class.images.len()).sum::<usize>();
            notes.push(format!(
                "`{}` is not used: its images ({images}) are in no class folders",
                folder.display()
            ));
            return Ok(None);
        }
        left_out.add(beside);
        Ok(Some(Labelled { folder: folder.clone(), classes }))
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
