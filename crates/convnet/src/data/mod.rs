//! Data sets: where they lie, how images become batches.
//!
//! [`open`] gives the training and test images of a named set or of a folder, [`Samples`] are where any other set gets
//! its images from. A [`Preprocess`] says how an image becomes a network's input, an [`Augment`] how training images are
//! changed at random; together they make a [`Pipeline`]. A [`Loader`] decodes, transforms and gives batches, on threads
//! of its own.
//!
//! ```
//! use convnet::data::{self, Augment, Loader, Preprocess};
//!
//! # fn main() -> Result<(), data::DataError> {
//! let sets = data::open("fashion-mnist-mini")?;
//! let preprocess = Preprocess::for_input([1, 32, 32], &sets.train)?;
//! let (augment, seed, epoch) = (Augment { crop: 2, flip: true }, 7, 0);
//! let mut loader = Loader::training(&sets.train, &preprocess, augment, seed, epoch, 64, 0);
//! let batch = loader.next().expect("the set has images")?;
//! assert_eq!(batch.images.len(), 64 * 32 * 32);
//! assert!(batch.labels.iter().all(|&class| (class as usize) < sets.classes().len()));
//! # Ok(())
//! # }
//! ```

mod augment;
mod cache;
mod class_match;
mod dataset;
mod decode;
mod error;
mod export;
mod fashion_mnist;
#[cfg(feature = "fetch")]
mod fetch;
mod fingerprint;
mod gate;
mod idx_folder;
mod image_folder;
mod jpeg;
mod loader;
mod multi_labels;
mod parallel;
mod picture;
mod planes;
mod preprocess;
mod preprocess_spec;
mod progress;
mod random;
mod repeats;
mod samples;
mod split;
pub mod transform;
mod views;

use std::path::{Path, PathBuf};

pub use augment::Augment;
pub use class_match::ClassMatch;
pub use dataset::{DataSets, Dataset, Sizes, TestSet};
pub use error::DataError;
pub use export::{export, folder_name};
pub use fingerprint::{Differences, Fingerprint, Print, some_names};
pub use loader::{Batch, Loader, Pass};
pub use multi_labels::MultiLabels;
pub use picture::Image;
pub use preprocess::{Fit, Preprocess};
pub use preprocess_spec::PreprocessSpec;
pub use progress::Progress;
pub use samples::{ImageFiles, Samples};
pub use transform::{Pipeline, Transform};
pub use views::Views;
pub(crate) use views::mirror;

/// The bundled set: [`open`] finds it anywhere.
pub const DEFAULT: &str = "fashion-mnist-mini";

/// A data set that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What [`open`] knows it by.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
    /// Training and test images.
    pub images: (usize, usize),
    /// Channels, height, width.
    pub shape: (usize, usize, usize),
    /// How many classes it has.
    pub classes: usize,
    /// Where it is now.
    pub place: Place,
}

/// Where a named data set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the program.
    Bundled,
    /// In a folder of this machine.
    Folder(PathBuf),
    /// Not here, [`fetch`] can bring it.
    Remote,
}

/// The data sets that have a name.
pub fn list() -> Vec<Source> {
    let (shape, classes) = ((1, 28, 28), fashion_mnist::CLASSES.len());
    vec![
        Source {
            name: DEFAULT,
            summary: "the first 1,000 training and 200 test images of each class of Fashion-MNIST",
            images: (10_000, 2_000),
            shape,
            classes,
            place: Place::Bundled,
        },
        Source {
            name: fashion_mnist::FULL,
            summary: "Zalando's pictures of clothes (Xiao, Rasul and Vollgraf 2017)",
            images: (60_000, 10_000),
            shape,
            classes,
            place: fashion_mnist::found().map_or(Place::Remote, Place::Folder),
        },
    ]
}

