//! A folder of images, a folder a class.

mod images;
mod layout;
mod split;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::dataset::Sizes;
use super::decode::Header;
use super::picture::header;
use super::{DataError, DataSets, Dataset, TestSet, parallel};
use images::{Files, FolderImages};
use layout::Layout;
use walk::{Class, LeftOut};

/// Images that are all of one size keep it up to so many pixels a side.
const MAX_KEPT: usize = 512;
/// Other images are cut to squares of at most so many pixels a side.
const MAX_SQUARE: usize = 256;
/// The most bytes that the images of both splits take in memory; those of a larger folder stay in their files, and
/// are decoded whenever they are asked for.
const MAX_IN_MEMORY: u64 = 2 << 30;

/// The set in a folder: `train/CLASS/…` and `test/CLASS/…`, or `CLASS/…` of which a fifth of each class is
/// kept for the test, always the same images.
///
/// Images that are all of one size (up to 512 × 512) keep it; others are resized to cover a square and cut to
/// it, whose side is the median of their shorter sides, at most 256. They are grey if all are. At that size they are
/// kept in memory, if they take no more than 2 GiB.
pub(super) fn open(folder: &Path) -> Result<DataSets, DataError> {
    open_within(folder, MAX_IN_MEMORY)
}

/// The same with another bound to the images in memory, in bytes.
fn open_within(folder: &Path, max_in_memory: u64) -> Result<DataSets, DataError> {
    let mut found = Found::default();
    let (train, test) = found.splits(folder)?;
    let name = folder.display().to_string();
    let Opened { mut sets, sizes, cut } = found.opened(folder, vec![train, test], max_in_memory)?;
    found.notes.extend(cut);
    let (Some(test), Some(train)) = (sets.pop(), sets.pop()) else {
        return Err(DataError::NoImages { origin: name });
    };
    let (validation, test) = (None, Some(test));
    Ok(DataSets { name, train, validation, test, sizes: Some(sizes), notes: found.notes(folder) })
}

/// The labelled images in a folder that are there to measure on: those of its test split, if it is divided, else all.
pub(super) fn open_test(folder: &Path) -> Result<TestSet, DataError> {
    let mut found = Found::default();
    let classes = found.test_images(folder)?;
    let Opened { mut sets, sizes, cut } = found.opened(folder, vec![classes], MAX_IN_MEMORY)?;
    found.notes.extend(cut);
    let name = folder.display().to_string();
    let Some(images) = sets.pop() else { return Err(DataError::NoImages { origin: name }) };
    Ok(TestSet { name, images, sizes: Some(sizes), notes: found.notes(folder) })
}

/// What is to be said of a folder that is read.
#[derive(Default)]
struct Found {
    left_out: LeftOut,
    notes: Vec<String>,
}

/// Splits of a folder.
struct Opened {
    sets: Vec<Dataset>,
    sizes: Sizes,
    /// That much of most images is cut off.
    cut: Option<String>,
}

impl Found {
    fn notes(mut self, folder: &Path) -> Vec<String> {
        if !self.left_out.is_nothing() {
            self.notes.push(format!("`{}`: not read: {}", folder.display(), self.left_out));
        }
        self.notes
    }

    /// The training and the test images.
    fn splits(&mut self, folder: &Path) -> Result<(Vec<Class>, Vec<Class>), DataError> {
        let layout = self.layout(folder)?;
        let Some(train_folder) = &layout.train else {
            if let Some(test) = layout.tests.first() {
                let problem = format!("it has `{}`, but no `train`", walk::name(test));
                return Err(DataError::NoSet { folder: folder.to_owned(), problem });
            }
            let classes = self.classes(folder)?;
            return self.divided(folder, folder, classes);
        };
        let train = self.classes(train_folder)?;
        let test = layout.labelled(Some(&train), &mut self.left_out, &mut self.notes)?;
        let Some((test_folder, test)) = test else { return self.divided(folder, train_folder, train) };
        enough(&train, 1)?;
        enough(&test, 1)?;
        same_classes((&train, train_folder), (&test, &test_folder))?;
        several(folder, &train)?;
        Ok((train, test))
    }

