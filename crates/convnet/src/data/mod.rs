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
//! let augment = Augment { crop: Some(2), flip: Some(true), ..Augment::default() };
//! let (seed, epoch) = (7, 0);
//! let mut loader = Loader::training(&sets.train, &preprocess, &augment, seed, epoch, 64, 0);
//! let batch = loader.next().expect("the set has images")?;
//! assert_eq!(batch.images.len(), 64 * 32 * 32);
//! assert!(batch.labels.iter().all(|&class| (class as usize) < sets.classes().len()));
//! # Ok(())
//! # }
//! ```

mod augment;
mod cache;
mod cache_folder;
mod changed;
mod cifar;
mod class_match;
mod dataset;
mod decode;
mod disk;
mod encoded;
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
mod lists;
mod loader;
mod mix;
mod multi_labels;
mod named;
mod near;
mod parallel;
mod photos;
mod picture;
mod planes;
mod png;
mod preprocess;
mod preprocess_files;
mod preprocess_spec;
mod progress;
mod random;
mod repeats;
mod samples;
mod shards;
mod share;
#[cfg(feature = "pictures")]
mod sheet;
mod split;
mod split_name;
pub mod transform;
mod views;

use std::path::{Path, PathBuf};

pub use augment::{Augment, Auto, Jitter, Preset, ResizedCrop};
pub use cache::{Cache, CacheKind};
pub use changed::changed;
pub use class_match::ClassMatch;
pub use dataset::{DataSets, Dataset, Sizes, TestSet};
pub use error::DataError;
pub use export::{export, folder_name};
pub use fingerprint::{Differences, Fingerprint, Print, some_names};
pub use image_folder::images_below;
pub use lists::Lists;
pub use loader::{Batch, Loader, Pass};
pub use mix::Mix;
pub use multi_labels::MultiLabels;
use named::{NAMED, Named};
pub use near::{Near, NearRepeats, Seen};
pub use picture::Image;
pub use preprocess::{Fit, Preprocess};
pub use preprocess_spec::PreprocessSpec;
pub use progress::Progress;
pub use random::Sampling;
pub use samples::{ImageFiles, Samples};
pub use share::{BatchPlace, Share};
#[cfg(feature = "pictures")]
pub use sheet::Sheet;
pub use transform::{Pipeline, Transform};
pub use views::Views;
pub(crate) use views::mirror;

pub use crate::moved::{MovedBatch, Moves};

/// How a set is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Lists of images in place of a set, or the names of its classes.
    pub lists: Lists,
    /// What is kept of images that were decoded.
    pub cache: Cache,
    /// Whether images that cannot be decoded are left out, and named in the set's notes; otherwise they are an error.
    pub skip_corrupt: bool,
}

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
    let bundled = Source {
        name: DEFAULT,
        summary: "the first 1,000 training and 200 test images of each class of Fashion-MNIST",
        images: (10_000, 2_000),
        shape: (1, 28, 28),
        classes: fashion_mnist::CLASSES.len(),
        place: Place::Bundled,
    };
    [bundled].into_iter().chain(NAMED.iter().map(Named::source)).collect()
}

/// The images of a named set, of a folder of IDX files, of CIFAR's files or their archive, of tar shards (a folder of
/// them, or `train-{000..009}.tar`), of a folder of images, or of a list of images.
///
/// A named set is looked for in the cache (`$CONVNET_CACHE`, else `convnet` in the user's cache folder), `fashion-mnist`
/// in the folder of Debian's package too, and fetched into the cache if it is in neither. `:coarse` behind a name or path
/// of CIFAR-100 asks for its superclasses.
///
/// # Errors
/// A name that no set and no folder has, files that are missing or damaged, images that do not go with their
/// labels, a set that cannot be fetched.
pub fn open(spec: &str) -> Result<DataSets, DataError> {
    open_with(spec, &mut |_| {})
}

/// As [`open`], and tells `progress` how far a fetch is.
pub fn open_with(spec: &str, progress: &mut dyn FnMut(Progress)) -> Result<DataSets, DataError> {
    open_as(spec, &OpenOptions::default(), progress)
}

