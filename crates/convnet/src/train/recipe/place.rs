//! Where in a recipe file a setting stands that cannot be followed, and what was meant by it.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The likeness of names (Jaro and Winkler, 0 to 1) from which one is offered for the other.
const LIKE: f64 = 0.75;

/// What is wrong with a setting of `text`, by the reader's words, with the line where it stands.
pub(super) fn told(text: &str, reason: &str) -> String {
    let reason = reason.trim_end();
    let (reason, path) = match reason.rsplit_once("\nin `") {
        Some((reason, path)) => (reason, path.trim_end_matches('`')),
        None => (reason, ""),
    };
    let names = quoted(reason);
    let (told, key) = match (reason.split('`').next(), names.split_first()) {
        (Some("unknown field "), Some((name, known))) => {
            let table = if path.is_empty() { "a recipe".to_owned() } else { format!("`{path}`") };
            let path = [path, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
            (format!("{table} has no key `{name}`{}", meant(name, known)), path)
        }
        (Some("unknown variant "), Some((name, known))) => {
            (format!("`{path}` is \"{name}\"{}", meant(name, known)), path.to_owned())
        }
        _ if path.is_empty() => (reason.to_owned(), String::new()),
        _ => (format!("`{path}`: {reason}"), path.to_owned()),
    };
    with_line(text, &key, &told)
}

/// The same of a setting that is out of its range, which is the first name in what is told of it.
pub(super) fn of_setting(text: &str, told: &str) -> String {
    with_line(text, quoted(told).first().unwrap_or(&""), told)
}

fn with_line(text: &str, key: &str, told: &str) -> String {
    let Some(span) = find(text, key) else { return told.to_owned() };
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let number = text[..start].matches('\n').count() + 1;
    let margin = " ".repeat(number.to_string().len());
    let before = " ".repeat(text[start..span.start].chars().count());
    let marks = "^".repeat(text[span.clone()].chars().count().clamp(1, line.chars().count().max(1)));
    format!("line {number}: {told}\n{margin} |\n{number} | {line}\n{margin} | {before}{marks}")
}

/// The names between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn meant(name: &str, known: &[&str]) -> String {
    let likeness = |known: &&&str| (strsim::jaro_winkler(name, known) * 1e6) as u64;
    let nearest = known.iter().max_by_key(likeness).filter(|near| strsim::jaro_winkler(name, near) >= LIKE);
    let all = known.join(", ");
    match nearest {
        Some(near) => format!("; did you mean `{near}`? It may be {all}"),
        None => format!("; it may be {all}"),
    }
}

/// Where a key stands, or the nearest table above it.
fn find(text: &str, key: &str) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let mut tables: Vec<&DeTable<'_>> = vec![table.get_ref()];
    let mut found = None;
    for part in key.split('.') {
        let entries = tables.iter().flat_map(|table| table.iter());
        let entries: Vec<_> = entries.filter(|(name, _)| name.get_ref() == part).collect();
        let Some((name, _)) = entries.first() else { break };
        found = Some(name.span());
        tables = entries
            .iter()
            .flat_map(|(_, value)| match value.get_ref() {
                DeValue::Table(table) => vec![table],
                DeValue::Array(values) => {
                    values.iter().filter_map(|value| value.get_ref().as_table()).collect()
                }
                _ => Vec::new(),
            })
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::RecipePatch;

    /// What is said of a recipe file.
    fn told(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        std::fs::write(&path, text).unwrap();
        let told = RecipePatch::read(&path).unwrap_err().to_string();
        let (_, told) = told.split_once("recipe.toml: ").unwrap();
        told.to_owned()
    }

    #[test]
    fn a_misspelt_key_shows_its_line_and_the_nearest_name() {
        assert_eq!(
            told("epochs = 3\n\n[optimizer]\nkind = \"sgd\"\n  momentom = 0.9\n"),
            "line 5: `optimizer` has no key `momentom`; did you mean `momentum`? It may be momentum, dampening, \
             nesterov, weight_decay\n  |\n5 |   momentom = 0.9\n  |   ^^^^^^^^"
        );
        let told_of = told("epoch = 3\n");
        assert!(
            told_of.starts_with("line 1: a recipe has no key `epoch`; did you mean `epochs`?"),
            "{told_of}"
        );
        let told_of = told("[optimizer]\nkind = \"adamm\"\n");
        assert!(
            told_of.starts_with("line 2: `optimizer.kind` is \"adamm\"; did you mean `adam`?"),
            "{told_of}"
        );
        let told_of = told("[[parameters.group]]\nmatch = \"a\"\nlrr = 1\n");
        assert!(
            told_of.starts_with("line 3: `parameters.group` has no key `lrr`; did you mean `lr`?"),
            "{told_of}"
        );
    }

    #[test]
    fn a_value_of_another_type_or_out_of_its_range_shows_its_line() {
        for (text, part) in [
            (
                "lr = \"a\"\n",
                "line 1: `lr`: invalid type: string \"a\", expected f64\n  |\n1 | lr = \"a\"\n  | ^^",
            ),
            (
                "seed = 1\n[regularize]\nema = true\n",
                "line 3: `regularize.ema`: invalid type: boolean `true`",
            ),
            ("[checkpoints]\nkeep = -1\n", "line 2: `checkpoints.keep`: invalid value: integer `-1`"),
            (
                "[regularize]\n\nema = 1.5\n",
                "line 3: setting `regularize.ema` is 1.5, expected a number from 0",
            ),
            ("batch = 0\n", "line 1: setting `batch` is 0, expected a whole number"),
            ("[optimizer]\nmomentum = 2.0\n", "line 2: setting `optimizer.momentum` is 2, expected"),
            ("lr = 0.1\nlr = 0.2\n", "TOML parse error at line 2, column 1"),
        ] {
            let told = told(text);
            assert!(told.starts_with(part), "{told}");
        }
    }
}
