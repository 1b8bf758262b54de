//! The same image in both splits, or in two classes.

use std::collections::HashMap;

use super::{DataError, DataSets, Dataset};

/// So many pairs are told by name.
const PAIRS: usize = 3;

/// Bytes and digest of a file.
type Content = (u64, String);

/// An image file and its place in a set.
struct Place {
    name: String,
    labels: Vec<u32>,
    split: &'static str,
}

impl DataSets {
    /// What is to be said of image files that are there twice, byte by byte: in two splits, where they are no test, or in two classes, of which one must be wrong. Files are read as a whole.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn repeats(&self) -> Result<Vec<String>, DataError> {
        let mut contents: HashMap<Content, Vec<Place>> = HashMap::new();
        let mut order = Vec::new();
        for (split, set) in self.splits() {
            for (content, place) in places(set, split)? {
                let same = contents.entry(content.clone()).or_default();
                if same.len() == 1 {
                    order.push(content);
                }
                same.push(place);
            }
        }
        let (mut splits, mut classes) = (Vec::new(), Vec::new());
        for same in order.iter().filter_map(|content| contents.get(content)) {
            let first = &same[0];
            for other in &same[1..] {
                let pair = || format!("`{}` is `{}`", other.name, first.name);
                if other.split != first.split {
                    splits.push(pair());
                }
                if other.labels != first.labels {
                    classes.push(pair());
                }
            }
        }
        let mut told = Vec::new();
        if !splits.is_empty() {
            let count = splits.len();
            told.push(format!(
                "{count} {} in another split too ({}): the figures promise too much",
                if count == 1 { "image is" } else { "images are" },
                some(&splits)
            ));
        }
        if !classes.is_empty() {
            let images = if classes.len() == 1 { "image is" } else { "images are" };
            told.push(format!(
                "{} {images} in two classes ({}): one must be wrong",
                classes.len(),
                some(&classes)
            ));
        }
        Ok(told)
    }
}

/// The content of each image file of a set, and its place; none where images are in memory alone.
fn places(set: &Dataset, split: &'static str) -> Result<Vec<(Content, Place)>, DataError> {
    let mut prints = set.prints()?;
    // Behind those of the files there may be one of the labels that a list gives them.
    prints.truncate(set.len());
    if prints.len() != set.len() || prints.iter().any(|print| print.name.is_empty()) {
        return Ok(Vec::new());
    }
    let labels = |index: usize| match set.multi_labels() {
        Some(labels) => labels.of(index).to_vec(),
        None => vec![set.labels()[index]],
    };
    let place = |(index, print): (usize, super::Print)| {
        ((print.bytes, print.digest), Place { name: print.name, labels: labels(index), split })
    };
    Ok(prints.into_iter().enumerate().map(place).collect())
}

fn some(pairs: &[String]) -> String {
    let more = match pairs.len().saturating_sub(PAIRS) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    pairs[..pairs.len().min(PAIRS)].join(", ") + &more
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::picture::tests::write_grey;
    use crate::data;

    #[test]
    fn images_in_both_splits_and_in_two_classes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut level = 0;
        for class in ["train/a", "train/b", "test/a", "test/b"] {
            fs::create_dir_all(at(class)).unwrap();
            for i in 0..6 {
                level += 3;
                write_grey(&at(class).join(format!("{i}.png")), 4, 4, level);
            }
        }
        let told = || data::open(folder.path().to_str().unwrap()).unwrap().repeats().unwrap();
        assert_eq!(told(), [""; 0]);
        fs::copy(at("train/a/0.png"), at("test/a/leak.png")).unwrap();
        assert_eq!(
            told(),
            [
                "1 image is in another split too (`test/a/leak.png` is `train/a/0.png`): the figures promise too much"
            ]
        );
        fs::copy(at("train/a/1.png"), at("train/b/copy.png")).unwrap();
        assert_eq!(
            told()[1],
            "1 image is in two classes (`train/b/copy.png` is `train/a/1.png`): one must be wrong"
        );
        for i in 0..5 {
            fs::copy(at(&format!("train/b/{i}.png")), at(&format!("test/a/x{i}.png"))).unwrap();
        }
        let told = told();
        assert!(
            told[0].starts_with("6 images are in another split too") && told[0].contains(", and 3 more)"),
            "{}",
            told[0]
        );
        assert!(told[1].starts_with("6 images are in two classes"), "{}", told[1]);
        assert_eq!(data::open(data::DEFAULT).unwrap().repeats().unwrap(), [""; 0]);
    }
}
