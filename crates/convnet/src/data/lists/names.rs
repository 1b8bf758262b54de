//! The names of the classes and their order, from a file.

use std::collections::HashMap;
use std::path::Path;

use convnet_formats::{FormatError, read_text};
use serde_json::Value;

use super::super::DataError;

/// The longest file of names.
const MAX_BYTES: u64 = 16 << 20;
/// The most classes.
const MAX_CLASSES: usize = 1 << 20;

/// Reads the names of classes: one a line, or as JSON a list of names, names by number, or numbers by name.
pub(in crate::data) fn read(path: &Path) -> Result<Vec<String>, DataError> {
    let text = read_text(path, MAX_BYTES)?;
    let text = text.trim_start_matches('\u{feff}');
    let is_json = text.trim_start().starts_with(['[', '{']);
    let named: Vec<(u64, String)> = match is_json {
        true => json(path, text)?.into_iter().map(|name| (0, name)).collect(),
        false => (1..)
            .zip(text.lines())
            .map(|(line, name)| (line, name.trim().to_owned()))
            .filter(|(_, name)| !name.is_empty())
            .collect(),
    };
    let wrong = |line: u64, problem: String| match line {
        0 => DataError::ClassNamesFile { path: path.to_owned(), problem },
        line => FormatError::Line { path: path.to_owned(), line, problem }.into(),
    };
    let mut lines: HashMap<&str, u64> = HashMap::new();
    for (line, name) in &named {
        if let Some(first) = lines.insert(name, *line) {
            let where_first = if first > 0 { format!(" in line {first}") } else { String::new() };
            return Err(wrong(
                *line,
                format!("`{name}` is named twice, first{where_first}; expected each class once"),
            ));
        }
    }
    match named.len() {
        0 => Err(wrong(0, "it names no class; expected one a line, or a JSON list".to_owned())),
        count if count > MAX_CLASSES => {
            Err(wrong(0, format!("it names {count} classes, expected at most {MAX_CLASSES}")))
        }
        _ => Ok(named.into_iter().map(|(_, name)| name).collect()),
    }
}

fn json(path: &Path, text: &str) -> Result<Vec<String>, DataError> {
    let wrong = |problem: String| DataError::ClassNamesFile { path: path.to_owned(), problem };
    let expected = "expected a list of names, an object of names by number, or one of numbers by name";
    let value: Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("it is no JSON: {error}; {expected}")))?;
    let mut numbered: Vec<(u64, String)> = match value {
        Value::Array(names) => (0..)
            .zip(names)
            .map(|(number, name)| match name {
                Value::String(name) => Ok((number, name)),
                other => Err(wrong(format!("name {number} is `{other}`; {expected}"))),
            })
            .collect::<Result<_, _>>()?,
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| match (&value, key.parse()) {
                (Value::String(name), Ok(number)) => Ok((number, name.clone())),
                (Value::Number(number), _) => match number.as_u64() {
                    Some(number) => Ok((number, key)),
                    None => Err(wrong(format!("the number of `{key}` is {number}; {expected}"))),
                },
                _ => Err(wrong(format!("the entry `{key}` is `{value}`; {expected}"))),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(wrong(format!("it holds one value; {expected}"))),
    };
    numbered.sort();
    match (0..).zip(&numbered).find(|(place, (number, _))| place != number) {
        None => Ok(numbered.into_iter().map(|(_, name)| name.trim().to_owned()).collect()),
        Some((place, (number, name))) => Err(wrong(format!(
            "`{name}` has the number {number}, expected {place}; number the classes from 0 on without gaps"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(content: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        std::fs::write(&path, content).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_and_json_name_the_same_classes() {
        for content in [
            "dog\ngolden cat\n",
            "\u{feff}dog\r\n\r\n golden cat \r\n",
            r#"["dog", "golden cat"]"#,
            r#" {"1": "golden cat", "0": "dog"}"#,
            r#"{"golden cat": 1, "dog": 0}"#,
        ] {
            assert_eq!(names(content).unwrap(), ["dog", "golden cat"], "{content}");
        }
        assert_eq!(names(r#"{"10":"k","9":"j","0":"a","1":"b","2":"c","3":"d","4":"e","5":"f","6":"g","7":"h","8":"i"}"#)
            .unwrap()[10], "k");
    }

    #[test]
    fn what_names_no_classes_is_told() {
        for (content, expected) in [
            ("", "names no class"),
            ("a\nb\na\n", "line 3: `a` is named twice, first in line 1"),
            (r#"["a", "a"]"#, "`a` is named twice"),
            ("[1]", "name 0 is `1`"),
            ("[", "it is no JSON"),
            ("{\"a\": 1}", "`a` has the number 1, expected 0"),
            ("{\"a\": -1}", "the number of `a` is -1"),
            ("{\"0\": [\"n0\", \"tench\"]}", "the entry `0` is"),
            ("{\"a\": 0, \"b\": 0}", "`b` has the number 0, expected 1"),
        ] {
            let told = names(content).unwrap_err();
            assert!(told.contains(expected), "{content}: {told}");
        }
    }
}
