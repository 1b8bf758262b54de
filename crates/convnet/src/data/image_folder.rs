//! A folder of PNG and JPEG images, a folder a class.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use convnet_formats::FormatError;

use super::augment::shuffled;
use super::picture::{Image, dimensions, open_image};
use super::{DataError, DataSets, Dataset};

/// The names that the test split's folder may have, beside `train`.
const TEST: [&str; 3] = ["test", "val", "valid"];
/// Without a test split, one image in so many of each class is kept for it.
const TEST_SHARE: usize = 5;
/// The seed of which ones.
const TEST_SEED: u64 = 0;
/// Images that are all of one size keep it up to so many pixels a side.
const MAX_KEPT: usize = 512;
/// Other images are cut to squares of at most so many pixels a side.
const MAX_SQUARE: usize = 256;
/// The most bytes that the images of a split may take.
const MAX_BYTES: u64 = 8 << 30;

/// A class's name, its folder and its images, sorted by name.
struct Class {
    name: String,
    folder: PathBuf,
    images: Vec<PathBuf>,
}

/// The set in a folder: `train/CLASS/…` and `test/CLASS/…`, or `CLASS/…` of which a fifth of each class is
/// drawn for the test, always the same one.
///
/// Images that are all of one size (up to 512 × 512) keep it; others are resized to cover a square and cut to
/// it, whose side is the median of their shorter sides, at most 256. They are grey if all are.
pub(super) fn open(folder: &Path) -> Result<DataSets, DataError> {
    let training = folder.join("train");
    let (train, test) = if training.is_dir() {
        let test = TEST.iter().map(|name| folder.join(name)).find(|path| path.is_dir());
        let test = test.ok_or_else(|| DataError::NoSet {
            folder: folder.to_owned(),
            problem: "it has `train`, but no `test`".to_owned(),
        })?;
        two_splits(&training, &test)?
    } else {
        one_split(folder)?
    };
    let shape = common_size(folder, &train, &test)?;
    let mut images = [decode(&train, shape)?, decode(&test, shape)?];
    if images.iter().flatten().any(|image| image.channels == 3) {
        images = images.map(|split| split.into_iter().map(Image::into_rgb).collect());
    }
    let channels = images[0][0].channels;
    let classes: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
    let [train, test] = [(&train, &images[0]), (&test, &images[1])].map(|(split, images)| {
        let labels =
            split.iter().enumerate().flat_map(|(label, class)| vec![label as u32; class.images.len()]);
        let pixels = images.iter().flat_map(|image| &image.pixels).copied().collect();
        let origin = folder.display().to_string();
        Dataset::new(&origin, pixels, labels.collect(), classes.clone(), (channels, shape.0, shape.1))
    });
    Ok(DataSets { name: folder.display().to_string(), train: train?, test: test? })
}

fn two_splits(train: &Path, test: &Path) -> Result<(Vec<Class>, Vec<Class>), DataError> {
    let splits = (classes(train)?, classes(test)?);
    for (has, has_folder, lacks, lacks_folder) in
        [(&splits.0, train, &splits.1, test), (&splits.1, test, &splits.0, train)]
    {
        if let Some(class) = has.iter().find(|class| lacks.iter().all(|other| other.name != class.name)) {
            return Err(DataError::Classes {
                class: class.name.clone(),
                has: has_folder.to_owned(),
                lacks: lacks_folder.to_owned(),
            });
        }
    }
    enough(&splits.0, 1)?;
    enough(&splits.1, 1)?;
    Ok(splits)
}

fn one_split(folder: &Path) -> Result<(Vec<Class>, Vec<Class>), DataError> {
    let classes = classes(folder)?;
    enough(&classes, 2)?;
    let mut number = 0;
    Ok(classes
        .into_iter()
        .map(|Class { name, folder, images }| {
            let order = shuffled(images.len(), TEST_SEED, number);
            number += 1;
            let mut drawn = order[..(images.len() / TEST_SHARE).max(1)].to_vec();
            drawn.sort_unstable();
            let kept = (0..images.len()).filter(|index| drawn.binary_search(index).is_err());
            let take = |indices: Vec<usize>| Class {
                name: name.clone(),
                folder: folder.clone(),
                images: indices.into_iter().map(|index| images[index].clone()).collect(),
            };
            (take(kept.collect()), take(drawn))
        })
        .unzip())
}

fn enough(classes: &[Class], expected: usize) -> Result<(), DataError> {
    match classes.iter().find(|class| class.images.len() < expected) {
        None => Ok(()),
        Some(class) => {
            Err(DataError::EmptyClass { folder: class.folder.clone(), found: class.images.len(), expected })
        }
    }
}

/// The class folders of a split, sorted by name.
fn classes(split: &Path) -> Result<Vec<Class>, DataError> {
    let mut classes = Vec::new();
    for folder in entries(split)?.into_iter().filter(|path| path.is_dir()) {
        let images = entries(&folder)?.into_iter().filter(|path| is_image(path)).collect();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        classes.push(Class { name, folder, images });
    }
    if classes.is_empty() || classes.iter().all(|class| class.images.is_empty()) {
        let problem = format!("it has {} folders, and no image in them", classes.len());
        return Err(DataError::NoSet { folder: split.to_owned(), problem });
    }
    Ok(classes)
}

/// What a folder holds, sorted by name; hidden entries do not count.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = |source| FormatError::Io { action: "read", path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["png", "jpg", "jpeg"].iter().any(|known| extension == *known) && path.is_file()
}

