//! The engines that were chosen, on disk: a line a problem, a file for each card and version of cuDNN.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// An engine and how it is set up: enough to build its plan again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Engine {
    /// Its number.
    pub(crate) number: i64,
    /// Its knobs and their values.
    pub(crate) knobs: Vec<(i32, i64)>,
    /// What it took, in microseconds.
    pub(crate) time: f32,
}

/// The chosen engines by problem; none where cuDNN has none.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    path: Option<PathBuf>,
    engines: HashMap<String, Option<Engine>>,
}

impl Choices {
    /// The choices that stand in a file, if there is one; lines that do not read are left out.
    pub(crate) fn open(path: Option<PathBuf>) -> Self {
        let text = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let engines = text.lines().filter_map(parse).collect();
        Self { path, engines }
    }

    pub(crate) fn get(&self, problem: &str) -> Option<&Option<Engine>> {
        self.engines.get(problem)
    }

    pub(crate) fn set(&mut self, problem: String, engine: Option<Engine>) {
        self.engines.insert(problem, engine);
    }

    /// Writes the file anew. A folder that cannot be written means only that the next start chooses again.
    pub(crate) fn save(&self) {
        let Some(path) = &self.path else { return };
        let mut lines: Vec<String> =
            self.engines.iter().map(|(problem, engine)| line(problem, engine.as_ref())).collect();
        lines.sort();
        replace(path, lines.concat().as_bytes());
    }
}

/// Writes a file under a temporary name beside it and renames it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&temporary, bytes))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}

fn line(problem: &str, engine: Option<&Engine>) -> String {
    let mut line = format!("{problem}\t");
    match engine {
        Some(Engine { number, knobs, time }) => {
            let _ = write!(line, "{number}\t{time}\t");
            for (i, (knob, value)) in knobs.iter().enumerate() {
                let _ = write!(line, "{}{knob}={value}", if i > 0 { "," } else { "" });
            }
        }
        None => line.push_str("none\t\t"),
    }
    line + "\n"
}

fn parse(line: &str) -> Option<(String, Option<Engine>)> {
    let mut parts = line.split('\t');
    let (problem, number, time, knobs) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if number == "none" {
        return Some((problem.into(), None));
    }
    let knob = |text: &str| {
        let (knob, value) = text.split_once('=')?;
        Some((knob.parse().ok()?, value.parse().ok()?))
    };
    let knobs = knobs.split(',').filter(|text| !text.is_empty()).map(knob).collect::<Option<_>>()?;
    Some((problem.into(), Some(Engine { number: number.parse().ok()?, knobs, time: time.parse().ok()? })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/card.plans");
        let mut choices = Choices::open(Some(path.clone()));
        let engine = Engine { number: 34, knobs: vec![(2, 7), (23, -1)], time: 12.5 };
        choices.set("forward tf32 1x2".into(), Some(engine.clone()));
        choices.set("forward fp32 fused".into(), None);
        choices.save();
        let read = Choices::open(Some(path));
        assert_eq!(read.get("forward tf32 1x2"), Some(&Some(engine)));
        assert_eq!(read.get("forward fp32 fused"), Some(&None));
        assert_eq!(read.get("other"), None);
    }

    #[test]
    fn lines_that_do_not_read_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.plans");
        std::fs::write(&path, "a\tx\t1\t\nb\t3\t1.5\t1=2\nc\t3\n").unwrap();
        let choices = Choices::open(Some(path));
        assert_eq!(choices.engines.len(), 1);
        assert!(choices.get("b").is_some());
    }
}
