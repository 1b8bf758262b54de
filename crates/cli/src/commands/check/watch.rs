//! Checking again whenever a file is written.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};
use std::{env, fs, process};

use super::{Findings, Format, Subject, told};
use crate::error::Failure;
use crate::output;

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(200);
/// How many periods files may take to be written, or be away while an editor replaces them.
const PATIENCE: usize = 10;

/// Checks the file, and again whenever it or one that it imports is written, until Ctrl-C.
pub(super) fn run(subject: &Subject, format: Format) -> Result<(), Failure> {
    ctrlc::set_handler(|| process::exit(0))?;
    let mut files = Stamps::of([subject.path.as_path()]);
    let mut folders = Stamps::default();
    let mut last = None;
    loop {
        // Stamps are taken before files are read: what is written meanwhile is read again.
        let (known, around) = (files.again(), folders.again());
        let findings = Findings::of(subject);
        let paths = findings.paths(&subject.path);
        let is_written = last.is_none() || known != files;
        files = known.with(paths.iter().map(PathBuf::as_path));
        folders = around.with(paths.iter().map(|path| folder(path)));
        let found = Told::of(subject, &findings, format)?;
        // A file that came or went beside them may be one that is imported, or not.
        if is_written || last.as_ref() != Some(&found) {
            found.show(format)?;
            if format == Format::Text {
                let count = output::counted(paths.len(), "file");
                output::note(&format!("watching {count}: save to check again, Ctrl-C to end"));
            }
        }
        last = Some(found);
        wait(&files, &folders, &subject.path);
    }
}

/// What is told of one check.
#[derive(PartialEq, Eq)]
struct Told {
    result: String,
    messages: String,
}

impl Told {
    fn of(subject: &Subject, findings: &Findings, format: Format) -> Result<Self, Failure> {
        Ok(match format {
            Format::Json => {
                let result = serde_json::to_string(&told::document(subject, findings))?;
                Self { result, messages: String::new() }
            }
            Format::Text => {
                Self { result: told::summary(subject, findings), messages: told::messages(findings) }
            }
        })
    }

    fn show(&self, format: Format) -> Result<(), Failure> {
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        if format == Format::Text && io::stdout().is_terminal() && !is_dumb {
            // Not as a colour, which may be unwanted.
            io::stdout().write_all(b"\x1b[2J\x1b[H")?;
        }
        if !self.result.is_empty() {
            output::emit(&self.result)?;
        }
        output::tell(&self.messages);
        Ok(())
    }
}

impl Findings {
    /// The files that were read, and the one that was to be.
    fn paths(&self, main: &Path) -> Vec<PathBuf> {
        let sources = self.checks.iter().flat_map(|(_, checked)| checked.report.sources.iter());
        let users = sources.filter(|(_, source)| !source.is_prelude).map(|(_, source)| source.path.clone());
        let mut paths: Vec<PathBuf> = users.chain([main.to_owned()]).collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// When files were written, and how large they are; `None` for those that are not there.
#[derive(Clone, Default, PartialEq, Eq)]
struct Stamps(BTreeMap<PathBuf, Option<(Option<SystemTime>, u64)>>);

impl Stamps {
    fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let stamp = |path: &Path| fs::metadata(path).ok().map(|file| (file.modified().ok(), file.len()));
        Self(paths.into_iter().map(|path| (path.to_owned(), stamp(path))).collect())
    }

    /// The same files now.
    fn again(&self) -> Self {
        Self::of(self.0.keys().map(PathBuf::as_path))
    }

    /// These stamps for these files; new ones for those that are not among them.
    fn with<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut now = Self::of(paths);
        for (path, stamp) in &mut now.0 {
            if let Some(known) = self.0.get(path) {
                *stamp = *known;
            }
        }
        now
    }

    fn is_there(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(Option::is_some)
    }
}

/// Waits until a file is written, and nothing is written any more.
fn wait(files: &Stamps, folders: &Stamps, main: &Path) {
    let was_there = files.is_there(main);
    loop {
        sleep(PERIOD);
        let mut now = (files.again(), folders.again());
        if now.0 == *files && now.1 == *folders {
            continue;
        }
        for _ in 0..PATIENCE {
            sleep(PERIOD / 4);
            let later = (now.0.again(), now.1.again());
            let is_steady = later == now;
            now = later;
            if is_steady && (now.0.is_there(main) || !was_there) {
                break;
            }
        }
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_files() {
        assert_eq!(folder(Path::new("net.py")), Path::new("."));
        assert_eq!(folder(Path::new("a/net.py")), Path::new("a"));
    }

    #[test]
    fn stamps_tell_what_was_written_came_or_went() {
        let place = tempfile::tempdir().unwrap();
        let (net, blocks) = (place.path().join("net.py"), place.path().join("blocks.py"));
        fs::write(&net, "a").unwrap();
        let before = Stamps::of([net.as_path()]);
        assert!(before == before.again());
        let both = before.with([net.as_path(), blocks.as_path()]);
        assert!(both.is_there(&net) && !both.is_there(&blocks));
        fs::write(&blocks, "").unwrap();
        assert!(both != both.again());
        let new = place.path().join("new.py");
        fs::write(&new, "ab").unwrap();
        fs::rename(&new, &net).unwrap();
        assert!(before != before.again());
        assert!(before == before.with([net.as_path()]));
        fs::remove_file(&net).unwrap();
        assert!(!before.again().is_there(&net));
    }
}
