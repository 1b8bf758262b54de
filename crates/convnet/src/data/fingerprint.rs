//! What tells a data set from another, kept as text so that a change is noticed later.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use convnet_formats::FormatError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DataError, DataSets, Dataset};

/// A part of a set, for most sets an image file: its name, its size and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Path below the set's folder, parts separated by `/`; empty for images in memory and for labels.
    pub name: String,
    /// Bytes of the content; 0 for labels.
    pub bytes: u64,
    /// The first 64 bits of the content's SHA-256, in hexadecimal.
    pub digest: String,
}

/// Bytes read at once.
const BUFFER: usize = 64 << 10;

impl Print {
    /// Of a file, by its whole content.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(name: impl Into<String>, path: &Path) -> Result<Self, DataError> {
        let read = || {
            let (mut file, mut buffer) = (File::open(path)?, vec![0; BUFFER]);
            let (mut hasher, mut bytes) = (Sha256::new(), 0);
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok((bytes, digest(hasher))),
                    count => {
                        hasher.update(&buffer[..count]);
                        bytes += count as u64;
                    }
                }
            }
        };
        let failed = |source| FormatError::Io { action: "read", path: path.to_owned(), source };
        let (bytes, digest) = read().map_err(failed)?;
        Ok(Self { name: name.into(), bytes, digest })
    }

    /// Of the bytes of a file that is in another one.
    pub(super) fn of_bytes(name: String, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        Self { name, bytes: bytes.len() as u64, digest: digest(hasher) }
    }

    /// Of images in memory and their labels.
    pub(super) fn of_images<'a>(
        images: impl Iterator<Item = &'a [u8]>,
        labels: impl Iterator<Item = u32>,
    ) -> Self {
        let (mut hasher, mut bytes) = (hashed_labels(labels), 0);
        for pixels in images {
            hasher.update(pixels);
            bytes += pixels.len() as u64;
        }
        Self { name: String::new(), bytes, digest: digest(hasher) }
    }

    pub(super) fn of_labels(labels: impl Iterator<Item = u32>) -> Self {
        Self { name: String::new(), bytes: 0, digest: digest(hashed_labels(labels)) }
    }
}

fn hashed_labels(labels: impl Iterator<Item = u32>) -> Sha256 {
    let mut hasher = Sha256::new();
    labels.for_each(|label| hasher.update(label.to_le_bytes()));
    hasher
}

fn digest(hasher: Sha256) -> String {
    hexadecimal(&hasher.finalize()[..8])
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The prints of a data set's splits.
///
/// ```
/// use convnet::data::{self, Fingerprint};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sets = data::open(data::DEFAULT)?;
/// let kept = Fingerprint::of(&sets)?.to_text();
/// let then = Fingerprint::from_text(&kept)?;
/// assert!(then.differences(&Fingerprint::of(&sets)?).is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of the training images.
    pub train: Vec<Print>,
    /// Of the validation images.
    pub validation: Vec<Print>,
    /// Of the test images.
    pub test: Vec<Print>,
}

/// What [`Fingerprint::to_text`] writes first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    train: usize,
    #[serde(default)]
    validation: usize,
    test: usize,
}

const VERSION: u32 = 1;

/// What it writes last: the SHA-256 of all lines before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foot {
    sha256: String,
}

