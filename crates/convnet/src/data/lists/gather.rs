//! Lists as splits of images: each file found, each label understood.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::super::image_folder::{Files, Sources, below, for_test, lacking, unmeasured};
use super::super::split_name::Split;
use super::super::{DataError, MultiLabels};
use super::find::{Finder, NotFound};
use super::labels::Labels;
use super::list::{Entry, List};

/// A list, and where its images are.
#[derive(Debug)]
pub(in crate::data) struct Listed {
    pub(super) list: List,
    /// What its images are for; `None` where the list itself may tell.
    pub(super) split: Option<Split>,
    pub(super) finder: Finder,
    /// The folder that its paths start from.
    pub(super) root: PathBuf,
    /// Whether it was found beside the images, and not named by the user.
    pub(super) found: bool,
}

/// A file, and the place of its labels among the meanings.
#[derive(Clone, Debug)]
struct Picture {
    path: PathBuf,
    meaning: usize,
}

/// The images of lists.
#[derive(Debug)]
pub(super) struct Gathered {
    root: PathBuf,
    classes: Vec<String>,
    /// Whether the names of the classes were given.
    named: bool,
    several: bool,
    /// Of each cell of a list its classes.
    meanings: Vec<Vec<u32>>,
    splits: BTreeMap<Split, Vec<Picture>>,
    /// Those of no split.
    undivided: Vec<Picture>,
    notes: Vec<String>,
}

/// So many missing files are named.
const NAMED: usize = 5;

impl Gathered {
    /// Finds the images of all lists. Labels are understood by all of them together; `names` are those of the classes.
    pub(super) fn of(listed: Vec<Listed>, names: Option<&[String]>) -> Result<Self, DataError> {
        let (mut lists, mut places) = (Vec::new(), Vec::new());
        for Listed { list, split, finder, root, found } in listed {
            lists.push(list);
            places.push((split, finder, root, found));
        }
        let Labels { classes, several, of, notes } = Labels::of(&lists, names)?;
        let root = places.first().map(|(_, _, root, _)| root.clone()).unwrap_or_default();
        let mut made = Self {
            root,
            classes,
            named: names.is_some(),
            several,
            meanings: Vec::new(),
            splits: BTreeMap::new(),
            undivided: Vec::new(),
            notes: lists.iter().flat_map(|list| list.notes.clone()).chain(notes).collect(),
        };
        let alone = lists.len() == 1;
        let mut around: HashMap<PathBuf, usize> = HashMap::new();
        for ((list, meanings), (split, mut finder, root, found)) in lists.iter().zip(of).zip(places) {
            let first = made.meanings.len();
            made.meanings.extend(meanings);
            let paths = files(list, &mut finder, &root, found)?;
            let by_column = split.is_none() || (alone && split == Some(Split::Train));
            if !by_column && list.entries.iter().any(|entry| entry.split.is_some() && entry.split != split) {
                made.notes.push(format!(
                    "`{}`: its column of splits is not used: all of it are {}",
                    list.path.display(),
                    split.unwrap_or(Split::Train).images()
                ));
            }
            let mut known: HashMap<PathBuf, &Entry> = HashMap::new();
            let mut twice = 0;
            for (entry, path) in list.entries.iter().zip(paths) {
                if let Some(before) = known.get(&path) {
                    if before.cell != entry.cell {
                        return Err(contradicting(list, entry, before));
                    }
                    twice += 1;
                    continue;
                }
                known.insert(path.clone(), entry);
                let picture = Picture { path, meaning: first + entry.cell as usize };
                let split = if by_column { entry.split.or(split) } else { split };
                match split {
                    Some(split) => made.splits.entry(split).or_default().push(picture),
                    None => made.undivided.push(picture),
                }
            }
            if twice > 0 {
                let lines =
                    if twice == 1 { "1 line names".to_owned() } else { format!("{twice} lines name") };
                made.notes
                    .push(format!("`{}`: {lines} an image again, which counts once", list.path.display()));
            }
            if found {
                around.extend(finder.images().map(|(folder, count)| (folder.to_owned(), count)));
            }
        }
        made.note_unlisted(&around);
        Ok(made)
    }

    /// Counts the images beside those of lists that were found there.
    fn note_unlisted(&mut self, around: &HashMap<PathBuf, usize>) {
        let pictures = self.splits.values().flatten().chain(&self.undivided);
        let used: HashSet<&Path> = pictures.map(|picture| picture.path.as_path()).collect();
        let used = used.iter().filter(|path| path.parent().is_some_and(|folder| around.contains_key(folder)));
        let left = around.values().sum::<usize>().saturating_sub(used.count());
        if left > 0 {
            let images = if left == 1 { "image there is" } else { "images there are" };
            self.notes.push(format!("`{}`: {left} {images} in no list, and not read", self.root.display()));
        }
    }

    /// Keeps a fifth of images that are of no split for the test, of each class its share.
    pub(super) fn divided(mut self) -> Self {
        let pictures = std::mem::take(&mut self.undivided);
        if pictures.is_empty() {
            return self;
        }
        let mut classes: BTreeMap<u32, Vec<Picture>> = BTreeMap::new();
        for picture in pictures {
            let class = if self.several { 0 } else { self.meanings[picture.meaning][0] };
            classes.entry(class).or_default().push(picture);
        }
        for pictures in classes.into_values() {
            let names: Vec<String> =
                pictures.iter().map(|picture| below(&self.root, &picture.path)).collect();
            // One image alone cannot be in both.
            let is_test = if pictures.len() > 1 { for_test(&names) } else { vec![false] };
            for (picture, is_test) in pictures.into_iter().zip(is_test) {
                let split = if is_test { Split::Test } else { Split::Train };
                self.splits.entry(split).or_default().push(picture);
            }
        }
        self.notes.push(format!(
            "`{}`: about a fifth of the listed images{}, chosen by their files' names, is measured on and not trained on",
            self.root.display(),
            if self.several { "" } else { " of each class" }
        ));
        self
    }

