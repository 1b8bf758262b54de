//! Data sets that have a name: where they are, and where they come from.

use std::path::{Path, PathBuf};

#[cfg(feature = "fetch")]
use super::fetch::{Remote, Sum, fetch_all};
use super::{DataError, DataSets, Place, Progress, Source, cache_folder, cifar, fashion_mnist, idx_folder};

/// A set that is fetched.
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// Training and test images.
    pub(super) images: (usize, usize),
    pub(super) shape: (usize, usize, usize),
    pub(super) content: Content,
    /// Another folder of this machine that may have it.
    pub(super) system: Option<&'static str>,
    /// What else helps where it cannot be fetched.
    pub(super) hint: &'static str,
    /// Its first file.
    pub(super) first: &'static str,
    #[cfg(feature = "fetch")]
    pub(super) mirrors: &'static [&'static str],
    #[cfg(feature = "fetch")]
    pub(super) files: &'static [Remote],
}

/// How its files are read.
pub(super) enum Content {
    /// Four IDX files, and the names of the classes.
    Idx(&'static [&'static str]),
    /// An archive of so many classes.
    Cifar(usize),
}

impl Content {
    fn classes(&self) -> usize {
        match self {
            Self::Idx(names) => names.len(),
            Self::Cifar(classes) => *classes,
        }
    }
}

/// The digits of MNIST.
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The characters of Kuzushiji-MNIST, as torchvision calls them.
const KANA: [&str; 10] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];

/// The most bytes of an IDX file that is packed; the images of MNIST have 47 MB.
#[cfg(feature = "fetch")]
const IDX_MOST: u64 = 48 << 20;
/// The most bytes of a packed archive of CIFAR's; its images have 184 MB.
#[cfg(feature = "fetch")]
const CIFAR_MOST: u64 = 200 << 20;

#[cfg(feature = "fetch")]
const fn file(name: &'static str, most: u64, md5: &'static str) -> Remote {
    Remote { name, sum: Sum::File { most, md5 } }
}

