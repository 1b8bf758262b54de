//! A folder of IDX files, as MNIST and its successors are published.

use std::path::{Path, PathBuf};

use convnet_formats::idx::{self, Idx};

use super::{DataError, DataSets, Dataset};

/// The file of class names that a folder may hold, a name a line.
const CLASSES: &str = "classes.txt";

/// The two splits' file names begin so.
const TRAIN: &str = "train";
const TEST: &str = "t10k";

/// Whether the folder holds the training images of an IDX set.
pub(super) fn is_one(folder: &Path) -> bool {
    find(folder, &images(TRAIN)).is_ok()
}

/// Whether the folder holds all four files.
pub(super) fn is_complete(folder: &Path) -> bool {
    let names = [images(TRAIN), labels(TRAIN), images(TEST), labels(TEST)];
    names.iter().all(|name| find(folder, name).is_ok())
}

/// The set in a folder, with the classes of its `classes.txt`, else with the labels as names.
pub(super) fn open(folder: &Path) -> Result<DataSets, DataError> {
    let path = folder.join(CLASSES);
    let classes = match path.is_file() {
        true => Some(class_names(&path)?),
        false => None,
    };
    open_named(folder, &folder.display().to_string(), classes)
}

/// The set in a folder under another name and with known classes.
pub(super) fn open_named(
    folder: &Path,
    name: &str,
    classes: Option<Vec<String>>,
) -> Result<DataSets, DataError> {
    let read = |split: &str| -> Result<(Idx, Idx), DataError> {
        let images = idx::read::<3>(&find(folder, &images(split))?)?;
        let labels = idx::read::<1>(&find(folder, &labels(split))?)?;
        Ok((images, labels))
    };
    assemble(folder, name, read(TRAIN)?, read(TEST)?, classes)
}

/// A set of arrays that were read.
pub(super) fn assemble(
    folder: &Path,
    name: &str,
    train: (Idx, Idx),
    test: (Idx, Idx),
    classes: Option<Vec<String>>,
) -> Result<DataSets, DataError> {
    let classes = classes.unwrap_or_else(|| {
        let largest = train.1.data.iter().max().copied().unwrap_or(0);
        (0..=largest).map(|class| class.to_string()).collect()
    });
    let split = |(images, labels): (Idx, Idx), split: &str| {
        let origin = folder.join(split).display().to_string();
        let shape = (1, images.dims[1], images.dims[2]);
        Dataset::new(
            &origin,
            images.data,
            labels.data.into_iter().map(u32::from).collect(),
            classes.clone(),
            shape,
        )
    };
    let (train, test) = (split(train, &images(TRAIN))?, split(test, &images(TEST))?);
    if train.shape != test.shape {
        return Err(DataError::Sizes { folder: folder.to_owned(), train: train.shape, test: test.shape });
    }
    let sets = DataSets::new(name, train, test);
    sets.check_classes()?;
    Ok(sets)
}

fn images(split: &str) -> String {
    format!("{split}-images-idx3-ubyte")
}

fn labels(split: &str) -> String {
    format!("{split}-labels-idx1-ubyte")
}

/// The longest list of class names that is read.
const MAX_NAMES: u64 = 16 << 20;

/// The plain or the gzip file of that name.
fn find(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    [folder.join(name), folder.join(format!("{name}.gz"))]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| DataError::MissingFile { folder: folder.to_owned(), missing: name.to_owned() })
}

/// The names in a list, a line each.
pub(super) fn class_names(path: &Path) -> Result<Vec<String>, DataError> {
    let text = convnet_formats::read_text(path, MAX_NAMES)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fs;

    /// Writes a set of two 2 × 3 training images and one test image.
    pub(in crate::data) fn write(folder: &Path) {
        let array = |dims: &[usize], data: &[u8]| Idx { dims: dims.to_vec(), data: data.to_vec() }.to_bytes();
        let pixels: Vec<u8> = (0..12).collect();
        fs::write(folder.join(images(TRAIN)), array(&[2, 2, 3], &pixels)).unwrap();
        fs::write(folder.join(labels(TRAIN)), array(&[2], &[0, 2])).unwrap();
        fs::write(folder.join(images(TEST)), array(&[1, 2, 3], &pixels[..6])).unwrap();
        fs::write(folder.join(labels(TEST)), array(&[1], &[1])).unwrap();
    }

    fn message(folder: &Path) -> String {
        open(folder).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_read_with_and_without_class_names() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(!is_one(folder));
        write(folder);
        assert!(is_one(folder) && is_complete(folder));
        let sets = open(folder).unwrap();
        assert_eq!(sets.train.shape, (1, 2, 3));
        assert_eq!(sets.train.image(1).unwrap().pixels(), [6, 7, 8, 9, 10, 11]);
        assert_eq!(sets.train.labels(), [0, 2]);
        assert_eq!(sets.classes(), ["0", "1", "2"]);
        assert_eq!(sets.test.as_ref().unwrap().len(), 1);
        fs::write(folder.join(CLASSES), "cat\ndog\n\nfox\n").unwrap();
        assert_eq!(open(folder).unwrap().classes(), ["cat", "dog", "fox"]);
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(message(folder).contains("has no `train-images-idx3-ubyte`"));
        write(folder);
        fs::write(folder.join(CLASSES), "cat\ndog\n").unwrap();
        assert!(message(folder).contains("label 1 is 2, expected 0 to 1"), "{}", message(folder));
        fs::remove_file(folder.join(CLASSES)).unwrap();
        let labels_path = folder.join(labels(TEST));
        fs::write(&labels_path, Idx { dims: vec![2], data: vec![0, 1] }.to_bytes()).unwrap();
        assert!(message(folder).contains("1 images and 2 labels"), "{}", message(folder));
        fs::write(&labels_path, [0, 0, 8, 1, 0, 0, 0, 9, 1]).unwrap();
        assert!(message(folder).contains("t10k-labels-idx1-ubyte` is not a valid IDX file"));
        fs::remove_file(&labels_path).unwrap();
        assert!(is_one(folder) && !is_complete(folder));
        assert!(message(folder).contains("has no `t10k-labels-idx1-ubyte`"));
        write(folder);
        let narrow = Idx { dims: vec![1, 2, 2], data: vec![0; 4] };
        fs::write(folder.join(images(TEST)), narrow.to_bytes()).unwrap();
        assert!(message(folder).contains("training images are (1, 2, 3)"), "{}", message(folder));
    }
}
