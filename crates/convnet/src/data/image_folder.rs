//! A folder of PNG and JPEG images, a folder a class.

use std::fs;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use super::dataset::at_shape;
use super::decode::Header;
use super::picture::{Image, header};
use super::random::shuffled;
use super::samples::{ImageFiles, Samples};
use super::transform::Chain;
use super::{DataError, DataSets, Dataset, parallel};

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
/// The most bytes that the images of both splits take in memory; those of a larger folder stay in their files, and
/// are decoded whenever they are asked for.
const MAX_IN_MEMORY: u64 = 2 << 30;

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
/// it, whose side is the median of their shorter sides, at most 256. They are grey if all are. At that size they are
/// kept in memory, if they take no more than 2 GiB.
pub(super) fn open(folder: &Path) -> Result<DataSets, DataError> {
    open_within(folder, MAX_IN_MEMORY)
}

/// The same with another bound to the images in memory, in bytes.
fn open_within(folder: &Path, max_in_memory: u64) -> Result<DataSets, DataError> {
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
    let name = folder.display().to_string();
    let classes: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
    let splits = [files(train), files(test)];
    let shape = common_shape(splits.iter().flat_map(ImageFiles::paths))?;
    let count: usize = splits.iter().map(|files| files.paths().len()).sum();
    let bytes = (shape.0 * shape.1 * shape.2) as u64 * count as u64;
    let set = |files: ImageFiles| -> Result<Dataset, DataError> {
        if bytes > max_in_memory {
            return Dataset::of(&name, files, classes.clone(), shape);
        }
        let pixels = decoded(&files, shape)?;
        Dataset::new(&name, pixels, files.labels().to_vec(), classes.clone(), shape)
    };
    let [train, test] = splits.map(set);
    Ok(DataSets { train: train?, test: test?, name })
}

/// The images of a split and their classes.
fn files(split: Vec<Class>) -> ImageFiles {
    let labels = split.iter().enumerate().flat_map(|(label, class)| vec![label as u32; class.images.len()]);
    let labels = labels.collect();
    ImageFiles::new(split.into_iter().flat_map(|class| class.images).collect(), labels)
}

