//! What can be wrong with a file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::source::open_regular;

/// Bytes that do not follow their format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {place}: {problem}")]
pub struct Malformed {
    /// Offset of the part that is wrong, in the uncompressed bytes.
    pub place: u64,
    /// What is there and what was expected.
    pub problem: String,
}

impl Malformed {
    pub(crate) fn new(place: usize, problem: impl Into<String>) -> Self {
        Self { place: place as u64, problem: problem.into() }
    }
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refuses.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no file of its format, or was cut short.
    #[error("`{}` is not a valid {format} file: {malformed}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// Where and what.
        malformed: Malformed,
    },
    /// A line of a text that cannot be meant.
    #[error("`{}`, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is there, what was expected, and the way out.
        problem: String,
    },
    /// A file that is not what its checksum was taken of.
    #[error(
        "`{}` is not as it was written: it has {found}, expected {expected}; it was damaged, or changed by another \
         program: put back a copy of it",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum of what is there, or that there is none.
        found: String,
        /// The checksum that it was written with.
        expected: String,
    },
}

impl FormatError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { action: "read", path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { action: "write", path: path.to_path_buf(), source }
    }

    pub(crate) fn checksum(path: &Path, found: &str, expected: &str) -> Self {
        Self::Checksum { path: path.to_path_buf(), found: found.to_owned(), expected: expected.to_owned() }
    }

    /// What makes of damage found in a file's bytes the error that names the file.
    pub fn malformed(path: &Path, format: &'static str) -> impl FnOnce(Malformed) -> Self {
        move |malformed| Self::Malformed { path: path.to_path_buf(), format, malformed }
    }
}

/// All bytes of a regular file (see [`open_regular`]) of at most `most` bytes.
///
/// # Errors
/// If the system refuses, it is no regular file, or it is longer.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, FormatError> {
    let read = || {
        let (mut file, length) = open_regular(path)?;
        if length > most {
            let problem = format!("it has {length} bytes, expected at most {most}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(FormatError::read(path))
}

/// The text of a regular file of at most `most` bytes in UTF-8.
///
/// # Errors
/// As [`read_file`], and if a byte is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String, FormatError> {
    String::from_utf8(read_file(path, most)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        FormatError::malformed(path, "text")(Malformed::new(place, "the byte is not UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_file(folder.path(), 1).unwrap_err().to_string();
        assert!(error.contains("expected a regular file"), "{error}");
        let missing = folder.path().join("no-such-file");
        let error = read_file(&missing, 1).unwrap_err().to_string();
        assert!(error.starts_with("cannot read `") && error.contains("no-such-file"), "{error}");
    }

    #[test]
    fn text_is_utf8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.txt");
        std::fs::write(&path, "Übergrößen\n").unwrap();
        assert_eq!(read_text(&path, 100).unwrap(), "Übergrößen\n");
        let error = read_text(&path, 13).unwrap_err().to_string();
        assert!(error.ends_with("it has 14 bytes, expected at most 13"), "{error}");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(read_text(&path, 100).unwrap_err().to_string().contains("at byte 2: the byte is not UTF-8"));
    }
}
