//! A data set's classes among a network's outputs, by their names.

use std::collections::{BTreeMap, BTreeSet};

use super::DataError;

/// Which output of a network each class of a data set is.
///
/// Names are compared as they are; where that leaves some over, without regard to case, and with `_`, `-` and `/` taken
/// for blanks: folders cannot have the names that some classes have.
///
/// ```
/// use convnet::data::ClassMatch;
///
/// let outputs = ["Dog", "Owl", "cat"].map(String::from);
/// let classes = ["cat", "dog", "owl"].map(String::from);
/// let found = ClassMatch::by_name(&outputs, &classes, "birds and others")?;
/// assert_eq!(found.outputs(), [2, 0, 1]);
/// assert_eq!(found.told().as_deref(), Some("classes matched by name: their order differs; `dog` is `Dog`, `owl` is `Owl`"));
/// assert!(ClassMatch::by_name(&outputs, &["cow".to_owned()], "cows").is_err());
/// # Ok::<(), convnet::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMatch {
    outputs: Vec<u32>,
    /// Names that were taken for one another: the set's and the network's.
    alike: Vec<(String, String)>,
    /// Outputs of which the set has no class.
    without: Vec<String>,
}

/// Names that are listed before they are only counted.
const LISTED: usize = 8;

impl ClassMatch {
    /// Finds the classes of the set called `set` among the outputs.
    ///
    /// # Errors
    /// If a class of the set is no output, or two outputs or two classes have one name.
    pub fn by_name(outputs: &[String], classes: &[String], set: &str) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::ClassNames { set: set.to_owned(), problem };
        for (whose, names) in [("the network", outputs), ("the set", classes)] {
            let mut seen = BTreeSet::new();
            if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
                return Err(wrong(format!("{whose} has two classes called `{name}`")));
            }
        }
        let exact: BTreeMap<&str, u32> = outputs.iter().map(String::as_str).zip(0..).collect();
        let mut alike: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (name, output) in outputs.iter().zip(0..) {
            alike.entry(plain(name)).or_default().push(output);
        }
        let mut found = Self { outputs: Vec::new(), alike: Vec::new(), without: Vec::new() };
        let mut unknown = Vec::new();
        for class in classes {
            let output = exact.get(class.as_str()).copied().or_else(|| match alike.get(&plain(class))?[..] {
                [output] => Some(output),
                _ => None,
            });
            let Some(output) = output else {
                unknown.push(class.as_str());
                continue;
            };
            let name = &outputs[output as usize];
            if name != class {
                found.alike.push((class.clone(), name.clone()));
            }
            found.outputs.push(output);
        }
        if !unknown.is_empty() {
            return Err(wrong(format!(
                "{} of its classes {} no output of the network: {}; the network's are {}",
                unknown.len(),
                if unknown.len() == 1 { "is" } else { "are" },
                listed(unknown.iter().copied()),
                listed(outputs.iter().map(String::as_str)),
            )));
        }
        let taken: BTreeSet<u32> = found.outputs.iter().copied().collect();
        if taken.len() < found.outputs.len() {
            return Err(wrong("two of its classes are one output of the network".to_owned()));
        }
        found.without =
            outputs.iter().zip(0..).filter(|(_, i)| !taken.contains(i)).map(|(n, _)| n.clone()).collect();
        Ok(found)
    }

    /// Class *i* is output *i*.
    pub fn by_position(classes: usize) -> Self {
        Self { outputs: (0..classes as u32).collect(), alike: Vec::new(), without: Vec::new() }
    }

    /// The output of each class.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// Whether class *i* is output *i*.
    pub fn keeps_order(&self) -> bool {
        self.outputs.iter().zip(0..).all(|(&output, i)| output == i)
    }

    /// The names of the outputs of which the set has no class.
    pub fn without(&self) -> &[String] {
        &self.without
    }

    /// What a user should know of it, in a line; `None` where names and order are the same.
    pub fn told(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.keeps_order() && self.without.is_empty() {
            parts.push("their order differs".to_owned());
        }
        if !self.alike.is_empty() {
            let pairs = self.alike.iter().take(LISTED).map(|(a, b)| format!("`{a}` is `{b}`"));
            parts.push(more(pairs.collect::<Vec<_>>().join(", "), self.alike.len()));
        }
        if !self.without.is_empty() {
            parts.push(format!(
                "the set has no images of {}",
                listed(self.without.iter().map(String::as_str))
            ));
        }
        (!parts.is_empty()).then(|| format!("classes matched by name: {}", parts.join("; ")))
    }
}

/// A name without its case and its blanks.
fn plain(name: &str) -> String {
    let blanks = |c: char| if matches!(c, '_' | '-' | '/') { ' ' } else { c };
    let text: String = name.to_lowercase().chars().map(blanks).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let first: Vec<String> = names.take(LISTED).map(|name| format!("`{name}`")).collect();
    more(first.join(", "), count)
}

fn more(text: String, count: usize) -> String {
    if count > LISTED { format!("{text} and {} more", count - LISTED) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn find(outputs: &str, classes: &str) -> Result<ClassMatch, String> {
        ClassMatch::by_name(&names(outputs), &names(classes), "set").map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_names_need_no_word() {
        let found = find("a,b,c", "a,b,c").unwrap();
        assert_eq!((found.told(), found.keeps_order()), (None, true));
        assert_eq!(found, ClassMatch::by_position(3));
    }

    #[test]
    fn another_order_and_another_spelling_are_told() {
        let found = find("Ankle boot,T-shirt,bag", "ankle_boot,bag,t shirt").unwrap();
        assert_eq!(found.outputs(), [0, 2, 1]);
        let told = found.told().unwrap();
        assert!(told.contains("order differs") && told.contains("`ankle_boot` is `Ankle boot`"), "{told}");
        // As `data::export` names the folder of a class.
        assert_eq!(find("Bag,T-shirt/top", "Bag,T-shirt-top").unwrap().outputs(), [0, 1]);
        // Exact names come before alike ones.
        assert_eq!(find("a,A", "A,a").unwrap().outputs(), [1, 0]);
    }

    #[test]
    fn a_part_of_the_classes_is_told() {
        let found = find("a,b,c", "c,a").unwrap();
        assert_eq!((found.outputs(), found.without()), (&[2, 0][..], &names("b")[..]));
        assert!(found.told().unwrap().contains("no images of `b`"));
    }

    #[test]
    fn what_is_no_output_is_refused() {
        let error = find("a,b", "a,x").unwrap_err();
        assert!(error.contains("1 of its classes is no output of the network: `x`"), "{error}");
        assert!(find("a,A", "ä,a").unwrap_err().contains("`ä`"));
        assert!(find("cat dog,cat-dog", "cat_dog").unwrap_err().contains("`cat_dog`"));
        assert!(find("cat dog,b", "cat_dog,cat-dog").unwrap_err().contains("one output"));
        assert!(find("a,a", "a").unwrap_err().contains("the network has two classes called `a`"));
        let many = (0..30).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        assert!(find("a,b", &many).unwrap_err().contains("`7` and 22 more"));
    }
}
