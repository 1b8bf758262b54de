//! Sealed text: a text file that carries its own checksum, and stays what it is to any other reader.
//!
//! A JSON object gets one more member before its own, `"checksum"`. Any other text gets a comment before its first
//! line and one behind its last (`# checksum: crc32:9a3b01cf`), as TOML has them. A file of which one of the two marks
//! was damaged is a sealed one still, and is refused.

use std::path::Path;

use crate::checksum::Checksum;
use crate::error::read_text;
use crate::{FormatError, atomic};

const FIRST: &str = "# Written by convnet; the last line is the checksum of all before it.\n";
const LAST: &str = "# checksum: ";
const MEMBER: &str = "{\"checksum\":\"";
/// What follows the checksum in a JSON object.
const MEMBER_END: &str = "\",";

/// A text, and what its file said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The text as it was given to [`write`](write()).
    pub text: String,
    /// Whether there was a checksum, which is right then; `false` for a file that was never sealed.
    pub checked: bool,
}

/// Writes a text with its checksum, atomically (see [`atomic`]).
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If a JSON object has no member.
pub fn write(path: &Path, text: &str) -> Result<(), FormatError> {
    atomic::write(path, sealed(text).as_bytes())
}

/// Reads a text of at most `most` bytes that must have a checksum.
///
/// # Errors
/// If the file cannot be read, is longer, has no checksum, or is not what the checksum was taken of.
pub fn read(path: &Path, most: u64) -> Result<String, FormatError> {
    match read_any(path, most)? {
        Sealed { text, checked: true } => Ok(text),
        _ => Err(FormatError::checksum(path, "no checksum", "one: convnet writes it with the file")),
    }
}

/// As [`read`], also of files without a checksum: they cannot be checked, and [`Sealed::checked`] says so.
///
/// # Errors
/// If the file cannot be read, is longer, or is not what its checksum was taken of.
pub fn read_any(path: &Path, most: u64) -> Result<Sealed, FormatError> {
    let content = read_text(path, most)?;
    opened(&content).map_err(|(found, expected)| FormatError::checksum(path, &found, &expected))
}

fn sealed(text: &str) -> String {
    if let Some(members) = text.strip_prefix('{') {
        assert_ne!(members.trim_start().chars().next(), Some('}'), "a sealed object has a member");
        return format!("{MEMBER}{}{MEMBER_END}{members}", Checksum::of(members.as_bytes()));
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let body = format!("{FIRST}{text}{end}");
    let sum = Checksum::of(body.as_bytes());
    format!("{body}{LAST}{sum}\n")
}

/// The text, or the checksum that it has and the one that it should have.
fn opened(content: &str) -> Result<Sealed, (String, String)> {
    let check = |bytes: &str, expected: &str| {
        let found = Checksum::of(bytes.as_bytes()).to_string();
        if found == expected { Ok(()) } else { Err((format!("checksum {found}"), expected.to_owned())) }
    };
    if let Some(rest) = content.strip_prefix(MEMBER) {
        let (sum, members) = rest.split_once(MEMBER_END).unwrap_or((rest, ""));
        check(members, sum)?;
        return Ok(Sealed { text: format!("{{{members}"), checked: true });
    }
    let last = content.trim_end_matches('\n').rfind('\n').map_or(0, |end| end + 1);
    let (body, line) = content.split_at(last);
    let sum = line.strip_prefix(LAST).and_then(|line| line.strip_suffix('\n'));
    let text = body.strip_prefix(FIRST);
    match (text, sum) {
        (None, None) if !content.starts_with(FIRST) => {
            Ok(Sealed { text: content.to_owned(), checked: false })
        }
        (text, sum) => {
            let sum = sum.ok_or_else(|| ("no checksum in its last line".to_owned(), "one".to_owned()))?;
            check(body, sum)?;
            Ok(Sealed { text: text.unwrap_or(body).to_owned(), checked: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "epochs = 3\n[augment]\nflip = true\n";
    const JSON: &str = "{\"layers\": [1, 2],\n \"checksum\": 3}\n";

    #[test]
    fn a_text_comes_back_and_other_readers_take_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a.toml", TOML), ("a.json", JSON), ("a.txt", "")] {
            let path = folder.path().join(name);
            write(&path, text).unwrap();
            assert_eq!(read(&path, 1000).unwrap(), text, "{name}");
        }
        let written = std::fs::read_to_string(folder.path().join("a.toml")).unwrap();
        let rest = written.strip_prefix("# Written by convnet; ").unwrap();
        assert!(rest.ends_with("\nflip = true\n# checksum: crc32:196b7502\n"), "{written}");
        let written = std::fs::read_to_string(folder.path().join("a.json")).unwrap();
        assert!(written.starts_with("{\"checksum\":\"crc32:"), "{written}");
        let object: serde_json::Value = serde_json::from_str(&sealed("{\"layers\": 7}")).unwrap();
        assert_eq!(object["layers"], 7);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        for text in [TOML, JSON] {
            let whole = sealed(text).into_bytes();
            let damaged = |bytes: Vec<u8>| match String::from_utf8(bytes) {
                Ok(content) => !matches!(opened(&content), Ok(Sealed { checked: true, .. })),
                Err(_) => true,
            };
            assert!(!damaged(whole.clone()));
            for at in 0..whole.len() {
                assert!(damaged(whole[..at].to_vec()), "cut at {at}");
                for bit in 0..8 {
                    let mut bytes = whole.clone();
                    bytes[at] ^= 1 << bit;
                    assert!(damaged(bytes), "bit {bit} of byte {at}");
                }
            }
        }
        // Comments are marked twice: no damaged bit makes the file look as if it had never had a checksum.
        let whole = sealed(TOML).into_bytes();
        for at in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(String::from_utf8(bytes).map_or(true, |content| opened(&content).is_err()), "bit {at}");
        }
    }

    #[test]
    fn a_file_without_a_checksum_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.toml");
        std::fs::write(&path, TOML).unwrap();
        assert_eq!(read_any(&path, 1000).unwrap(), Sealed { text: TOML.into(), checked: false });
        let error = read(&path, 1000).unwrap_err().to_string();
        assert!(error.contains("old.toml") && error.contains("has no checksum"), "{error}");
        std::fs::write(&path, sealed(TOML).replace("epochs = 3", "epochs = 9")).unwrap();
        let error = read_any(&path, 1000).unwrap_err().to_string();
        assert!(error.contains("old.toml") && error.contains("crc32:196b7502"), "{error}");
        let error = read_any(&path, 10).unwrap_err().to_string();
        assert!(error.contains("expected at most 10"), "{error}");
    }
}
