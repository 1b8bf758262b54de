//! A folder of images, a folder a class.

mod images;
mod layout;
mod split;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::dataset::Sizes;
use super::encoded::{self, Opened};
use super::lists::{self, Listed};
use super::split_name::Split;
use super::{ClassMatch, DataError, DataSets, Dataset, OpenOptions, TestSet, some_names};
pub(super) use images::{Files, below};
use layout::{Labelled, Layout};
pub(super) use split::for_test;
use walk::{Class, LeftOut};
pub(super) use walk::{folders, name};

/// The set in a folder: `train/CLASS/…`, `val/CLASS/…` and `test/CLASS/…`, where `val` or `test` may be missing, or
/// `CLASS/…` of which a fifth of each class is kept for the test, always the same images; or images in a folder with a
/// list of their labels. `names` are those of the classes, in their order.
///
/// Images that are all of one size (up to 512 × 512) keep it; others are resized to cover a square and cut to
/// it, whose side is the median of their shorter sides, at most 256. They are grey if all are. At that size they are
/// kept in memory, if they take no more than 2 GiB.
pub(super) fn open(
    folder: &Path,
    names: Option<&[String]>,
    options: &OpenOptions,
) -> Result<DataSets, DataError> {
    let mut found = Found::default();
    if let Some(lists) = found.lists(folder)? {
        let mut sets = lists::open_folder(folder, lists, names, options)?;
        sets.notes.splice(0..0, found.notes(folder));
        return Ok(sets);
    }
    let Splits { classes, splits } = found.splits(folder)?;
    let splits = splits.into_iter().map(|(split, classes)| (split, Files::new(folder, classes))).collect();
    let sources = Sources { name: folder.to_owned(), classes, splits, notes: found.notes(folder) };
    named(sources.open(options)?, names)
}

/// The labelled images in a folder that are there to measure on: those of its test split, else of its validation split,
/// if it is divided, else all.
pub(super) fn open_test(folder: &Path, names: Option<&[String]>) -> Result<TestSet, DataError> {
    let mut found = Found::default();
    if let Some(lists) = found.lists(folder)? {
        let mut set = lists::open_folder_test(folder, lists, names)?;
        set.notes.splice(0..0, found.notes(folder));
        return Ok(set);
    }
    let images = found.test_images(folder)?;
    let classes = images.iter().map(|class| class.name.clone()).collect();
    let splits = vec![(Split::Test, Files::new(folder, images))];
    let sources = Sources { name: folder.to_owned(), classes, splits, notes: found.notes(folder) };
    let mut set = sources.open_test()?;
    if let Some(names) = names {
        let numbers = numbers(names, &set.images.classes, &set.name, &mut set.notes)?;
        set.images = set.images.renumbered(names, &numbers)?;
    }
    Ok(set)
}