/// As [`open_with`], in other ways than by default: the images that lists name, or with the classes that they name.
///
/// # Errors
/// As [`open`], and for lists whose lines cannot be meant or whose images are not there.
pub fn open_as(
    spec: &str,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<DataSets, DataError> {
    let lists = &options.lists;
    if lists.has_lists() {
        return lists.open(options);
    }
    let (path, names) = (Path::new(spec), lists.names()?);
    let names = names.as_deref();
    let sets = if let Some(named) = named::find(spec) {
        named.open(spec, progress)
    } else if let Some(found) = cifar::find(spec)? {
        found.open(spec)
    } else if let Some(shards) = shards::find(spec)? {
        shards::open(spec, &shards, options)
    } else {
        match spec {
            DEFAULT => fashion_mnist::bundled(),
            _ if path.is_file() && lists::has_ending(path) => return lists::open_file(path, names, options),
            _ if !path.is_dir() => Err(unknown(spec)),
            _ if idx_folder::is_one(path) => idx_folder::open(path),
            _ => return image_folder::open(path, names, options),
        }
    };
    image_folder::named(sets?, names)
}

/// The labelled images that are there to measure on: the test images of a named set, of a folder of IDX files or of a
/// folder or list with a test split; where there is none, the validation images; and all images of a folder or list
/// that is not divided.
///
/// Where there is a training split alone, it is the images that [`open`] keeps for the test.
///
/// # Errors
/// As [`open`].
pub fn open_test(spec: &str, progress: &mut dyn FnMut(Progress)) -> Result<TestSet, DataError> {
    open_test_listed(spec, &Lists::default(), progress)
}

/// As [`open_test`], for images that `lists` name.
///
/// # Errors
/// As [`open_as`].
pub fn open_test_listed(
    spec: &str,
    lists: &Lists,
    progress: &mut dyn FnMut(Progress),
) -> Result<TestSet, DataError> {
    let path = Path::new(spec);
    let named = spec == DEFAULT || named::find(spec).is_some();
    if !lists.has_lists() && !named {
        let names = lists.names()?;
        if path.is_file() && lists::has_ending(path) {
            return lists::open_file_test(path, names.as_deref());
        }
        let other = idx_folder::is_one(path) || cifar::is_folder(path) || shards::find(spec)?.is_some();
        if path.is_dir() && !other {
            return image_folder::open_test(path, names.as_deref());
        }
    }
    let options = OpenOptions { lists: lists.clone(), ..OpenOptions::default() };
    let sets = open_as(spec, &options, progress)?;
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
    match named::find(name) {
        Some(named) => named.fetch(progress),
        None if name == DEFAULT => Err(DataError::Bundled { name: DEFAULT }),
        None => Err(unknown(name)),
    }
}

/// The likeness of names (Jaro and Winkler, 0 to 1) from which one is offered for the other.
const LIKE: f64 = 0.75;

/// All names, the bundled set's first.
fn names() -> impl Iterator<Item = &'static str> {
    [DEFAULT].into_iter().chain(NAMED.iter().map(|named| named.name))
}

fn unknown(name: &str) -> DataError {
    let likeness = |known: &str| strsim::jaro_winkler(name, known);
    let nearest =
        names().filter(|known| likeness(known) >= LIKE).max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
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
        assert!(message("cifar-10").contains("did you mean `cifar10`?"), "{}", message("cifar-10"));
        assert!(fetch("imagenet", &mut |_| {}).is_err());
        assert!(fetch(DEFAULT, &mut |_| {}).unwrap_err().to_string().contains("nothing to fetch"));
    }

    #[test]
    fn the_list_tells_the_truth_of_the_bundled_set() {
        let listed = &list()[0];
        let sets = open(listed.name).unwrap();
        assert_eq!(listed.images, (sets.train.len(), sets.test.as_ref().unwrap().len()));
        assert_eq!((listed.shape, listed.classes), (sets.train.shape, sets.classes().len()));
        assert_eq!(listed.place, Place::Bundled);
    }
}
