//! The grid of a sweep: keys of the recipe with their values, and the runs that these make.

use std::path::Path;

use convnet_formats::checksum::Checksum;
use convnet_formats::read_text;
use toml::{Table, Value};

use crate::commands::train::args::Setting;
use crate::commands::train::runs::Task;
use crate::error::Failure;
use crate::output::small;

/// A key with its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    key: String,
    values: Vec<Value>,
}

/// The longest file of a sweep.
const MAX_FILE: u64 = 1 << 20;
/// The most runs of a sweep.
const MAX_RUNS: usize = 10_000;
/// The longest name of a directory that settings make.
const MAX_NAME: usize = 120;

/// What `--sweep` was given: `KEY=A,B,…`, or a file.
pub(super) fn axes(given: &[String]) -> Result<Vec<Axis>, Failure> {
    let mut axes: Vec<Axis> = Vec::new();
    for text in given {
        match text.split_once('=') {
            Some((key, values)) => {
                axes.push(Axis { key: key.trim().to_owned(), values: typed(text, values)? })
            }
            None => axes.extend(file(Path::new(text))?),
        }
    }
    for (place, axis) in axes.iter().enumerate() {
        let wrong = |what: &str| Err(Failure::usage(format!("sweep: `{}` {what}", axis.key)));
        if axis.key.is_empty() || axis.key.split('.').any(str::is_empty) {
            return wrong("is no key: expected one such as `lr` or `optimizer.weight_decay`");
        }
        if axes[..place].iter().any(|before| before.key == axis.key) {
            return wrong("is given twice: name all its values at once");
        }
        if axis.values.is_empty() {
            return wrong("has no value: expected one or more");
        }
        let texts: Vec<String> = axis.values.iter().map(written).collect();
        if (1..texts.len()).any(|i| texts[..i].contains(&texts[i])) {
            return wrong("has a value twice: the runs would be the same");
        }
    }
    Ok(axes)
}

/// Values as TOML writes them; words need no quotes.
fn typed(text: &str, values: &str) -> Result<Vec<Value>, Failure> {
    let array = |values: &str| {
        let table: Table = toml::from_str(&format!("values = [{values}]")).ok()?;
        match table.into_iter().collect::<Vec<_>>().as_slice() {
            [(_, Value::Array(values))] => Some(values.clone()),
            _ => None,
        }
    };
    if let Some(values) = array(values) {
        return Ok(values);
    }
    values
        .split(',')
        .map(|word| match (word.trim(), array(word).as_deref()) {
            (_, Some([value])) => Ok(value.clone()),
            (word, _) if !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c)) => {
                Ok(Value::String(word.to_owned()))
            }
            (word, _) => Err(Failure::usage(format!(
                "sweep `{text}`: `{word}` is no value, expected numbers, true, false, words, or what else TOML writes, with \
                 commas between them"
            ))),
        })
        .collect()
}

/// A table of lists.
fn file(path: &Path) -> Result<Vec<Axis>, Failure> {
    if path.extension().is_none_or(|ending| ending != "toml") {
        let found = path.display();
        return Err(Failure::usage(format!(
            "sweep: `{found}` is neither KEY=A,B,… nor a file that ends in .toml"
        )));
    }
    let text = read_text(path, MAX_FILE)?;
    let table: Table =
        toml::from_str(&text).map_err(|error| Failure::work(format!("{}: {error}", path.display())))?;
    let mut axes = Vec::new();
    leaves(path, "", table, &mut axes)?;
    if axes.is_empty() {
        return Err(Failure::work(format!("{}: has no key, expected lists of values", path.display())));
    }
    Ok(axes)
}

fn leaves(path: &Path, before: &str, table: Table, axes: &mut Vec<Axis>) -> Result<(), Failure> {
    for (name, value) in table {
        let key = if before.is_empty() { name } else { format!("{before}.{name}") };
        match value {
            Value::Array(values) => axes.push(Axis { key, values }),
            Value::Table(table) => leaves(path, &key, table, axes)?,
            value => {
                let place = path.display();
                return Err(Failure::work(format!(
                    "{place}: `{key}` is {value}, expected a list of values such as [{value}]"
                )));
            }
        }
    }
    Ok(())
}