    /// Keeps the images to measure on: the test images, else the validation images, else all.
    pub(super) fn measured(mut self) -> Self {
        let measured = [Split::Test, Split::Validation, Split::Train]
            .into_iter()
            .find_map(|split| self.splits.remove(&split))
            .unwrap_or_else(|| std::mem::take(&mut self.undivided));
        self.splits = BTreeMap::from([(Split::Test, measured)]);
        self
    }

    /// The splits to learn from and to measure on; `name` names the set.
    pub(super) fn sources(mut self, name: &Path) -> Result<Sources, DataError> {
        let counts = self.counts(Split::Train);
        if counts.iter().all(|&count| count == 0) && !self.splits.contains_key(&Split::Train) {
            let problem = format!("`{}` lists no image to train on", name.display());
            return Err(DataError::Lists { problem });
        }
        if let ([class], false) = (&self.classes[..], self.several) {
            return Err(DataError::OneClass {
                origin: name.display().to_string(),
                class: class.clone(),
                hint: String::new(),
            });
        }
        let untrained: Vec<String> = lacking(&self.classes, &counts);
        if !untrained.is_empty() {
            let told = format!(
                "no training image is of {} of the classes: {}",
                untrained.len(),
                super::columns::listed(&untrained)
            );
            match self.named {
                true => self.notes.push(told),
                false => {
                    let problem = format!("{told}; take their lines out, or list images to train on");
                    return Err(DataError::Lists { problem });
                }
            }
        }
        for split in [Split::Validation, Split::Test] {
            if self.splits.contains_key(&split) {
                let lacking = lacking(&self.classes, &self.counts(split));
                let told = super::super::image_folder::told_lacking(split, &lacking);
                self.notes.extend(told);
            }
        }
        if !self.splits.contains_key(&Split::Test) {
            self.notes.push(unmeasured(name, self.splits.contains_key(&Split::Validation)));
        }
        self.into_sources(name)
    }

    /// The images to measure on alone.
    pub(super) fn test_sources(self, name: &Path) -> Result<Sources, DataError> {
        self.into_sources(name)
    }

    fn into_sources(self, name: &Path) -> Result<Sources, DataError> {
        let Self { root, classes, several, meanings, splits, notes, .. } = self;
        let origin = name.display().to_string();
        let mut made = Vec::new();
        for (split, pictures) in splits {
            let labels = pictures.iter().map(|picture| meanings[picture.meaning].clone());
            let several = match several {
                true => Some(MultiLabels::new(&origin, classes.len(), labels.clone())?),
                false => None,
            };
            let labels = match &several {
                Some(labels) => labels.firsts(),
                None => labels.map(|labels| labels[0]).collect(),
            };
            let paths = pictures.into_iter().map(|picture| picture.path).collect();
            made.push((split, Files::listed(&root, paths, labels, several)));
        }
        Ok(Sources { name: name.to_owned(), classes, splits: made, notes })
    }

    /// How many images of a split each class has.
    fn counts(&self, split: Split) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for picture in self.splits.get(&split).into_iter().flatten() {
            self.meanings[picture.meaning].iter().for_each(|&class| counts[class as usize] += 1);
        }
        counts
    }
}

/// The file of each entry.
fn files(list: &List, finder: &mut Finder, root: &Path, found: bool) -> Result<Vec<PathBuf>, DataError> {
    let (mut paths, mut missing, mut count) = (Vec::new(), Vec::new(), 0);
    for entry in &list.entries {
        match finder.find(&entry.file) {
            Ok(path) => paths.push(path),
            Err(NotFound::Missing) => {
                count += 1;
                if missing.len() < NAMED {
                    missing.push((entry.line, entry.file.clone()));
                }
            }
            Err(NotFound::Several(first, second)) => {
                return Err(list.wrong(
                    entry,
                    format!(
                        "`{}` may be `{}` or `{}`; write the whole path with its ending",
                        entry.file,
                        first.display(),
                        second.display()
                    ),
                ));
            }
            Err(NotFound::Outside) => {
                return Err(list.wrong(
                    entry,
                    format!(
                        "`{}` leads out of `{}`; a list that lies in a folder of images names images in it alone: give \
                         the list itself if it may name others",
                        entry.file,
                        root.display()
                    ),
                ));
            }
        }
    }
    if count == 0 {
        return Ok(paths);
    }
    let is_first = list.entries.first().map(|entry| entry.line) == missing.first().map(|&(line, _)| line);
    Err(DataError::MissingImages {
        list: list.path.clone(),
        root: root.to_owned(),
        missing,
        count,
        of: list.entries.len(),
        header: is_first && !list.headed && count == 1,
        named: !found,
    })
}

fn contradicting(list: &List, entry: &Entry, before: &Entry) -> DataError {
    let label = |entry: &Entry| list.cells[entry.cell as usize].replace(super::list::MARKED, "|");
    list.wrong(
        entry,
        format!(
            "`{}` has the label `{}`, and in line {} the label `{}`; expected one line an image: several labels stand in \
             one cell, as `a|b`",
            entry.file,
            label(entry),
            before.line,
            label(before)
        ),
    )
}