/// Height and width that all images get.
fn common_size(folder: &Path, train: &[Class], test: &[Class]) -> Result<(usize, usize), DataError> {
    let files: Vec<&PathBuf> = train.iter().chain(test).flat_map(|class| &class.images).collect();
    let sizes = in_parallel(&files, dimensions)?;
    let (width, height) = sizes[0];
    let (width, height) = (width as usize, height as usize);
    let size = if sizes.iter().all(|size| *size == sizes[0]) && width.max(height) <= MAX_KEPT {
        (height, width)
    } else {
        let mut shorter: Vec<usize> =
            sizes.iter().map(|&(width, height)| width.min(height) as usize).collect();
        shorter.sort_unstable();
        let side = shorter[shorter.len() / 2].min(MAX_SQUARE);
        (side, side)
    };
    let bytes = 3 * (size.0 * size.1) as u64 * files.len() as u64;
    if bytes > MAX_BYTES {
        return Err(DataError::TooLarge {
            folder: folder.to_owned(),
            images: files.len(),
            height: size.0,
            width: size.1,
            bytes,
            limit: MAX_BYTES,
        });
    }
    Ok(size)
}

fn decode(split: &[Class], (height, width): (usize, usize)) -> Result<Vec<Image>, DataError> {
    let files: Vec<&PathBuf> = split.iter().flat_map(|class| &class.images).collect();
    in_parallel(&files, |path| Ok(open_image(path)?.covering(height, width)))
}

/// The results in the order of the files; of several errors the first one.
fn in_parallel<T: Send>(
    files: &[&PathBuf],
    work: impl Fn(&Path) -> Result<T, DataError> + Sync,
) -> Result<Vec<T>, DataError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = &work;
    thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(threads).max(1));
        let handles: Vec<_> = parts
            .map(|part| {
                scope.spawn(move || part.iter().map(|path| work(path)).collect::<Result<Vec<T>, _>>())
            })
            .collect();
        let mut results = Vec::with_capacity(files.len());
        for handle in handles {
            results.extend(handle.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))?);
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picture::tests::write_grey;

    fn write(folder: &Path, images: &[(&str, u32, u32, u8)]) {
        for &(path, width, height, level) in images {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_grey(&path, width, height, level);
        }
    }

    fn message(folder: &Path) -> String {
        open(folder).unwrap_err().to_string()
    }

    #[test]
    fn two_splits_are_read_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let images = [
            ("train/dog/b.PNG", 3, 2, 20),
            ("train/dog/a.png", 3, 2, 10),
            ("train/cat/z.png", 3, 2, 30),
            ("test/cat/z.png", 3, 2, 40),
            ("test/dog/z.png", 3, 2, 50),
        ];
        write(folder, &images);
        fs::write(folder.join("train/dog/notes.txt"), "no image").unwrap();
        let sets = open(folder).unwrap();
        assert_eq!(sets.classes(), ["cat", "dog"]);
        assert_eq!(sets.train.shape, (1, 2, 3));
        assert_eq!((*sets.train.labels).as_slice(), [0, 1, 1]);
        let levels = |set: &Dataset| (0..set.len()).map(|i| set.image(i)[5]).collect::<Vec<u8>>();
        assert_eq!(levels(&sets.train), [30, 10, 20]);
        assert_eq!(levels(&sets.test), [40, 50]);
    }

    #[test]
    fn sizes_and_colours_become_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, &[("train/a/1.png", 6, 8, 1), ("train/a/2.png", 30, 9, 2), ("test/a/1.png", 7, 70, 3)]);
        let red = image::RgbImage::from_pixel(20, 20, image::Rgb([255, 0, 0]));
        red.save(folder.join("train/a/3.png")).unwrap();
        let sets = open(folder).unwrap();
        // The shorter sides are 6, 7, 9, 20.
        assert_eq!(sets.train.shape, (3, 9, 9));
        assert_eq!(sets.train.image(1), [2; 3 * 81]);
        assert_eq!(sets.train.image(2), [[255u8; 81], [0; 81], [0; 81]].concat());
        assert_eq!(sets.test.image(0), [3; 3 * 81]);
    }

    #[test]
    fn without_a_test_split_a_fifth_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for class in ["a", "b"] {
            for image in 0..10 {
                write(folder, &[(&format!("{class}/{image}.png"), 4, 4, image)]);
            }
        }
        let sets = open(folder).unwrap();
        assert_eq!((sets.train.histogram(), sets.test.histogram()), (vec![8, 8], vec![2, 2]));
        let level = |set: &Dataset, i: usize| set.image(i)[0];
        let mut seen: Vec<u8> =
            (0..8).map(|i| level(&sets.train, i)).chain((0..2).map(|i| level(&sets.test, i))).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<u8>>());
        assert_eq!(open(folder).unwrap(), sets);
    }

    #[test]
    fn what_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(message(folder).contains("holds no data set: it has 0 folders"), "{}", message(folder));
        write(folder, &[("a/1.png", 2, 2, 0), ("a/2.png", 2, 2, 0), ("b/1.png", 2, 2, 0)]);
        assert!(message(folder).contains("b` has 1 PNG or JPEG images, expected at least 2"));
        fs::create_dir(folder.join("train")).unwrap();
        assert!(message(folder).contains("it has `train`, but no `test`"));
        write(folder, &[("train/a/1.png", 2, 2, 0), ("test/a/1.png", 2, 2, 0), ("test/b/1.png", 2, 2, 0)]);
        assert!(message(folder).contains("has a folder `b` for a class"), "{}", message(folder));
        fs::create_dir(folder.join("train/b")).unwrap();
        assert!(message(folder).contains("b` has 0 PNG or JPEG images, expected at least 1"));
        fs::write(folder.join("train/b/1.jpg"), "text").unwrap();
        assert!(message(folder).contains("1.jpg` is no image that can be used: by its first bytes"));
    }
}