impl Fingerprint {
    /// The fingerprint of sets as they are now. Image files are read as a whole.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn of(sets: &DataSets) -> Result<Self, DataError> {
        let prints = |set: &Option<Dataset>| set.as_ref().map_or(Ok(Vec::new()), Dataset::prints);
        let (validation, test) = (prints(&sets.validation)?, prints(&sets.test)?);
        Ok(Self { train: sets.train.prints()?, validation, test })
    }

    /// Lines of JSON: a head, an array for each image (split, name, bytes, digest), and a checksum over them.
    pub fn to_text(&self) -> String {
        let line = |value: serde_json::Value| format!("{value}\n");
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(Vec::len);
        let head = Head { version: VERSION, train, validation, test };
        let mut text = line(serde_json::json!(head));
        let splits = [("train", &self.train), ("validation", &self.validation), ("test", &self.test)];
        for (split, prints) in splits {
            for Print { name, bytes, digest } in prints {
                text.push_str(&line(serde_json::json!([split, name, bytes, digest])));
            }
        }
        let foot = Foot { sha256: hexadecimal(&Sha256::digest(text.as_bytes())) };
        text.push_str(&line(serde_json::json!(foot)));
        text
    }

    /// Reads what [`Fingerprint::to_text`] wrote.
    ///
    /// # Errors
    /// If it is not so, or was changed.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let whole = text.trim_end_matches('\n');
        let start = whole.rfind('\n').map_or(0, |at| at + 1);
        let cut = || "it has no checksum at its end; it was cut short".to_owned();
        let foot: Foot = serde_json::from_str(&whole[start..]).map_err(|_| cut())?;
        if foot.sha256 != hexadecimal(&Sha256::digest(&text.as_bytes()[..start])) {
            return Err("its checksum is wrong; it was changed or damaged".to_owned());
        }
        let mut lines = text[..start].lines();
        let head: Head = serde_json::from_str(lines.next().unwrap_or_default()).map_err(|e| e.to_string())?;
        if head.version != VERSION {
            return Err(format!("it is of version {}, expected {VERSION}", head.version));
        }
        let mut fingerprint = Self::default();
        for line in lines {
            let (split, name, bytes, digest): (String, String, u64, String) =
                serde_json::from_str(line).map_err(|error| error.to_string())?;
            let print = Print { name, bytes, digest };
            match split.as_str() {
                "train" => fingerprint.train.push(print),
                "validation" => fingerprint.validation.push(print),
                "test" => fingerprint.test.push(print),
                _ => {
                    let expected = "`train`, `validation` or `test`";
                    return Err(format!("a split is called `{split}`, expected {expected}"));
                }
            }
        }
        let found = [&fingerprint.train, &fingerprint.validation, &fingerprint.test].map(Vec::len);
        if found != [head.train, head.validation, head.test] {
            return Err("it has other numbers of lines than its head says".to_owned());
        }
        Ok(fingerprint)
    }

    /// What became of the set since; `None` if nothing did. The order of images counts too: another one gives other
    /// batches.
    pub fn differences(&self, now: &Self) -> Option<Differences> {
        if self == now {
            return None;
        }
        let (then, now) = (self.by_name(), now.by_name());
        let mut differences = Differences::default();
        for (name, (split, print)) in &then {
            match now.get(name) {
                None => differences.removed.push(name.clone()),
                Some((_, new)) if (new.bytes, &new.digest) != (print.bytes, &print.digest) => {
                    differences.changed.push(name.clone());
                }
                Some((new, _)) if new != split => differences.moved.push(name.clone()),
                Some(_) => {}
            }
        }
        differences.added = now.keys().filter(|name| !then.contains_key(*name)).cloned().collect();
        Some(differences)
    }

    /// The names of those of `images` whose content is among the training images.
    pub fn trained_on(&self, images: &[Print]) -> Vec<String> {
        let content = |print: &Print| (print.bytes, print.digest.clone());
        let trained: HashSet<_> = self.train.iter().filter(|print| print.bytes > 0).map(content).collect();
        images
            .iter()
            .filter(|print| trained.contains(&content(print)))
            .map(|print| print.name.clone())
            .collect()
    }

    /// Each print with its split, by its name or by what it is.
    fn by_name(&self) -> BTreeMap<String, (&'static str, &Print)> {
        let splits = [("training", &self.train), ("validation", &self.validation), ("test", &self.test)];
        let named = |split: &'static str, print: &Print| match (print.name.is_empty(), print.bytes) {
            (false, _) => print.name.clone(),
            (true, 0) => format!("the {split} labels"),
            (true, _) => format!("the {split} images or labels"),
        };
        let prints = splits.into_iter().flat_map(|(split, prints)| prints.iter().map(move |p| (split, p)));
        prints.map(|(split, print)| (named(split, print), (split, print))).collect()
    }
}

/// What differs between two states of a data set, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Images that are new.
    pub added: Vec<String>,
    /// Images that are gone.
    pub removed: Vec<String>,
    /// Images whose content is another one.
    pub changed: Vec<String>,
    /// Images that went from one split to the other.
    pub moved: Vec<String>,
}

/// So many names of each kind are told.
const NAMES: usize = 5;

