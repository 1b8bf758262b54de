//! What of an archive is an image and what is its label.

use std::collections::BTreeMap;
use std::path::Path;

use convnet_formats::tar::{self, Member};
use convnet_formats::{FileSource, FormatError, Source};

use super::super::DataError;
use super::super::decode::ENDINGS;

/// The most bytes of a label.
const MAX_LABEL: u64 = 1 << 20;

/// An image in a shard, and what its label says.
pub(super) struct Sample {
    pub(super) image: Member,
    pub(super) label: Label,
}

/// A class as a shard names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    Number(u32),
    Name(String),
}

/// Samples of a shard, and what was left out of it.
pub(super) struct Shard {
    pub(super) samples: Vec<Sample>,
    pub(super) left_out: LeftOut,
}

/// What is not read, counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Images without a label.
    pub(super) unlabelled: usize,
    /// Further images of a sample.
    pub(super) further: usize,
    /// Files by their endings.
    pub(super) endings: BTreeMap<String, usize>,
}

/// The members of a sample.
#[derive(Default)]
struct Group {
    image: Option<Member>,
    /// Rank and place of the label: `.cls` before `.json` before `.txt`.
    label: Option<(usize, Member)>,
}

/// Endings of labels, the surest first.
const LABELS: [&str; 4] = ["cls", "cls.txt", "json", "txt"];
/// Keys of a class in JSON, the surest first.
const KEYS: [&str; 8] =
    ["cls", "label", "class", "class_id", "category", "label_name", "class_name", "target"];

/// The samples of a shard: members of one path up to the first dot of their own name, as WebDataset groups them.
pub(super) fn read(path: &Path, source: &FileSource) -> Result<Shard, DataError> {
    let members = tar::index(source).map_err(FormatError::malformed(path, "tar"))?;
    let (mut groups, mut order) = (BTreeMap::<String, Group>::new(), Vec::new());
    let mut left_out = LeftOut::default();
    for member in members {
        let Some((key, ending)) = split(&member.name) else { continue };
        let group = groups.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Group::default()
        });
        // `a.left.png` is an image too.
        let last = ending.rsplit('.').next().unwrap_or_default();
        if let Some(rank) = LABELS.iter().position(|label| *label == ending) {
            if group.label.as_ref().is_none_or(|&(known, _)| rank < known) {
                group.label = Some((rank, member));
            }
        } else if ENDINGS.contains(&last) {
            match group.image {
                None => group.image = Some(member),
                Some(_) => left_out.further += 1,
            }
        } else {
            *left_out.endings.entry(format!(".{ending}")).or_default() += 1;
        }
    }
    let mut samples = Vec::new();
    for key in order {
        let Some(Group { image: Some(image), label }) = groups.remove(&key) else { continue };
        match label {
            Some((rank, member)) => {
                samples.push(Sample { label: read_label(path, source, &member, rank)?, image })
            }
            None => left_out.unlabelled += 1,
        }
    }
    Ok(Shard { samples, left_out })
}

/// The key of a member and its ending in lower case; `None` for hidden files.
fn split(path: &str) -> Option<(String, String)> {
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[start..];
    let dot = name.find('.').filter(|&dot| dot > 0)?;
    Some((path[..start + dot].to_owned(), name[dot + 1..].to_ascii_lowercase()))
}

fn read_label(path: &Path, source: &FileSource, member: &Member, rank: usize) -> Result<Label, DataError> {
    let wrong =
        |problem: String| DataError::Member { shard: path.to_owned(), member: member.name.clone(), problem };
    if member.size > MAX_LABEL {
        return Err(wrong(format!("a label of {} bytes, expected at most {MAX_LABEL}", member.size)));
    }
    let mut bytes = vec![0; member.size as usize];
    source
        .read_at(member.offset, &mut bytes)
        .map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("the label is not UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if LABELS[rank] == "json" {
        return json(text).map_err(wrong);
    }
    match text {
        "" => Err(wrong("the label is empty; expected a class's number or name".to_owned())),
        _ if text.lines().count() > 1 => {
            let lines = text.lines().count();
            Err(wrong(format!("the label has {lines} lines; expected a class's number or name")))
        }
        _ => Ok(label(text)),
    }
}

fn label(text: &str) -> Label {
    match text.parse() {
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Label::Number(number),
        _ => Label::Name(text.to_owned()),
    }
}

fn json(text: &str) -> Result<Label, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let class = match &value {
        serde_json::Value::Object(object) => KEYS.iter().find_map(|key| object.get(*key)),
        other => Some(other),
    };
    match class {
        Some(serde_json::Value::Number(number)) => {
            let found = number.as_u64().and_then(|number| u32::try_from(number).ok());
            found
                .map(Label::Number)
                .ok_or_else(|| format!("the class is {number}, expected a whole number from 0 on"))
        }
        Some(serde_json::Value::String(name)) if !name.trim().is_empty() => Ok(label(name.trim())),
        Some(other) => Err(format!("the class is {other}, expected its number or name")),
        None => Err(format!("it has none of the keys {}", KEYS.map(|key| format!("`{key}`")).join(", "))),
    }
}
