//! Wrong files, and what is told of each.
//!
//! `tests/wrong/NAME.py` is checked with the input that `inputs.toml` gives it, and the rendered text compared with
//! `NAME.stderr`. `SNAPSHOTS=overwrite cargo test -p convnet-pytorch --test main wrong` writes these anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use convnet_pytorch::diagnostic::{Diagnostic, RenderStyle, Severity};
use convnet_pytorch::{Checked, ReadOptions, check};

/// Files in which no place is better than another.
const WITHOUT_PLACE: [&str; 4] = ["empty", "no_network", "only_comments", "random_bytes"];

/// Files in which PyTorch finds nothing either: they run, and compute something else than was meant.
const RUN: [&str; 1] = ["return_too_early"];

const STYLE: RenderStyle = RenderStyle { colour: false, width: 100 };

/// The wrong files by name, with the input of each.
fn files() -> Vec<(String, PathBuf, [usize; 3])> {
    let folder = Path::new("tests/wrong");
    let text = fs::read_to_string(folder.join("inputs.toml")).expect("the inputs");
    let inputs: BTreeMap<String, String> = toml::from_str(&text).expect("a table of inputs");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    paths.sort();
    let file = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let sides =
            inputs.get(&name)?.split('x').map(|side| side.parse().expect("a number")).collect::<Vec<usize>>();
        Some((name, path, sides.try_into().expect("channels, height, width")))
    };
    paths.into_iter().filter_map(file).collect()
}

/// A wrong file, and what was found in it.
struct Case {
    name: String,
    path: PathBuf,
    checked: Checked,
}

/// All files, each checked once: some of them go on until the reader's limits end them.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let files = files();
    let part = files.len().div_ceil(std::thread::available_parallelism().map_or(1, usize::from));
    let checks = |files: &[(String, PathBuf, [usize; 3])]| -> Vec<Case> {
        let check = |(name, path, input): &(String, PathBuf, [usize; 3])| {
            let checked = check(path, &ReadOptions { input: Some(*input), ..ReadOptions::default() });
            Case { name: name.clone(), path: path.clone(), checked }
        };
        files.iter().map(check).collect()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = files.chunks(part).map(|files| scope.spawn(move || checks(files))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no file makes the reader panic")).collect()
    })
});

fn errors(checked: &Checked) -> Vec<&Diagnostic> {
    checked.report.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect()
}

#[test]
fn what_is_told_of_each() {
    let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite");
    let mut differ = Vec::new();
    for Case { name, path, checked } in CASES.iter() {
        let found = checked.report.render(STYLE);
        let snapshot = path.with_extension("stderr");
        if overwrite {
            fs::write(&snapshot, &found).expect("a snapshot");
        } else if fs::read_to_string(&snapshot).ok().as_ref() != Some(&found) {
            differ.push(format!("{name}:\n{found}"));
        }
    }
    let count = differ.len();
    assert!(differ.is_empty(), "{}\n{count} differ; SNAPSHOTS=overwrite writes them anew", differ.join("\n"));
}

#[test]
fn each_has_an_error_in_a_line_of_its_own_and_something_to_do() {
    let mut wanting = Vec::new();
    assert!(CASES.len() >= 60, "{} wrong files", CASES.len());
    for Case { name, checked, .. } in CASES.iter() {
        if RUN.contains(&name.as_str()) {
            continue;
        }
        let errors = errors(checked);
        let mut want = |what: &str| wanting.push(format!("{name}: {what}"));
        let Some(error) = errors.first() else {
            want("no error");
            continue;
        };
        if checked.network.is_some() {
            want("a network in spite of the error");
        }
        if error.code.is_empty() || error.message.trim().is_empty() || error.message.contains('\n') {
            want("a code and a headline");
        }
        let sources = &checked.report.sources;
        match error.span {
            Some(span) if !sources.is_users(span) => want("a place in the user's file"),
            None if !WITHOUT_PLACE.contains(&name.as_str()) => want("a place"),
            _ => {}
        }
        if error.label.is_none() && error.notes.is_empty() && error.helps.is_empty() {
            want("a label, a note or a help");
        }
    }
    assert!(wanting.is_empty(), "{} of the wrong files want\n{}", wanting.len(), wanting.join("\n"));
}

#[test]
fn ranges_for_editors_are_in_the_file() {
    for Case { name, path, checked } in CASES.iter() {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let lines = text.split('\n').count();
        for message in checked.report.messages() {
            let (start, end) = (message.range.start, message.range.end);
            assert!((start.line, start.character) <= (end.line, end.character), "{name}");
            assert!(end.line < lines || message.file != path.display().to_string(), "{name}");
        }
    }
}
