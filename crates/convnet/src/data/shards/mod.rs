//! Sets in tar archives as WebDataset has them (<https://github.com/webdataset/webdataset>): files of one name up to the
//! first dot are a sample, `7.jpg` its image and `7.cls`, `7.json` or `7.txt` its class. Archives are indexed once, and
//! each image is read where it lies.

mod pattern;
mod sample;

#[cfg(test)]
pub(in crate::data) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convnet_formats::tar::Member;
use convnet_formats::{FileSource, Source};

use super::decode::{self, Header, MAX_BYTES};
use super::encoded::{self, Encoded, Opened};
use super::{DataError, DataSets, Image, OpenOptions, Print, parallel};
use pattern::Role;
use sample::{Label, LeftOut, Sample};

/// The most classes that are told by numbers alone.
const MAX_CLASSES: usize = 1 << 16;
/// The list of class names beside the shards, a name a line.
const CLASSES: &str = "classes.txt";

/// The shards that a text names: a pattern with braces, an archive, or a folder of archives; `None` if it is no such text.
///
/// # Errors
/// If braces cannot be read.
pub(super) fn find(spec: &str) -> Result<Option<Vec<PathBuf>>, DataError> {
    let path = Path::new(spec);
    if path.is_dir() {
        let shards = pattern::in_folder(path);
        return Ok((!shards.is_empty()).then_some(shards));
    }
    if path.is_file() {
        let is_tar = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar"));
        return Ok(is_tar.then(|| vec![path.to_owned()]));
    }
    match pattern::is_one(spec) {
        true => Ok(Some(pattern::expand(spec)?.into_iter().map(PathBuf::from).collect())),
        false => Ok(None),
    }
}

/// The set in shards. Which are the training, the validation and the test images, their names tell.
pub(super) fn open(spec: &str, paths: &[PathBuf], options: &OpenOptions) -> Result<DataSets, DataError> {
    let shards = parallel::map(paths, |path| {
        let source = FileSource::open(path)?;
        let shard = sample::read(path, &source)?;
        Ok::<_, DataError>((Arc::new(Archive { path: path.clone(), source }), shard))
    })?;
    let mut left_out = LeftOut::default();
    let mut roles: BTreeMap<usize, Vec<(Arc<Archive>, Sample)>> = BTreeMap::new();
    for (archive, shard) in shards {
        left_out.add(shard.left_out);
        let role = match pattern::role(&archive.path) {
            Some(Role::Test) => 2,
            Some(Role::Validation) => 1,
            Some(Role::Train) | None => 0,
        };
        roles
            .entry(role)
            .or_default()
            .extend(shard.samples.into_iter().map(|sample| (Arc::clone(&archive), sample)));
    }
    let classes = classes(spec, paths, roles.values().flatten().map(|(_, sample)| &sample.label))?;
    let mut take = |role: usize| roles.remove(&role).filter(|samples| !samples.is_empty());
    let Some(train) = take(0) else {
        let problem =
            "no shard has training images; expected names with `train`, or with no split at all".to_owned();
        return Err(DataError::NoSet { folder: PathBuf::from(spec), problem });
    };
    let (validation, test) = (take(1), take(2));
    let has_validation = validation.is_some();
    let splits = [Some(train), validation, test].into_iter().flatten();
    let splits = splits.map(|samples| Members::new(samples, &classes)).collect();
    let Opened { sets, sizes, mut notes, .. } = encoded::open(spec, &classes.names, splits, options)?;
    notes.extend(classes.note);
    notes.extend(left_out.told(spec));
    let mut sets = sets.into_iter();
    let Some(train) = sets.next() else { return Err(DataError::NoImages { origin: spec.to_owned() }) };
    let validation = if has_validation { sets.next() } else { None };
    let (name, sizes) = (spec.to_owned(), Some(sizes));
    let sets = DataSets { name, train, validation, test: sets.next(), sizes, notes };
    sets.check_classes()?;
    Ok(sets)
}

/// The classes of all shards.
struct Classes {
    names: Vec<String>,
    /// The number of each label; numbers stand for themselves where there are no names.
    numbers: BTreeMap<Label, u32>,
    note: Option<String>,
}