/// The place of each class among the names that are given for them: by its name, or by its number where classes are
/// called by numbers. What was assumed goes to `notes`.
fn numbers(
    names: &[String],
    classes: &[String],
    set: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<u32>, DataError> {
    let number = |class: &String| class.parse().ok().filter(|&number: &u32| (number as usize) < names.len());
    let numbers: Option<Vec<u32>> = classes.iter().map(number).collect();
    let are_new = |numbers: &Vec<u32>| {
        let different: HashSet<&u32> = numbers.iter().collect();
        different.len() == numbers.len() && classes.iter().all(|class| !names.contains(class))
    };
    if let Some(numbers) = numbers.filter(are_new) {
        notes.push("classes that are called by numbers have the names of these places".to_owned());
        return Ok(numbers);
    }
    let matched = ClassMatch::by_name(names, classes, set).map_err(|_| {
        let without: Vec<String> = classes.iter().filter(|class| !names.contains(class)).cloned().collect();
        let problem = format!(
            "`{set}` has classes that are none of the names given, or two of one name: {}; the names are {}",
            some_names(&without),
            some_names(names)
        );
        DataError::Lists { problem }
    })?;
    notes.extend(matched.told());
    Ok(matched.outputs().to_vec())
}

/// Sets with their classes in the order of `names`; a name may have no images.
pub(super) fn named(sets: DataSets, names: Option<&[String]>) -> Result<DataSets, DataError> {
    let Some(names) = names else { return Ok(sets) };
    let mut notes = sets.notes.clone();
    let numbers = numbers(names, sets.classes(), &sets.name, &mut notes)?;
    let among = |set: &Dataset| set.renumbered(names, &numbers);
    let [validation, test] = [&sets.validation, &sets.test].map(|set| set.as_ref().map(among).transpose());
    let (train, validation, test) = (among(&sets.train)?, validation?, test?);
    let empty = lacking(names, &train.histogram());
    if !empty.is_empty() {
        notes.push(format!("no training image is of {} of the classes: {}", empty.len(), some_names(&empty)));
    }
    Ok(DataSets { train, validation, test, notes, ..sets })
}

/// The folders of the splits that a folder has.
pub(super) fn split_folders(folder: &Path) -> Result<Vec<(Split, PathBuf)>, DataError> {
    let named = |path: PathBuf| Some((Split::named(&name(&path))?, path));
    Ok(folders(folder)?.into_iter().filter_map(named).collect())
}

/// The images in a folder and in those below it, sorted by path, whatever they show; and what else is there, if anything.
///
/// # Errors
/// If a folder cannot be read.
pub fn images_below(folder: &Path) -> Result<(Vec<PathBuf>, Option<String>), DataError> {
    let mut left_out = LeftOut::default();
    let images = walk::images(folder, &mut left_out)?;
    Ok((images, (!left_out.is_nothing()).then(|| left_out.to_string())))
}

/// What is to be said of a folder that is read.
#[derive(Default)]
struct Found {
    left_out: LeftOut,
    notes: Vec<String>,
}

/// The classes of a folder, and their images in each split.
struct Splits {
    classes: Vec<String>,
    splits: Vec<(Split, Vec<Class>)>,
}

/// Image files by their splits, and what is known of them.
pub(super) struct Sources {
    /// The folder or list that names the set.
    pub(super) name: PathBuf,
    pub(super) classes: Vec<String>,
    pub(super) splits: Vec<(Split, Files)>,
    /// What was left out or assumed.
    pub(super) notes: Vec<String>,
}

impl Found {
    fn notes(mut self, folder: &Path) -> Vec<String> {
        if !self.left_out.is_nothing() {
            self.notes.push(format!("`{}`: not read: {}", folder.display(), self.left_out));
        }
        self.notes
    }

    /// The lists in a folder whose images are in no class folders.
    fn lists(&mut self, folder: &Path) -> Result<Option<Vec<Listed>>, DataError> {
        if !lists::has_tables(folder)? {
            return Ok(None);
        }
        let layout = Layout::of(folder)?;
        let measured =
            [Split::Test, Split::Validation].into_iter().find_map(|split| layout.splits.get(&split));
        let of_classes = layout.train().or(measured).map_or(folder, PathBuf::as_path);
        let classes = walk::classes(of_classes, &mut LeftOut::default())?;
        let with_images = classes.iter().filter(|class| !class.images.is_empty()).count();
        if with_images > 1 {
            if let Some(list) = lists::beside_classes(folder)? {
                self.notes.push(format!(
                    "`{}` is not used: the folders beside it are taken for classes; give the list itself to take its \
                     labels",
                    list.display()
                ));
            }
            return Ok(None);
        }
        let lists = lists::lists_of_folder(folder, with_images == 0, &mut self.notes)?;
        Ok((!lists.is_empty()).then_some(lists))
    }

    /// The training images, and those of other splits.
    fn splits(&mut self, folder: &Path) -> Result<Splits, DataError> {
        let layout = self.layout(folder)?;
        let Some(train_folder) = layout.train() else {
            if let Some(other) = layout.splits.values().next() {
                let problem = format!("it has `{}`, but no `train`", name(other));
                return Err(DataError::NoSet { folder: folder.to_owned(), problem });
            }
            let classes = self.classes(folder)?;
            return self.divided(folder, folder, classes);
        };
        let train = self.classes(train_folder)?;
        let mut others = Vec::new();
        for split in [Split::Validation, Split::Test] {
            let found = layout.labelled(split, Some(&train), &mut self.left_out, &mut self.notes)?;
            others.extend(found.map(|found| (split, found)));
        }
        if others.is_empty() {
            return self.divided(folder, train_folder, train);
        }
        enough(&train, 1)?;
        let classes: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
        let mut splits = Vec::new();
        for (split, Labelled { folder: path, classes: found }) in others {
            let ordered = self.in_order((&train, train_folder), found, &path)?;
            let counts: Vec<usize> = ordered.iter().map(|class| class.images.len()).collect();
            self.notes.extend(told_lacking(split, &lacking(&classes, &counts)));
            splits.push((split, ordered));
        }
        several(folder, &train)?;
        if splits.iter().all(|(split, _)| *split != Split::Test) {
            self.notes.push(unmeasured(folder, true));
        }
        splits.insert(0, (Split::Train, train));
        Ok(Splits { classes, splits })
    }

    /// Classes of a split in the order of those to train on. Names may differ in the case of their letters.
    fn in_order(
        &mut self,
        (train, train_folder): (&[Class], &Path),
        found: Vec<Class>,
        folder: &Path,
    ) -> Result<Vec<Class>, DataError> {
        let empty = |class: &Class| Class {
            name: class.name.clone(),
            folder: folder.join(&class.name),
            images: Vec::new(),
        };
        let mut ordered: Vec<Class> = train.iter().map(empty).collect();
        for class in found {
            let lower = class.name.to_lowercase();
            let alike = |known: &&Class| known.name.to_lowercase() == lower;
            let place = train.iter().position(|known| known.name == class.name).or_else(|| {
                let one = train.iter().filter(alike).count() == 1;
                one.then(|| train.iter().position(|known| alike(&known))).flatten()
            });
            match place {
                Some(place) if ordered[place].images.is_empty() => {
                    if train[place].name != class.name {
                        let name = &train[place].name;
                        self.notes
                            .push(format!("`{}` is taken for the class `{name}`", class.folder.display()));
                    }
                    ordered[place] = class;
                }
                Some(place) => return Err(both_are(&ordered[place], &class, &train[place].name)),
                None if class.images.is_empty() => {}
                None => {
                    return Err(DataError::Classes {
                        class: class.name,
                        has: folder.to_owned(),
                        lacks: train_folder.to_owned(),
                    });
                }
            }
        }
        Ok(ordered)
    }

    /// A folder of classes, of which a fifth is kept for the test.
    fn divided(&mut self, root: &Path, folder: &Path, classes: Vec<Class>) -> Result<Splits, DataError> {
        several(folder, &classes)?;
        enough(&classes, 2)?;
        self.notes.push(format!(
            "`{}`: about a fifth of each class's images, chosen by their files' names, is measured on and not \
             trained on",
            folder.display()
        ));
        let names = classes.iter().map(|class| class.name.clone()).collect();
        let (train, test) = split::by_name(root, classes);
        Ok(Splits { classes: names, splits: vec![(Split::Train, train), (Split::Test, test)] })
    }

    /// The splits, and what lies beside them.
    fn layout(&mut self, folder: &Path) -> Result<Layout, DataError> {
        let mut layout = Layout::of(folder)?;
        self.left_out.add(std::mem::take(&mut layout.beside));
        self.notes.extend(layout.others.iter().map(|other| format!("`{}` is not used", other.display())));
        Ok(layout)
    }

    /// The images to measure on.
    fn test_images(&mut self, folder: &Path) -> Result<Vec<Class>, DataError> {
        let layout = self.layout(folder)?;
        let train = match layout.train() {
            Some(train) => Some(walk::classes(train, &mut LeftOut::default())?),
            None => None,
        };
        for split in [Split::Test, Split::Validation] {
            let labelled = layout.labelled(split, train.as_deref(), &mut self.left_out, &mut self.notes)?;
            if let Some(Labelled { classes, .. }) = labelled {
                if let Some(unused) = layout.splits.get(&Split::Validation).filter(|_| split == Split::Test) {
                    self.notes
                        .push(format!("`{}` is not used: the test images are measured on", unused.display()));
                }
                let empty = classes.iter().filter(|class| class.images.is_empty());
                let empty: Vec<String> = empty.map(|class| class.name.clone()).collect();
                self.notes.extend(told_lacking(split, &empty));
                return Ok(classes);
            }
        }
        let Some(train) = layout.train() else {
            let classes = self.classes(folder)?;
            enough(&classes, 1)?;
            return Ok(classes);
        };
        let classes = self.classes(train)?;
        let divided = self.divided(folder, train, classes)?;
        Ok(divided
            .splits
            .into_iter()
            .filter(|(split, _)| *split == Split::Test)
            .flat_map(|(_, c)| c)
            .collect())
    }

    /// The classes of a folder that has some.
    fn classes(&mut self, folder: &Path) -> Result<Vec<Class>, DataError> {
        let classes = walk::classes(folder, &mut self.left_out)?;
        if classes.iter().all(|class| class.images.is_empty()) {
            let count = classes.len();
            let beside = match self.left_out.is_nothing() {
                true => String::new(),
                false => format!(" (beside {})", self.left_out),
            };
            let folders = if count == 1 { "folder" } else { "folders" };
            let problem = format!("it has {count} {folders}, and no image in them{beside}");
            return Err(DataError::NoSet { folder: folder.to_owned(), problem });
        }
        Ok(classes)
    }
}

impl Sources {
    /// All splits.
    pub(super) fn open(self, options: &OpenOptions) -> Result<DataSets, DataError> {
        let name = self.name.display().to_string();
        let (sets, sizes, notes) = self.opened(options)?;
        let (mut train, mut validation, mut test) = (None, None, None);
        for (split, set) in sets {
            let place = match split {
                Split::Train => &mut train,
                Split::Validation => &mut validation,
                Split::Test => &mut test,
            };
            *place = Some(set);
        }
        match train {
            Some(train) => Ok(DataSets { name, train, validation, test, sizes: Some(sizes), notes }),
            None => Err(DataError::NoImages { origin: name }),
        }
    }

    /// The one split that is there.
    pub(super) fn open_test(self) -> Result<TestSet, DataError> {
        let name = self.name.display().to_string();
        let (mut sets, sizes, notes) = self.opened(&OpenOptions::default())?;
        match sets.pop() {
            Some((_, images)) => Ok(TestSet { name, images, sizes: Some(sizes), notes }),
            None => Err(DataError::NoImages { origin: name }),
        }
    }

    /// Splits at one size, each image of which can be decoded; the sizes of the images, and what is to be said.
    fn opened(self, options: &OpenOptions) -> Result<(Vec<(Split, Dataset)>, Sizes, Vec<String>), DataError> {
        let Self { name: folder, classes, splits, mut notes } = self;
        let (names, files): (Vec<Split>, Vec<Files>) = splits.into_iter().unzip();
        let mut opened = encoded::open(&folder.display().to_string(), &classes, files, options)?;
        notes.append(&mut opened.notes);
        notes.extend(cut_off(&folder, &opened));
        Ok((names.into_iter().zip(opened.sets).collect(), opened.sizes, notes))
    }
}

fn both_are(one: &Class, other: &Class, class: &str) -> DataError {
    let (one, other) = (one.folder.display(), other.folder.display());
    DataError::Lists {
        problem: format!("`{one}` and `{other}` both are the class `{class}`; rename or join them"),
    }
}

/// The classes of which there is no image.
pub(super) fn lacking(classes: &[String], counts: &[usize]) -> Vec<String> {
    let empty = classes.iter().zip(counts).filter(|(_, count)| **count == 0);
    empty.map(|(class, _)| class.clone()).collect()
}

/// That a split has no image of some classes, if so.
pub(super) fn told_lacking(split: Split, lacking: &[String]) -> Option<String> {
    let classes = if lacking.len() == 1 { "class" } else { "classes" };
    let told = format!(
        "no image of {} {classes} is among the {}: {}",
        lacking.len(),
        split.images(),
        some_names(lacking)
    );
    (!lacking.is_empty()).then_some(told)
}

/// That a set has no test images.
pub(super) fn unmeasured(name: &Path, validated: bool) -> String {
    let others =
        if validated { "; its validation images choose, so that their figures promise too much" } else { "" };
    format!("`{}`: it has no test images, so that nothing independent is measured{others}", name.display())
}

/// Refuses one class alone.
fn several(folder: &Path, classes: &[Class]) -> Result<(), DataError> {
    let [class] = classes else { return Ok(()) };
    let inner = folders(&class.folder)?;
    let hint = match inner.is_empty() {
        true => "; put each class's images into a folder of its own".to_owned(),
        false => {
            format!("; it has folders itself: give `{}` if they are the classes", class.folder.display())
        }
    };
    Err(DataError::OneClass { origin: folder.display().to_string(), class: class.name.clone(), hint })
}

fn enough(classes: &[Class], expected: usize) -> Result<(), DataError> {
    let few = classes.iter().filter(|class| class.images.len() < expected);
    let classes: Vec<_> = few.map(|class| (class.folder.clone(), class.images.len())).collect();
    match classes.is_empty() {
        true => Ok(()),
        false => Err(DataError::EmptyClass { classes, expected }),
    }
}

/// The share of an image's area, in hundredths, from which it is told that most images lose as much to their square.
const MUCH: usize = 34;

/// That half of the images or more lose much of their area where they are cut to a square.
fn cut_off(folder: &Path, opened: &Opened) -> Option<String> {
    let (_, height, width) = opened.sets.first()?.shape;
    if opened.each.iter().all(|&size| size == [height, width]) {
        return None;
    }
    let lost = |&[height, width]: &[usize; 2]| 100 - 100 * height.min(width) / height.max(width).max(1);
    let mut shares: Vec<usize> = opened.each.iter().map(lost).collect();
    shares.sort_unstable();
    let share = shares[shares.len() / 2];
    (share >= MUCH).then(|| {
        format!(
            "`{}`: the images are cut to their middle, a square: half of them lose {share}% of their area or more at \
             their ends",
            folder.display()
        )
    })
}