/// The pixels of all images at one size.
fn decoded(files: &ImageFiles, shape: (usize, usize, usize)) -> Result<Vec<u8>, DataError> {
    let (channels, height, width) = shape;
    let size = channels * height * width;
    let mut pixels = vec![0; files.paths().len() * size];
    let threads = parallel::threads(files.paths().len());
    let mut chains: Vec<Chain> = (0..threads).map(|_| Chain::new(&at_shape(shape))).collect();
    let images = files.paths().iter().zip(pixels.chunks_exact_mut(size));
    parallel::for_each(&mut chains, images, |chain, (path, out)| -> Result<(), DataError> {
        let image = Image::open(path)?;
        let image = chain.run(&image);
        // A grey image among RGB ones has its plane repeated.
        for plane in out.chunks_exact_mut(image.pixels().len()) {
            plane.copy_from_slice(image.pixels());
        }
        Ok(())
    })?;
    Ok(pixels)
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

/// The shape that all images get: channels, height, width.
fn common_shape<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Result<(usize, usize, usize), DataError> {
    let paths: Vec<&PathBuf> = paths.collect();
    let headers = parallel::map(&paths, |path| header(path))?;
    let channels = headers.iter().map(|header| header.channels).max().unwrap_or(1);
    let size = |header: &Header| (header.height as usize, header.width as usize);
    let (height, width) = size(&headers[0]);
    if headers.iter().all(|header| size(header) == (height, width)) && width.max(height) <= MAX_KEPT {
        return Ok((channels, height, width));
    }
    let mut shorter: Vec<usize> = headers.iter().map(size).map(|(height, width)| height.min(width)).collect();
    shorter.sort_unstable();
    let side = shorter[shorter.len() / 2].min(MAX_SQUARE);
    Ok((channels, side, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picture::tests::write_grey;
    use crate::data::{Augment, Loader, Preprocess};

    fn write(folder: &Path, images: &[(&str, u32, u32, u8)]) {
        for &(path, width, height, level) in images {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_grey(&path, width, height, level);
        }
    }

    /// All pixels of a set in memory.
    fn pixels(set: &Dataset) -> Vec<u8> {
        assert!(set.in_memory());
        (0..set.len()).flat_map(|index| set.image(index).unwrap().pixels().to_vec()).collect()
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
        assert_eq!(sets.train.labels(), [0, 1, 1]);
        let levels = |set: &Dataset| pixels(set).chunks(6).map(|image| image[5]).collect::<Vec<u8>>();
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
        assert_eq!(pixels(&sets.train)[243..486], [2; 243]);
        assert_eq!(pixels(&sets.train)[486..], [[255u8; 81], [0; 81], [0; 81]].concat());
        assert_eq!(pixels(&sets.test), [3; 243]);
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
        let level = |set: &Dataset, i: usize| set.image(i).unwrap().pixels()[0];
        let mut seen: Vec<u8> =
            (0..8).map(|i| level(&sets.train, i)).chain((0..2).map(|i| level(&sets.test, i))).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<u8>>());
        let again = open(folder).unwrap();
        assert_eq!((pixels(&again.train), pixels(&again.test)), (pixels(&sets.train), pixels(&sets.test)));
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

    /// Photos of several sizes, some grey.
    fn photos(folder: &Path) {
        for (number, class) in ["a", "b"].repeat(6).iter().enumerate() {
            let path = folder.join(class).join(format!("{number:02}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (width, height) = (20 + number as u32 * 3, 40 - number as u32 * 2);
            let level = |x, y| (x * 7 + y * 5 + 20 * number as u32) as u8;
            match number % 3 {
                0 => image::GrayImage::from_fn(width, height, |x, y| image::Luma([level(x, y)])).save(path),
                _ => {
                    image::RgbImage::from_fn(width, height, |x, y| image::Rgb([level(x, y), level(y, x), 9]))
                        .save(path)
                }
            }
            .unwrap();
        }
    }

    #[test]
    fn a_folder_too_large_for_memory_gives_the_same_batches() {
        let folder = tempfile::tempdir().unwrap();
        photos(folder.path());
        let (kept, read) = (open(folder.path()).unwrap(), open_within(folder.path(), 0).unwrap());
        assert!(kept.train.in_memory() && !read.train.in_memory());
        assert_eq!(kept.train.shape, read.train.shape);
        assert_eq!(kept.train.shape.0, 3);
        assert_eq!(kept.train.labels(), read.train.labels());
        assert_eq!(kept.train.statistics().unwrap(), read.train.statistics().unwrap());
        let augment = Augment { crop: 3, flip: true };
        for input in [[3, 24, 24], [1, 16, 16], [3, 40, 33]] {
            let preprocess = Preprocess::for_input(input, &kept.train).unwrap();
            assert_eq!(Preprocess::for_input(input, &read.train).unwrap(), preprocess);
            let (mut kept, mut read) = [&kept.train, &read.train]
                .map(|set| Loader::training(set, &preprocess, augment, 1, 2, 3, 0).map(Result::unwrap))
                .into();
            assert!(kept.by_ref().zip(read.by_ref()).all(|(kept, read)| kept.images == read.images));
            assert!(kept.next().is_none() && read.next().is_none());
        }
    }

    #[test]
    fn a_damaged_file_is_named_whenever_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        photos(folder.path());
        let path = folder.path().join("b/05.png");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(message(folder.path()).contains("05.png` is no image that can be used"));
        // Its header is whole: it is only found when it is decoded.
        let sets = open_within(folder.path(), 0).unwrap();
        let preprocess = Preprocess::plain([3, 16, 16]);
        let errors: Vec<String> = [&sets.train, &sets.test]
            .into_iter()
            .flat_map(|set| Loader::evaluation(set, &preprocess, 2))
            .filter_map(|batch| batch.err().map(|error| error.to_string()))
            .collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("b/05.png` is no image that can be used"), "{errors:?}");
    }
}
