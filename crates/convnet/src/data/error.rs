//! What can be wrong with a data set, told with a way out.

use std::fmt::Write;
use std::path::PathBuf;

use convnet_formats::FormatError;

use super::names;

/// A data set or an image that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A name that no set and no folder has.
    #[error(
        "no data set and no folder is called `{name}`{}; expected {}, or a folder of IDX files or of images",
        nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default(),
        names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
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
    /// A set one of whose files is not there.
    #[error("`{}` has no `{missing}`, expected all files of the set; fetch or unpack it again", place.display())]
    Incomplete {
        /// The folder or archive.
        place: PathBuf,
        /// The file's name.
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
    /// Braces in a name that stand for no names.
    #[error(
        "`{pattern}` names no shards: {problem}; expected numbers or a list in braces, as `train-{{000..009}}.tar`"
    )]
    Pattern {
        /// The name.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
    /// A file in an archive that cannot be used.
    #[error("`{}`: `{member}`: {problem}", shard.display())]
    Member {
        /// The archive.
        shard: PathBuf,
        /// The path in it.
        member: String,
        /// What is wrong.
        problem: String,
    },
    /// A class all of whose images are damaged.
    #[error(
        "{origin}: none of the {images} images of class `{class}` can be decoded; put good ones in their place"
    )]
    AllCorrupt {
        /// The set.
        origin: String,
        /// The class.
        class: String,
        /// Its images.
        images: usize,
    },
    /// Settings of what is kept of images that cannot be meant.
    #[error("images cannot be kept so: {problem}")]
    Cache {
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A folder that holds no data set.
    #[error(
        "`{}` holds no data set: {problem}; expected IDX files (`train-images-idx3-ubyte.gz` …), CIFAR's files, tar \
         shards, or images as `train/CLASS/…` and `test/CLASS/…` or as `CLASS/…`",
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
    /// Lists of images that do not make a set.
    #[error("{problem}")]
    Lists {
        /// Which, what is wrong, and the way out.
        problem: String,
    },
    /// Images of a list that are not there.
    #[error(
        "`{}`: {count} of its {of} images {} not there: {}; looked in `{}`; correct the paths{}{}",
        list.display(),
        if *count == 1 { "is" } else { "are" },
        lines(missing, *count),
        root.display(),
        if *header { "; if the first line names the columns, call them `file` and `label`" } else { "" },
        if *named { "; or name the folder that they start from" } else { "" }
    )]
    MissingImages {
        /// The list.
        list: PathBuf,
        /// The folder that its paths start from.
        root: PathBuf,
        /// The first of them: line and path.
        missing: Vec<(u64, String)>,
        /// How many there are.
        count: usize,
        /// How many images it lists.
        of: usize,
        /// Whether it may be that the first line names the columns.
        header: bool,
        /// Whether the list was named, and not found beside the images.
        named: bool,
    },
    /// A file that names no classes.
    #[error("`{}` gives no names of classes: {problem}", path.display())]
    ClassNamesFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
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
    /// A sheet of images that cannot be drawn.
    #[error("the sheet cannot be drawn: {problem}")]
    Sheet {
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A folder for new files that holds some.
    #[error("`{}` exists already and is not empty; choose another folder, or empty this one", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A setting of a recipe that cannot be followed.
    #[error("setting `{key}` is {found}, expected {expected}")]
    Setting {
        /// Its key in the recipe.
        key: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A transform of a recipe that cannot be used.
    #[error("setting `{key}`: {problem}")]
    Transform {
        /// Its key in the recipe.
        key: String,
        /// The parameter, what it is and what is expected.
        problem: String,
    },
    /// Transforms that do not make one input of every image.
    #[error("the pipeline cannot be used: {problem}")]
    Pipeline {
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A file that no mirror gives as it should be.
    #[error(
        "cannot fetch `{file}` of `{set}`: {}; put the files into `{}`{hint}; a broken download goes on where it \
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
        /// What else helps.
        hint: &'static str,
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
    /// What is wrong, as part of a list of images.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Image { path: Some(path), problem } => format!("`{}`: {problem}", path.display()),
            other => other.to_string(),
        }
    }

    /// Several errors as one.
    pub(super) fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.remove(0)),
            _ => Err(Self::Images { problems }),
        }
    }
}

/// `` `a.png` (line 3) and 7 more``
fn lines(missing: &[(u64, String)], count: usize) -> String {
    let named: Vec<String> = missing.iter().map(|(line, name)| format!("`{name}` (line {line})")).collect();
    let more = match count.saturating_sub(missing.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

/// So many of several errors are told.
const LISTED: usize = 100;

/// A line each.
fn listed(problems: &[DataError]) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(LISTED) {
        let _ = write!(text, "\n  {}", problem.told());
    }
    if problems.len() > LISTED {
        let _ = write!(text, "\n  and {} more", problems.len() - LISTED);
    }
    text
}
