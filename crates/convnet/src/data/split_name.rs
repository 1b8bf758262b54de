//! What the splits of a set are called.

/// What images are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Split {
    /// To learn from.
    Train,
    /// To choose by: the best epoch, when to stop.
    Validation,
    /// To measure on, once.
    Test,
}

/// The names in use, in lower case.
const NAMES: [(&str, Split); 8] = [
    ("train", Split::Train),
    ("training", Split::Train),
    ("val", Split::Validation),
    ("valid", Split::Validation),
    ("validation", Split::Validation),
    ("dev", Split::Validation),
    ("test", Split::Test),
    ("testing", Split::Test),
];

impl Split {
    /// All, in the order in which they are used.
    pub(super) const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The split that is called so, in any case of letters.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|&(_, split)| split)
    }

    /// The split whose name is a word of a file's name: `train_labels`, `labels-Val`, `testLabels`.
    pub(super) fn within(name: &str) -> Option<Self> {
        let mut words = vec![String::new()];
        let mut before = ' ';
        for letter in name.chars() {
            let begins = letter.is_uppercase() && before.is_lowercase();
            if (begins || !letter.is_alphabetic()) && words.last().is_some_and(|word| !word.is_empty()) {
                words.push(String::new());
            }
            if letter.is_alphabetic()
                && let Some(word) = words.last_mut()
            {
                word.push(letter);
            }
            before = letter;
        }
        let mut found = words.iter().filter_map(|word| Self::named(word));
        match (found.next(), found.next()) {
            (Some(split), None) => Some(split),
            _ => None,
        }
    }

    /// What its images are called: `training images`.
    pub(super) fn images(self) -> &'static str {
        match self {
            Self::Train => "training images",
            Self::Validation => "validation images",
            Self::Test => "test images",
        }
    }

    /// The names in use, to be told.
    pub(super) fn known() -> String {
        NAMES.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_as_words() {
        for (name, split) in [
            ("Train", Some(Split::Train)),
            (" TRAINING ", Some(Split::Train)),
            ("VaLid", Some(Split::Validation)),
            ("dev", Some(Split::Validation)),
            ("Testing", Some(Split::Test)),
            ("trains", None),
            ("", None),
        ] {
            assert_eq!(Split::named(name), split, "{name}");
        }
        for (name, split) in [
            ("train", Some(Split::Train)),
            ("train_labels", Some(Split::Train)),
            ("labels-VAL", Some(Split::Validation)),
            ("testLabels", Some(Split::Test)),
            ("fold1.dev2", Some(Split::Validation)),
            ("trainval", None),
            ("train_test", None),
            ("contest", None),
            ("sample_submission", None),
        ] {
            assert_eq!(Split::within(name), split, "{name}");
        }
    }
}