/// The training and test images of a named set, of a folder of IDX files, or of a folder of images.
///
/// `fashion-mnist` is looked for in the cache (`$CONVNET_CACHE`, else `convnet` in the user's cache folder) and
/// in the folder of Debian's package, and fetched into the cache if it is in neither.
///
/// # Errors
/// A name that no set and no folder has, files that are missing or damaged, images that do not go with their
/// labels, a set that cannot be fetched.
pub fn open(spec: &str) -> Result<DataSets, DataError> {
    open_with(spec, &mut |_| {})
}

/// As [`open`], and tells `progress` how far a fetch is.
pub fn open_with(spec: &str, progress: &mut dyn FnMut(Progress)) -> Result<DataSets, DataError> {
    let folder = Path::new(spec);
    match spec {
        DEFAULT => fashion_mnist::bundled(),
        fashion_mnist::FULL => fashion_mnist::full(progress),
        _ if !folder.is_dir() => Err(unknown(spec)),
        _ if idx_folder::is_one(folder) => idx_folder::open(folder),
        _ => image_folder::open(folder),
    }
}

/// The labelled images that are there to measure on: the test images of a named set, of a folder of IDX files or of a
/// folder with a test split, and all images of a folder that is not divided.
///
/// Where there is a training split without a test split, it is the images that [`open`] keeps for the test.
///
/// # Errors
/// As [`open`].
pub fn open_test(spec: &str, progress: &mut dyn FnMut(Progress)) -> Result<TestSet, DataError> {
    let folder = Path::new(spec);
    if folder.is_dir() && ![DEFAULT, fashion_mnist::FULL].contains(&spec) && !idx_folder::is_one(folder) {
        return image_folder::open_test(folder);
    }
    let sets = open_with(spec, progress)?;
    let images = sets.measured().map_or(&sets.train, |(_, images)| images).clone();
    let DataSets { name, sizes, notes, .. } = sets;
    Ok(TestSet { name, images, sizes, notes })
}

/// Brings a named set to this machine, unless it is here already, and tells its folder.
///
/// # Errors
/// A name that no set has, a set that is bundled, files that no mirror gives or that fail their checksum, a
/// cache that cannot be written.
pub fn fetch(name: &str, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, DataError> {
    match name {
        DEFAULT => Err(DataError::Bundled { name: DEFAULT }),
        fashion_mnist::FULL => fashion_mnist::fetch(progress),
        _ => Err(unknown(name)),
    }
}

/// The likeness of names (Jaro and Winkler, 0 to 1) from which one is offered for the other.
const LIKE: f64 = 0.75;

fn unknown(name: &str) -> DataError {
    let likeness = |known: &str| strsim::jaro_winkler(name, known);
    let nearest = [fashion_mnist::FULL, DEFAULT]
        .into_iter()
        .filter(|known| likeness(known) >= LIKE)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    DataError::Unknown { name: name.to_owned(), nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_folders_and_neither() {
        assert_eq!(open(DEFAULT).unwrap().name, DEFAULT);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(open(path).unwrap_err().to_string().contains("holds no data set"));
        idx_folder::tests::write(folder.path());
        assert_eq!(open(path).unwrap().train.len(), 2);
        let message = |name: &str| open(name).unwrap_err().to_string();
        assert!(
            message("fashon-mnist").contains("did you mean `fashion-mnist`?"),
            "{}",
            message("fashon-mnist")
        );
        assert!(message("fashion-mnist-min").contains("did you mean `fashion-mnist-mini`?"));
        assert!(!message("/no/such/folder").contains("did you mean"));
        assert!(fetch("cifar", &mut |_| {}).is_err());
        assert!(fetch(DEFAULT, &mut |_| {}).unwrap_err().to_string().contains("nothing to fetch"));
    }

    #[test]
    fn the_list_tells_the_truth_of_the_bundled_set() {
        let listed = &list()[0];
        let sets = open(listed.name).unwrap();
        assert_eq!(listed.images, (sets.train.len(), sets.test.len()));
        assert_eq!((listed.shape, listed.classes), (sets.train.shape, sets.classes().len()));
        assert_eq!(listed.place, Place::Bundled);
    }
}
