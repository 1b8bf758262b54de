//! The directory that a training run writes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use convnet_formats::atomic;

use super::metrics::read_lines;
use super::{EpochRecord, RunConfig, TrainError};

/// A run's directory and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDir {
    path: PathBuf,
    config: RunConfig,
}

/// The most that a text file of a run may hold.
const MAX_TEXT: u64 = 64 << 20;

impl RunDir {
    /// The settings: all that is needed to repeat the run.
    pub const CONFIG: &'static str = "config.toml";
    /// A line an epoch.
    pub const METRICS: &'static str = "metrics.jsonl";
    /// The weights after the last epoch.
    pub const LAST: &'static str = "last.safetensors";
    /// The weights after the epoch that the test images chose: that with the best top-1 accuracy on them.
    pub const BEST: &'static str = "best.safetensors";
    /// Loss and accuracy over the epochs: `.svg` and `.png`.
    pub const CURVES: &'static str = "curves";
    /// Which classes the best weights take for which: `.svg` and `.png`.
    pub const CONFUSION: &'static str = "confusion";
    /// The same as figures, with the name of every class.
    pub const CONFUSION_CSV: &'static str = "confusion.csv";
    /// All that is needed to go on with the run.
    pub const CHECKPOINT: &'static str = "checkpoint.safetensors";

    /// Refuses a path that cannot become a new run's directory: one that exists and is not an empty directory.
    pub fn check_new(path: &Path) -> Result<(), TrainError> {
        match fs::read_dir(path) {
            Ok(mut entries) => match entries.next() {
                None => Ok(()),
                Some(_) => Err(TrainError::Exists { path: path.to_owned() }),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(TrainError::io("make the run directory", path)(e)),
        }
    }

    /// Makes the directory of a new run and writes its `config.toml`.
    ///
    /// Where that fails, no directory is left behind.
    pub fn create(path: &Path, config: RunConfig) -> Result<Self, TrainError> {
        Self::check_new(path)?;
        let new = !path.exists();
        fs::create_dir_all(path).map_err(TrainError::io("make the run directory", path))?;
        let run = Self { path: path.to_owned(), config };
        let written = run.write_config();
        if written.is_err() && new {
            // The first error is the one to tell; an empty directory that stays is harmless.
            let _ = fs::remove_dir(path);
        }
        written.map(|()| run)
    }

    /// Opens the directory of a run that was started before.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let file = path.join(Self::CONFIG);
        if !file.is_file() {
            return Err(TrainError::NotARun { path: path.to_owned(), missing: Self::CONFIG });
        }
        let text = read_text(&file)?;
        let config =
            toml::from_str(&text).map_err(|e| TrainError::Toml { path: file, reason: e.to_string() })?;
        Ok(Self { path: path.to_owned(), config })
    }

    /// The first of `base`, `base-2`, `base-3`, … that does not exist.
    pub fn fresh(base: &Path) -> PathBuf {
        let numbered = |n: u32| {
            let mut name = base.as_os_str().to_owned();
            name.push(format!("-{n}"));
            PathBuf::from(name)
        };
        let mut path = base.to_owned();
        let mut n = 1;
        // A broken link is there too.
        while path.symlink_metadata().is_ok() {
            n += 1;
            path = numbered(n);
        }
        path
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The path of one of the run's files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The weights to use of the run: the best where there are any, else the last.
    pub fn weights(&self) -> Result<PathBuf, TrainError> {
        [Self::BEST, Self::LAST]
            .map(|name| self.file(name))
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| TrainError::NotARun { path: self.path.clone(), missing: Self::BEST })
    }

    /// The records of the epochs done; what follows a damaged line is left out.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>, TrainError> {
        let path = self.file(Self::METRICS);
        if !path.exists() {
            return Ok(Vec::new());
        }
        Ok(read_lines(&read_text(&path)?))
    }

    #[cfg(feature = "train")]
    pub(super) fn write_metrics(&self, records: &[EpochRecord]) -> Result<(), TrainError> {
        Ok(atomic::write(&self.file(Self::METRICS), super::metrics::write_lines(records).as_bytes())?)
    }

    fn write_config(&self) -> Result<(), TrainError> {
        let path = self.file(Self::CONFIG);
        let text = toml::to_string(&self.config)
            .map_err(|e| TrainError::Toml { path: path.clone(), reason: e.to_string() })?;
        Ok(atomic::write(&path, text.as_bytes())?)
    }
}

/// Reads a text file, up to a size that no honest one has.
pub(super) fn read_text(path: &Path) -> Result<String, TrainError> {
    let fail = TrainError::io("read", path);
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(MAX_TEXT).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(fail)
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Recipe;
    use crate::train::metrics::tests::record;
    use crate::zoo;

    fn config() -> RunConfig {
        RunConfig {
            convnet: "0.1.0".into(),
            isa: "portable".into(),
            model: "lenet".into(),
            input: [1, 32, 32],
            classes: vec!["no".into(), "yes".into()],
            init_from: None,
            recipe: Recipe::for_graph(&zoo::lenet().build().unwrap()),
        }
    }

    #[test]
    fn a_run_opens_with_its_settings_and_metrics() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs/lenet");
        let run = RunDir::create(&path, config()).unwrap();
        assert_eq!(run.metrics().unwrap(), []);
        let records = [record(1, 0.5), record(2, 0.75)];
        run.write_metrics(&records[..1]).unwrap();
        run.write_metrics(&records).unwrap();
        let again = RunDir::open(&path).unwrap();
        assert_eq!(again, run);
        assert_eq!(again.metrics().unwrap(), records);
        // Nothing temporary stays.
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lenet");
        RunDir::create(&path, config()).unwrap();
        let error = RunDir::create(&path, config()).unwrap_err().to_string();
        assert!(error.contains("resume the run") && error.contains("another directory"), "{error}");
        let empty = directory.path().join("empty");
        fs::create_dir(&empty).unwrap();
        RunDir::create(&empty, config()).unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "text").unwrap();
        for path in [file.clone(), file.join("lenet")] {
            let error = RunDir::create(&path, config()).unwrap_err();
            assert!(matches!(error, TrainError::Io { .. }), "{error}");
            assert!(error.to_string().contains("file"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn fresh_names_count_up() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("lenet");
        for name in ["lenet", "lenet-2", "lenet-3"] {
            let fresh = RunDir::fresh(&base);
            assert_eq!(fresh, directory.path().join(name));
            fs::create_dir(&fresh).unwrap();
        }
    }

    #[test]
    fn what_is_no_run_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let error = RunDir::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("no training run") && error.contains("config.toml"), "{error}");
        fs::write(directory.path().join(RunDir::CONFIG), "model = 3").unwrap();
        let error = RunDir::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("config.toml"), "{error}");
    }
}