/// Numbers are classes in their order, called as `classes.txt` says; names are classes in the order of their bytes.
fn classes<'a>(
    spec: &str,
    paths: &[PathBuf],
    labels: impl Iterator<Item = &'a Label>,
) -> Result<Classes, DataError> {
    let found: BTreeSet<&Label> = labels.collect();
    let names: Vec<&str> = found
        .iter()
        .filter_map(|label| if let Label::Name(name) = label { Some(name.as_str()) } else { None })
        .collect();
    let last = found
        .iter()
        .filter_map(|label| if let Label::Number(number) = label { Some(*number) } else { None })
        .max();
    let wrong = |problem: String| DataError::NoSet { folder: PathBuf::from(spec), problem };
    let folder = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
    let list = [folder.to_owned(), folder.parent().unwrap_or(folder).to_owned()]
        .into_iter()
        .map(|folder| folder.join(CLASSES))
        .find(|path| path.is_file());
    let listed = list.map(|path| super::idx_folder::class_names(&path)).transpose()?;
    match (last, names.first(), listed) {
        (None, None, _) => Err(wrong("no image in the shards has a label".to_owned())),
        (Some(number), Some(name), None) => Err(wrong(format!(
            "some labels are numbers (`{number}`), others names (`{name}`); make them alike"
        ))),
        (Some(last), None, None) => {
            if last as usize >= MAX_CLASSES {
                return Err(wrong(format!("a label is {last}, expected at most {}", MAX_CLASSES - 1)));
            }
            let note = format!(
                "`{spec}`: classes are called by their numbers; name one a line in `{CLASSES}` beside the shards"
            );
            Ok(Classes {
                names: (0..=last).map(|number| number.to_string()).collect(),
                numbers: (0..=last).map(|number| (Label::Number(number), number)).collect(),
                note: Some(note),
            })
        }
        (None, Some(_), None) => Ok(Classes {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            numbers: found.iter().map(|&label| label.clone()).zip(0..).collect(),
            note: None,
        }),
        (_, _, Some(listed)) => {
            let numbers = (0..).map(Label::Number).zip(0..).take(listed.len());
            let numbers: BTreeMap<Label, u32> =
                numbers.chain(listed.iter().cloned().map(Label::Name).zip(0..)).collect();
            match found.iter().find(|label| !numbers.contains_key(label)) {
                Some(label) => {
                    Err(wrong(format!("`{CLASSES}` has {} names, and no class `{label}`", listed.len())))
                }
                None => Ok(Classes { names: listed, numbers, note: None }),
            }
        }
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl LeftOut {
    fn add(&mut self, other: Self) {
        self.unlabelled += other.unlabelled;
        self.further += other.further;
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
    }

    /// What is said of it, if anything.
    fn told(&self, spec: &str) -> Option<String> {
        let mut parts = Vec::new();
        let mut part = |count: usize, what: &str| {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        };
        part(self.unlabelled, "images without a label");
        part(self.further, "further images of a sample");
        for (ending, &count) in self.endings.iter().take(6) {
            part(count, &format!("`{ending}`"));
        }
        (!parts.is_empty()).then(|| format!("`{spec}`: not read: {}", parts.join(", ")))
    }
}

/// A shard that is open.
#[derive(Debug)]
struct Archive {
    path: PathBuf,
    source: FileSource,
}

/// Images in shards, and their classes.
#[derive(Debug)]
struct Members {
    places: Vec<(Arc<Archive>, Member)>,
    labels: Vec<u32>,
}

impl Members {
    fn new(samples: Vec<(Arc<Archive>, Sample)>, classes: &Classes) -> Self {
        let number = |label: &Label| classes.numbers.get(label).copied().unwrap_or_default();
        let labels = samples.iter().map(|(_, sample)| number(&sample.label)).collect();
        let places = samples.into_iter().map(|(archive, sample)| (archive, sample.image)).collect();
        Self { places, labels }
    }

    /// What is wrong with an image, told by its shard and its path there.
    fn wrong(&self, index: usize, problem: String) -> DataError {
        let (archive, member) = &self.places[index];
        DataError::Image { path: Some(archive.path.join(&member.name)), problem }
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (archive, member) = &self.places[index];
        if member.size > MAX_BYTES {
            return Err(self.wrong(index, decode::too_long(MAX_BYTES)));
        }
        let mut bytes = vec![0; member.size as usize];
        let read = archive.source.read_at(member.offset, &mut bytes);
        read.map_err(|error| self.wrong(index, format!("it cannot be read: {error}")))?;
        Ok(bytes)
    }
}

impl Encoded for Members {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn header(&self, index: usize) -> Result<Header, DataError> {
        decode::header(Cursor::new(self.bytes(index)?)).map_err(|problem| self.wrong(index, problem))
    }

    fn decode<T>(&self, index: usize, then: impl FnOnce(Image<'static>) -> T) -> Result<T, DataError> {
        let bytes = self.bytes(index)?;
        Image::decode_for(Cursor::new(bytes), then).map_err(|problem| self.wrong(index, problem))
    }

    fn print(&self, index: usize) -> Result<Print, DataError> {
        Ok(Print::of_bytes(self.name(index), &self.bytes(index)?))
    }

    fn name(&self, index: usize) -> String {
        let (archive, member) = &self.places[index];
        let shard = archive.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{shard}/{}", member.name)
    }

    fn only(self, places: &[usize]) -> Self {
        let labels = places.iter().map(|&place| self.labels[place]).collect();
        Self { labels, places: places.iter().map(|&place| self.places[place].clone()).collect() }
    }
}
