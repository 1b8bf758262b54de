//! What can be wrong with a data set, told with a way out.

use std::fmt::Write;
use std::path::PathBuf;

use convnet_formats::FormatError;

use super::DEFAULT;
use super::fashion_mnist::FULL;

/// A data set or an image that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A name that no set and no folder has.
    #[error(
        "no data set and no folder is called `{name}`{}; expected `{DEFAULT}`, `{FULL}`, or a folder of IDX \
         files or of images",
        nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// A file that cannot be read or written, or is not of its format.
    #[error(transparent)]
    File(#[from] FormatError),
    /// Other numbers of images and labels.
    #[error(
        "{origin}: {images} images and {labels} labels, expected one label an image; the two files are not of \
         the same set"
    )]
    Counts {
        /// The set.
        origin: String,
        /// Images found.
        images: usize,
        /// Labels found.
        labels: usize,
    },
    /// A label without a class.
    #[error(
        "{origin}: label {index} is {label}, expected 0 to {}; name a class a line in `classes.txt`, or correct \
         the labels",
        classes - 1
    )]
    Label {
        /// The set.
        origin: String,
        /// The image, counted from 0.
        index: usize,
        /// Its label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// Labels of another number of classes than the set has.
    #[error(
        "{origin}: its images have labels of {found} classes, and {expected} classes have names; name each class once"
    )]
    LabelClasses {
        /// The set.
        origin: String,
        /// Classes of the labels.
        found: usize,
        /// Names of classes.
        expected: usize,
    },
    /// A set of nothing.
    #[error("{origin}: there is no image in it")]
    NoImages {
        /// The set.
        origin: String,
    },
    /// Training and test images that do not go together.
    #[error(
        "`{}`: training images are {train:?} (channels, height, width), test images {test:?}, expected the \
         same; take both from the same set",
        folder.display()
    )]
    Sizes {
        /// The folder.
        folder: PathBuf,
        /// Shape of the training images.
        train: (usize, usize, usize),
        /// Shape of the test images.
        test: (usize, usize, usize),
    },
    /// A folder without one of the four files.
    #[error(
        "`{}` has no `{missing}`; expected the files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, \
         `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each plain or with `.gz`",
        folder.display()
    )]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file's name, without `.gz`.
        missing: String,
    },
    /// A file that is no image.
    #[error("{} be used: {problem}", match path {
        Some(path) => format!("`{}` is no image that can", path.display()),
        None => "the image cannot".to_owned(),
    })]
    Image {
        /// The file; `None` for an image that comes from none.
        path: Option<PathBuf>,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// Several files that are no images.
    #[error("{} images cannot be used; mend them or take them out:{}", problems.len(), listed(problems))]
    Images {
        /// The error of each, in the order of the set.
        problems: Vec<DataError>,
    },
    /// A folder that holds no data set.
    #[error(
        "`{}` holds no data set: {problem}; expected IDX files (`train-images-idx3-ubyte.gz` …), or images as \
         `train/CLASS/…` and `test/CLASS/…` or as `CLASS/…`",
        folder.display()
    )]
    NoSet {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        problem: String,
    },
    /// Classes that have too few images to learn or to measure by.
    #[error(
        "{}: expected at least {expected} images of each class; add some or remove the folder",
        classes.iter().map(|(folder, found)| format!("`{}` has {found}", folder.display()))
            .collect::<Vec<_>>().join(", ")
    )]
    EmptyClass {
        /// The classes' folders, and the images found in each.
        classes: Vec<(PathBuf, usize)>,
        /// Images needed.
        expected: usize,
    },
    /// A set that cannot be cut as it was asked for.
    #[error("the set cannot be divided: {problem}")]
    Split {
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A set without anything to tell apart.
    #[error(
        "{origin}: there is one class, `{class}`, and nothing to tell it from; expected at least 2{hint}"
    )]
    OneClass {
        /// The set.
        origin: String,
        /// Its class.
        class: String,
        /// Where the classes may be, if anywhere.
        hint: String,
    },
    /// A class that only one of the two splits has.
    #[error("`{}` has a folder `{class}` for a class, `{}` has not; each split needs every class", has.display(), lacks.display())]
    Classes {
        /// The class.
        class: String,
        /// The split's folder that has it.
        has: PathBuf,
        /// The split's folder that has it not.
        lacks: PathBuf,
    },
    /// Classes whose names are not those of a network's outputs.
    #[error("the classes of `{set}` are not the network's: {problem}")]
    ClassNames {
        /// The data set.
        set: String,
        /// Which are not, and what there is.
        problem: String,
    },
    /// Settings of a preprocessing that cannot be meant, or are for another network.
    #[error("the preprocessing `{text}` cannot be used: {problem}")]
    Preprocess {
        /// The settings.
        text: String,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A folder for new files that holds some.
    #[error("`{}` exists already and is not empty; choose another folder, or empty this one", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// Transforms that do not make one input of every image.
    #[error("the pipeline cannot be used: {problem}")]
    Pipeline {
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A file that no mirror gives as it should be.
    #[error(
        "cannot fetch `{file}` of `{set}`: {}; put the files into `{}`, or on Debian `apt install \
         dataset-fashion-mnist`, or take the bundled `fashion-mnist-mini`; a broken download goes on where it \
         was when it is tried again",
        reasons.join("; "), folder.display()
    )]
    Fetch {
        /// The data set.
        set: &'static str,
        /// The file.
        file: &'static str,
        /// Why, a mirror each.
        reasons: Vec<String>,
        /// Where the file should be.
        folder: PathBuf,
    },
    /// No folder for fetched files.
    #[error(
        "there is no folder to keep `{set}` in: none of CONVNET_CACHE, XDG_CACHE_HOME and HOME is set; set CONVNET_CACHE"
    )]
    NoCache {
        /// The data set.
        set: &'static str,
    },
    /// A set that cannot be fetched.
    #[error("`{name}` is part of convnet, there is nothing to fetch")]
    Bundled {
        /// The data set.
        name: &'static str,
    },
}

impl DataError {
    /// Several errors as one.
    pub(super) fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.remove(0)),
            _ => Err(Self::Images { problems }),
        }
    }
}

/// So many of several errors are told.
const LISTED: usize = 100;

/// A line each.
fn listed(problems: &[DataError]) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(LISTED) {
        let _ = match problem {
            DataError::Image { path: Some(path), problem } => {
                write!(text, "\n  `{}`: {problem}", path.display())
            }
            other => write!(text, "\n  {other}"),
        };
    }
    if problems.len() > LISTED {
        let _ = write!(text, "\n  and {} more", problems.len() - LISTED);
    }
    text
}