/// The sets. Addresses and MD5 sums other than Fashion-MNIST's are those of torchvision 0.29: `datasets/mnist.py` and
/// `datasets/cifar.py`.
pub(super) static NAMED: [Named; 5] = [
    fashion_mnist::NAMED,
    Named {
        name: "mnist",
        summary: "handwritten digits (LeCun, Cortes and Burges 1998)",
        images: (60_000, 10_000),
        shape: (1, 28, 28),
        content: Content::Idx(&DIGITS),
        system: None,
        hint: "",
        first: "train-images-idx3-ubyte.gz",
        #[cfg(feature = "fetch")]
        mirrors: &["https://ossci-datasets.s3.amazonaws.com/mnist", "http://yann.lecun.com/exdb/mnist"],
        #[cfg(feature = "fetch")]
        files: &[
            file("train-images-idx3-ubyte.gz", IDX_MOST, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            file("train-labels-idx1-ubyte.gz", IDX_MOST, "d53e105ee54ea40749a09fcbcd1e9432"),
            file("t10k-images-idx3-ubyte.gz", IDX_MOST, "9fb629c4189551a2d022fa330f9573f3"),
            file("t10k-labels-idx1-ubyte.gz", IDX_MOST, "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
    },
    Named {
        name: "kmnist",
        summary: "Kuzushiji-MNIST: cursive Japanese characters (Clanuwat et al. 2018)",
        images: (60_000, 10_000),
        shape: (1, 28, 28),
        content: Content::Idx(&KANA),
        system: None,
        hint: "",
        first: "train-images-idx3-ubyte.gz",
        #[cfg(feature = "fetch")]
        mirrors: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist"],
        #[cfg(feature = "fetch")]
        files: &[
            file("train-images-idx3-ubyte.gz", IDX_MOST, "bdb82020997e1d708af4cf47b453dcf7"),
            file("train-labels-idx1-ubyte.gz", IDX_MOST, "e144d726b3acfaa3e44228e80efcd344"),
            file("t10k-images-idx3-ubyte.gz", IDX_MOST, "5c965bf0a639b31b8f53240b1b52f4d7"),
            file("t10k-labels-idx1-ubyte.gz", IDX_MOST, "7320c461ea6c1c855c0b718fb2a4b134"),
        ],
    },
    Named {
        name: "cifar10",
        summary: "CIFAR-10: small photos of animals and vehicles (Krizhevsky 2009)",
        images: (50_000, 10_000),
        shape: (3, 32, 32),
        content: Content::Cifar(10),
        system: None,
        hint: "",
        first: "cifar-10-python.tar.gz",
        #[cfg(feature = "fetch")]
        mirrors: &["https://www.cs.toronto.edu/~kriz"],
        #[cfg(feature = "fetch")]
        files: &[file("cifar-10-python.tar.gz", CIFAR_MOST, "c58f30108f718f92721af3b95e74349a")],
    },
    Named {
        name: "cifar100",
        summary: "CIFAR-100: the same of 100 classes; `cifar100:coarse` has its 20 superclasses",
        images: (50_000, 10_000),
        shape: (3, 32, 32),
        content: Content::Cifar(100),
        system: None,
        hint: "",
        first: "cifar-100-python.tar.gz",
        #[cfg(feature = "fetch")]
        mirrors: &["https://www.cs.toronto.edu/~kriz"],
        #[cfg(feature = "fetch")]
        files: &[file("cifar-100-python.tar.gz", CIFAR_MOST, "eb9058c3a382ffc7106e4002c42a8d85")],
    },
];

/// The set of a name, which may ask for superclasses.
pub(super) fn find(spec: &str) -> Option<&'static Named> {
    let (base, coarse) = cifar::coarse(spec);
    let named = NAMED.iter().find(|named| named.name == base)?;
    (!coarse || matches!(named.content, Content::Cifar(_))).then_some(named)
}

impl Named {
    pub(super) fn source(&self) -> Source {
        Source {
            name: self.name,
            summary: self.summary,
            images: self.images,
            shape: self.shape,
            classes: self.content.classes(),
            place: self.found().map_or(Place::Remote, Place::Folder),
        }
    }

    /// The folder that holds the whole set already.
    fn found(&self) -> Option<PathBuf> {
        let cached = cache_folder::folder().map(|folder| folder.join(self.name));
        cached.into_iter().chain(self.system.map(PathBuf::from)).find(|folder| self.is_in(folder))
    }

    fn is_in(&self, folder: &Path) -> bool {
        match self.content {
            Content::Idx(_) => idx_folder::is_complete(folder),
            Content::Cifar(_) => self.cifar(folder).is_some(),
        }
    }

    /// The archive in a folder, or what it was unpacked to.
    fn cifar(&self, folder: &Path) -> Option<PathBuf> {
        let archive = folder.join(self.first);
        if archive.is_file() {
            return Some(archive);
        }
        cifar::is_folder(folder).then(|| folder.to_owned())
    }

    /// The whole set, fetched if it is nowhere here; `spec` is its name as it was given.
    pub(super) fn open(&self, spec: &str, progress: &mut dyn FnMut(Progress)) -> Result<DataSets, DataError> {
        let folder = self.fetch(progress)?;
        match self.content {
            Content::Idx(classes) => {
                let classes = classes.iter().map(|&class| class.to_owned()).collect();
                idx_folder::open_named(&folder, self.name, Some(classes))
            }
            Content::Cifar(_) => {
                let path = self.cifar(&folder).unwrap_or(folder);
                let coarse = spec.strip_prefix(self.name).unwrap_or_default();
                match cifar::find(&format!("{}{coarse}", path.display()))? {
                    Some(found) => found.open(spec),
                    None => Err(DataError::Incomplete { place: path, missing: "data_batch_1".to_owned() }),
                }
            }
        }
    }

    /// The folder that holds the whole set, into which it was fetched if it was nowhere here.
    pub(super) fn fetch(&self, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, DataError> {
        self.found().map_or_else(|| self.bring(progress), Ok)
    }

    /// Fetches the whole set into the cache.
    #[cfg(feature = "fetch")]
    fn bring(&self, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, DataError> {
        let folder = cache_folder::folder().ok_or(DataError::NoCache { set: self.name })?.join(self.name);
        let mirrors = match std::env::var("CONVNET_MIRROR") {
            Ok(mirror) => vec![mirror],
            Err(_) => self.mirrors.iter().map(|&mirror| mirror.to_owned()).collect(),
        };
        fetch_all(self, &mirrors, &folder, progress)?;
        Ok(folder)
    }

    /// Without the feature `fetch` the set must be here.
    #[cfg(not(feature = "fetch"))]
    fn bring(&self, _: &mut dyn FnMut(Progress)) -> Result<PathBuf, DataError> {
        let folder = cache_folder::folder().ok_or(DataError::NoCache { set: self.name })?.join(self.name);
        let reasons = vec!["this program was built without the feature `fetch`".to_owned()];
        Err(DataError::Fetch { set: self.name, file: self.first, reasons, folder, hint: self.hint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_and_without_superclasses() {
        let name = |spec| find(spec).map(|named| named.name);
        assert_eq!(name("cifar100:coarse"), Some("cifar100"));
        assert_eq!(name("mnist"), Some("mnist"));
        assert_eq!([name("mnist:coarse"), name("cifar"), name("")], [None; 3]);
        for named in &NAMED {
            let source = named.source();
            assert!(source.classes >= 10 && source.summary.len() > 10, "{source:?}");
        }
    }

    #[cfg(feature = "fetch")]
    #[test]
    fn sums_are_of_their_kind_s_length() {
        for remote in NAMED.iter().flat_map(|named| named.files) {
            let (sum, digits) = match remote.sum {
                Sum::Content { sha256, .. } => (sha256, 64),
                Sum::File { md5, .. } => (md5, 32),
            };
            assert!(sum.len() == digits && sum.bytes().all(|b| b.is_ascii_hexdigit()), "{}", remote.name);
        }
        assert!(NAMED.iter().all(|named| named.files[0].name == named.first && !named.mirrors.is_empty()));
    }
}