    /// A folder of classes, of which a fifth is kept for the test.
    fn divided(
        &mut self,
        root: &Path,
        folder: &Path,
        classes: Vec<Class>,
    ) -> Result<(Vec<Class>, Vec<Class>), DataError> {
        several(folder, &classes)?;
        enough(&classes, 2)?;
        self.notes.push(format!(
            "`{}`: about a fifth of each class's images, chosen by their files' names, is measured on and not \
             trained on",
            folder.display()
        ));
        Ok(split::by_name(root, classes))
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
        let train = match &layout.train {
            Some(train) => Some(walk::classes(train, &mut LeftOut::default())?),
            None => None,
        };
        let labelled = layout.labelled(train.as_deref(), &mut self.left_out, &mut self.notes)?;
        if let Some((_, classes)) = labelled {
            enough(&classes, 1)?;
            return Ok(classes);
        }
        let Some(train) = &layout.train else {
            let classes = self.classes(folder)?;
            enough(&classes, 1)?;
            return Ok(classes);
        };
        let classes = self.classes(train)?;
        Ok(self.divided(folder, train, classes)?.1)
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

    /// Splits at one size, each image of which can be decoded.
    fn opened(&self, folder: &Path, splits: Vec<Vec<Class>>, max: u64) -> Result<Opened, DataError> {
        let name = folder.display().to_string();
        let names: Vec<String> = splits[0].iter().map(|class| class.name.clone()).collect();
        let splits: Vec<Files> = splits.into_iter().map(|split| Files::new(folder, split)).collect();
        let paths: Vec<&PathBuf> = splits.iter().flat_map(|files| &files.paths).collect();
        let headers = parallel::map(&paths, |path| Ok::<_, DataError>(header(path)))?;
        let (headers, mut problems): (Vec<_>, Vec<_>) = headers.into_iter().partition(Result::is_ok);
        let headers: Vec<Header> = headers.into_iter().flatten().collect();
        let Some(sizes) = range(&headers) else {
            DataError::all(problems.into_iter().filter_map(Result::err).collect())?;
            return Err(DataError::NoImages { origin: name });
        };
        let shape = common_shape(&headers);
        let keep = (shape.0 * shape.1 * shape.2) as u64 * paths.len() as u64 <= max;
        let last = splits.len() - 1;
        let mut pixels = Vec::new();
        let mut found = Vec::new();
        for (place, files) in splits.iter().enumerate() {
            if keep {
                let (decoded, problems) = files.decoded(shape);
                pixels.push(decoded);
                found.extend(problems);
            } else if place == last {
                // Training images are all decoded before the first step, for their mean and deviation.
                found.extend(files.problems());
            }
        }
        if keep {
            // Whose header is damaged does not decode either.
            problems.clear();
        }
        found.splice(0..0, problems.into_iter().filter_map(Result::err));
        DataError::all(found)?;
        let mut pixels = pixels.into_iter();
        let sets = splits.into_iter().map(|files| match pixels.next() {
            Some(pixels) => {
                let images = FolderImages::kept(&name, files, pixels, shape)?;
                Dataset::of(&name, images, names.clone(), shape)
            }
            None => Dataset::of(&name, FolderImages::read(files, shape), names.clone(), shape),
        });
        Ok(Opened { sets: sets.collect::<Result<_, _>>()?, sizes, cut: cut_off(folder, &headers, shape) })
    }
}

fn same_classes(train: (&[Class], &Path), test: (&[Class], &Path)) -> Result<(), DataError> {
    for ((has, has_folder), (lacks, lacks_folder)) in [(train, test), (test, train)] {
        if let Some(class) = has.iter().find(|class| lacks.iter().all(|other| other.name != class.name)) {
            return Err(DataError::Classes {
                class: class.name.clone(),
                has: has_folder.to_owned(),
                lacks: lacks_folder.to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses one class alone.
fn several(folder: &Path, classes: &[Class]) -> Result<(), DataError> {
    let [class] = classes else { return Ok(()) };
    let inner = walk::folders(&class.folder)?;
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

fn size(header: &Header) -> [usize; 2] {
    [header.height as usize, header.width as usize]
}

/// The shape that all images get: channels, height, width.
fn common_shape(headers: &[Header]) -> (usize, usize, usize) {
    let channels = headers.iter().map(|header| header.channels).max().unwrap_or(1);
    let [height, width] = size(&headers[0]);
    if headers.iter().all(|header| size(header) == [height, width]) && width.max(height) <= MAX_KEPT {
        return (channels, height, width);
    }
    let mut shorter: Vec<usize> = headers.iter().map(size).map(|[height, width]| height.min(width)).collect();
    shorter.sort_unstable();
    let side = shorter[shorter.len() / 2].min(MAX_SQUARE);
    (channels, side, side)
}

/// The share of an image's area, in hundredths, from which it is told that most images lose as much to their square.
const MUCH: usize = 34;

/// That half of the images or more lose much of their area where they are cut to a square.
fn cut_off(folder: &Path, headers: &[Header], (_, height, width): (usize, usize, usize)) -> Option<String> {
    if headers.iter().all(|header| size(header) == [height, width]) {
        return None;
    }
    let lost = |[height, width]: [usize; 2]| 100 - 100 * height.min(width) / height.max(width).max(1);
    let mut shares: Vec<usize> = headers.iter().map(size).map(lost).collect();
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

/// The sizes of the smallest and the largest image.
fn range(headers: &[Header]) -> Option<Sizes> {
    let pixels = |size: &[usize; 2]| (size[0] * size[1], size[0]);
    let smallest = headers.iter().map(size).min_by_key(pixels)?;
    let largest = headers.iter().map(size).max_by_key(pixels)?;
    Some(Sizes { smallest, largest })
}