/// Some of the names, and how many more there are.
pub fn some_names(names: &[String]) -> String {
    let mut text = names.iter().take(NAMES).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES {
        let _ = write!(text, " and {} more", names.len() - NAMES);
    }
    text
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
            ("moved to another split", &self.moved),
        ];
        let parts: Vec<String> = kinds
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{} {what} ({})", names.len(), some_names(names)))
            .collect();
        match parts.is_empty() {
            true => f.write_str("the same images in another order"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;

    fn print(name: &str, digest: &str) -> Print {
        Print { name: name.to_owned(), bytes: 9, digest: digest.to_owned() }
    }

    fn sample() -> Fingerprint {
        Fingerprint {
            train: vec![print("cat/1.png", "a"), print("cat/\"2\"\n.png", "b"), print("dog/1.png", "c")],
            validation: vec![print("cat/4.png", "v")],
            test: vec![print("dog/2.png", "d")],
        }
    }

    #[test]
    fn it_is_kept_as_text_and_no_flipped_bit_passes() {
        let text = sample().to_text();
        assert_eq!(Fingerprint::from_text(&text).unwrap(), sample());
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(text) = String::from_utf8(bytes) {
                    let read = Fingerprint::from_text(&text);
                    assert!(read.is_err() || read == Ok(sample()), "byte {at}, bit {bit}");
                }
            }
        }
        let problem = |text: &str| Fingerprint::from_text(text).unwrap_err();
        assert!(problem(&text[..text.len() / 2]).contains("cut short"));
        assert!(problem("").contains("cut short"));
        assert!(problem(&text.replace("cat/1", "cat/3")).contains("checksum"));
    }

    #[test]
    fn differences_are_told_by_name() {
        let then = sample();
        assert_eq!(then.differences(&sample()), None);
        let now = Fingerprint {
            train: vec![print("cat/1.png", "x"), print("dog/2.png", "d"), print("dog/9.png", "e")],
            validation: Vec::new(),
            test: vec![print("dog/1.png", "c")],
        };
        let told = then.differences(&now).unwrap();
        let name = |name: &str| vec![name.to_owned()];
        assert_eq!(
            (&told.added, &told.changed, &told.removed),
            (
                &name("dog/9.png"),
                &name("cat/1.png"),
                &vec!["cat/\"2\"\n.png".to_owned(), "cat/4.png".to_owned()]
            )
        );
        assert_eq!(told.moved, ["dog/1.png", "dog/2.png"]);
        assert!(told.to_string().starts_with("1 added (`dog/9.png`), 2 removed"), "{told}");
        let mut turned = sample();
        turned.train.swap(0, 1);
        assert!(then.differences(&turned).unwrap().to_string().contains("another order"));
        let many = Fingerprint { train: (0..20).map(|i| print(&i.to_string(), "x")).collect(), ..sample() };
        assert!(then.differences(&many).unwrap().to_string().contains("and 15 more"));
        assert_eq!(then.trained_on(&now.test), ["dog/1.png"]);
    }

    #[test]
    fn images_in_memory_are_told_by_pixels_and_labels() {
        let set = |pixel: u8, label: u32| {
            let classes = vec!["a".to_owned(), "b".to_owned()];
            Dataset::new("x", vec![pixel, 2], vec![0, label], classes, (1, 1, 1)).unwrap()
        };
        let of = |train, test| Fingerprint::of(&DataSets::new("x", train, test)).unwrap();
        let then = of(set(1, 0), set(1, 1));
        assert_eq!(then.differences(&of(set(1, 0), set(1, 1))), None);
        let told = |now: &Fingerprint| then.differences(now).unwrap().to_string();
        assert_eq!(told(&of(set(7, 0), set(1, 1))), "1 changed (`the training images or labels`)");
        assert_eq!(told(&of(set(1, 0), set(1, 0))), "1 changed (`the test images or labels`)");
    }

    #[test]
    fn a_file_is_told_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"abc").unwrap();
        // The first eight bytes of FIPS 180-2's example.
        let print = Print::of_file("a", &path).unwrap();
        assert_eq!((print.bytes, print.digest.as_str()), (3, "ba7816bf8f01cfea"));
        assert!(
            Print::of_file("b", &folder.path().join("b")).unwrap_err().to_string().contains("cannot read")
        );
    }
}