/// A run for each combination, the last key changing fastest.
pub(super) fn tasks(axes: &[Axis]) -> Result<Vec<Task>, Failure> {
    let count = axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis.values.len()));
    if count.is_none_or(|count| count > MAX_RUNS) {
        return Err(Failure::usage(format!("sweep: more than {MAX_RUNS} runs; name fewer values")));
    }
    let mut all: Vec<Vec<Setting>> = vec![Vec::new()];
    for Axis { key, values } in axes {
        all = all
            .iter()
            .flat_map(|before| {
                values.iter().map(move |value| {
                    let setting = Setting { key: key.clone(), value: value.clone() };
                    before.iter().cloned().chain([setting]).collect()
                })
            })
            .collect();
    }
    Ok(all.into_iter().map(|settings| Task { name: name(&settings), settings }).collect())
}

/// A value as directories are named by it.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => small(*number),
        value => value.to_string(),
    }
}

/// `lr=0.01,optimizer.weight_decay=0.0001`: what is no name of a directory everywhere is replaced, and a sum tells it
/// from its like.
fn name(settings: &[Setting]) -> String {
    let exact: Vec<String> = settings.iter().map(|s| format!("{}={}", s.key, written(&s.value))).collect();
    let exact = exact.join(",");
    let usual = |c: char| c.is_ascii_alphanumeric() || "=,._+-".contains(c);
    let name: String = exact.chars().map(|c| if usual(c) { c } else { '_' }).take(MAX_NAME).collect();
    match name == exact {
        true => name,
        false => format!("{name}-{:08x}", Checksum::of(exact.as_bytes()).value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(given: &[&str]) -> Result<Vec<String>, String> {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        let tasks = axes(&given).and_then(|axes| tasks(&axes)).map_err(|error| format!("{error:?}"))?;
        Ok(tasks.into_iter().map(|task| task.name).collect())
    }

    #[test]
    fn every_combination_is_a_run() {
        let names = grid(&["lr=0.01,1e-3", "optimizer.kind=sgd,adam", "augment.flip=true"]).unwrap();
        assert_eq!(
            names,
            [
                "lr=0.01,optimizer.kind=sgd,augment.flip=true",
                "lr=0.01,optimizer.kind=adam,augment.flip=true",
                "lr=0.001,optimizer.kind=sgd,augment.flip=true",
                "lr=0.001,optimizer.kind=adam,augment.flip=true",
            ]
        );
    }

    #[test]
    fn values_have_the_types_of_toml() {
        let values = |text| typed(text, text).unwrap();
        assert_eq!(values("1,0.5,true"), [Value::Integer(1), Value::Float(0.5), Value::Boolean(true)]);
        assert_eq!(values("sgd, 3"), [Value::String("sgd".into()), Value::Integer(3)]);
        assert_eq!(values("[0.9, 0.99],[0.8, 0.9]").len(), 2);
        // Lists are no names of directories; they stay apart.
        let names = grid(&["optimizer.betas=[0.9, 0.99],[0.9,0.999]"]).unwrap();
        assert!(names[0] != names[1] && !names[0].contains(['[', ' ']), "{names:?}");
    }

    #[test]
    fn what_is_no_grid_is_named() {
        for (given, told) in [
            (&["lr=0.1,,0.2"][..], "`` is no value"),
            (&["lr="], "has no value"),
            (&["=1"], "is no key"),
            (&["lr=0.1", "lr=0.2"], "given twice"),
            (&["lr=0.1,0.10"], "a value twice"),
            (&["lr=1,1.0"], "a value twice"),
            (&["rates"], "neither KEY=A,B"),
            (&["lr=a;b"], "`a;b` is no value"),
        ] {
            let error = grid(given).unwrap_err();
            assert!(error.contains(told), "{given:?}: {error}");
        }
        let many: Vec<String> = (0..101).map(|value| value.to_string()).collect();
        let error =
            grid(&[&format!("lr={}", many.join(",")), &format!("seed={}", many.join(","))]).unwrap_err();
        assert!(error.contains("more than 10000 runs"), "{error}");
    }
}
