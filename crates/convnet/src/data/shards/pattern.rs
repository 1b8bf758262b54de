//! Names of shards: what braces stand for, and which split a shard is of.

use std::path::{Path, PathBuf};

use super::super::DataError;

/// The most names that braces stand for.
const MOST: usize = 1 << 20;

/// Whether a text has braces that stand for several names of tar archives.
pub(super) fn is_one(spec: &str) -> bool {
    spec.contains('{') && spec.contains('}') && spec.ends_with(".tar")
}

/// The names that a pattern stands for, as a shell writes them out: `{000..009}` are numbers of three digits, `{a,b}` two
/// texts. Braces may follow one another, and stand in one another.
///
/// # Errors
/// If braces do not close, stand for nothing, or for more than 2²⁰ names.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, DataError> {
    let wrong = |problem: String| DataError::Pattern { pattern: pattern.to_owned(), problem };
    let mut done = Vec::new();
    let mut waiting = vec![pattern.to_owned()];
    while let Some(text) = waiting.pop() {
        let Some(open) = text.find('{') else {
            if text.contains('}') {
                return Err(wrong("a `}` has no `{`".to_owned()));
            }
            done.push(text);
            continue;
        };
        if text[..open].contains('}') {
            return Err(wrong("a `}` has no `{`".to_owned()));
        }
        let Some(close) = closing(&text, open) else {
            return Err(wrong("a `{` has no `}`".to_owned()));
        };
        let parts = parts(&text[open + 1..close]).ok_or_else(|| {
            let found = &text[open..=close];
            wrong(format!("`{found}` is neither a range of numbers (`{{000..009}}`) nor a list (`{{a,b}}`)"))
        })?;
        if done.len() + waiting.len() + parts.len() > MOST {
            return Err(wrong(format!("it stands for more than {MOST} names")));
        }
        // The last that waits is the next.
        waiting
            .extend(parts.iter().rev().map(|part| format!("{}{part}{}", &text[..open], &text[close + 1..])));
    }
    Ok(done)
}

/// The brace that closes the one at a place.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    text[open..].char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(open + at)
    })
}

/// What is between two braces: texts with commas between them that are in no braces of their own, or a range.
fn parts(inner: &str) -> Option<Vec<String>> {
    let mut depth = 0i32;
    let list = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let list: Vec<String> = list.map(str::to_owned).collect();
    if list.len() > 1 {
        return Some(list);
    }
    let (from, to) = inner.split_once("..")?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits)
    };
    let (first, last) = (number(from)?, number(to)?);
    let padded = [from, to].iter().any(|text| text.len() > 1 && text.starts_with('0'));
    let width = if padded { from.len().max(to.len()) } else { 0 };
    if first.abs_diff(last) >= MOST as u64 {
        return None;
    }
    let write = |number: u64| format!("{number:0width$}");
    Some(match first <= last {
        true => (first..=last).map(write).collect(),
        false => (last..=first).rev().map(write).collect(),
    })
}

/// What the images of a shard are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Train,
    Validation,
    Test,
}

const NAMES: [(&str, Role); 8] = [
    ("train", Role::Train),
    ("training", Role::Train),
    ("val", Role::Validation),
    ("valid", Role::Validation),
    ("validation", Role::Validation),
    ("dev", Role::Validation),
    ("test", Role::Test),
    ("testing", Role::Test),
];

/// The split that a shard's own name tells, else that of its folder: the first word that is a split's.
pub(super) fn role(path: &Path) -> Option<Role> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    [stem, folder].iter().find_map(|name| {
        let lower = name.to_ascii_lowercase();
        let words = lower.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_owned).collect::<Vec<_>>();
        words.iter().find_map(|word| NAMES.iter().find(|(known, _)| known == word).map(|&(_, role)| role))
    })
}

/// The archives in a folder, or in those of its folders that are called like a split; in the order of their names.
pub(super) fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let mut found = archives(folder);
    if found.is_empty() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if NAMES.iter().any(|(known, _)| *known == name) {
                found.extend(archives(&path));
            }
        }
    }
    found.sort();
    found
}

fn archives(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_archive = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar")) && !hidden && path.is_file()
    };
    entries.map(|entry| entry.path()).filter(is_archive).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_what_a_shell_makes_of_them() {
        let all = |pattern: &str| expand(pattern).unwrap();
        assert_eq!(all("a-000{0..2}.tar"), ["a-0000.tar", "a-0001.tar", "a-0002.tar"]);
        assert_eq!(all("{08..11}"), ["08", "09", "10", "11"]);
        assert_eq!(all("{3..1}"), ["3", "2", "1"]);
        assert_eq!(all("{a,b}/{0..1}"), ["a/0", "a/1", "b/0", "b/1"]);
        assert_eq!(all("x{a,{0..1},c{d,e}}y"), ["xay", "x0y", "x1y", "xcdy", "xcey"]);
        assert_eq!(all("{train-{0..1},test-0}.tar"), ["train-0.tar", "train-1.tar", "test-0.tar"]);
        assert_eq!(all("plain.tar"), ["plain.tar"]);
        let problem = |pattern: &str| expand(pattern).unwrap_err().to_string();
        assert!(problem("a{0..3").contains("a `{` has no `}`"));
        assert!(problem("a0..3}").contains("a `}` has no `{`"));
        for wrong in
            ["{}", "{a}", "{a..3}", "{0..}", "{-1..3}", "{0..99999999999}", "{0..99999999999999999999999}"]
        {
            assert!(problem(wrong).contains("neither a range"), "{wrong}");
        }
        assert!(problem("{0..9999}{0..9999}").contains("more than 1048576 names"));
    }

    #[test]
    fn the_split_is_a_word_of_the_name_or_of_the_folder() {
        let of = |path: &str| role(Path::new(path));
        assert_eq!(of("x/imagenet-train-000000.tar"), Some(Role::Train));
        assert_eq!(of("val/000.tar"), Some(Role::Validation));
        assert_eq!(of("train/test_1.tar"), Some(Role::Test));
        assert_eq!(of("Validation-3.tar"), Some(Role::Validation));
        assert_eq!([of("trainer/1.tar"), of("shard-0.tar")], [None; 2]);
    }
}
