//! The version that made a file.

use std::path::Path;

use super::TrainError;

/// The version of this crate.
pub(super) const OWN: &str = env!("CARGO_PKG_VERSION");

/// Refuses what a newer version made, or what is no version.
pub(super) fn check(path: &Path, found: &str) -> Result<(), TrainError> {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() == 3)
    };
    match numbers(found) {
        Some(version) if Some(&version) <= numbers(OWN).as_ref() => Ok(()),
        Some(_) => Err(TrainError::Newer { path: path.to_owned(), version: found.to_owned() }),
        None => {
            let reason = format!("`convnet` is `{found}`, expected a version such as {OWN}");
            Err(TrainError::Damaged { path: path.to_owned(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_and_other_words_are_refused() {
        let check = |version: &str| check(Path::new("config.toml"), version);
        for fine in ["0.1.0", "0.0.99"] {
            check(fine).unwrap();
        }
        for newer in ["0.1.1", "0.2.0", "1.0.0", "0.1.10"] {
            let error = check(newer).unwrap_err().to_string();
            assert!(error.contains(newer) && error.contains("config.toml"), "{error}");
        }
        for wrong in ["", "0.1", "new", "0.1.-1", "0.1.99999999999999999999999"] {
            assert!(matches!(check(wrong), Err(TrainError::Damaged { .. })), "{wrong}");
        }
    }
}
