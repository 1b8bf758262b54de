//! The directory that a training run writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "train")]
use convnet_formats::atomic;
use convnet_formats::{read_text, sealed, stale};

use super::metrics::{longest, read_lines};
use super::new_run::NewRun;
use super::{EpochRecord, RunConfig, TrainError, version};
use crate::data::Fingerprint;
use crate::graph::Graph;

/// A run's directory and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDir {
    path: PathBuf,
    config: RunConfig,
    sealed: bool,
}

/// The longest `config.toml`: names of twenty thousand classes take less.
const MAX_CONFIG: u64 = 2 << 20;
/// The most that a network takes as text: some hundred thousand layers.
const MAX_GRAPH: u64 = 32 << 20;

impl RunDir {
    /// What the weights that training started from gave: which layers were copied from where, and which were drawn.
    pub const INIT: &'static str = "init.txt";
    /// The settings: all that is needed to repeat the run.
    pub const CONFIG: &'static str = "config.toml";
    /// The network, whatever becomes of the zoo or of the file that it was read from.
    pub const GRAPH: &'static str = "graph.toml";
    /// A line an epoch.
    pub const METRICS: &'static str = "metrics.jsonl";
    /// The same as comma-separated values.
    pub const METRICS_CSV: &'static str = "metrics.csv";
    /// The weights after the last epoch.
    pub const LAST: &'static str = "last.safetensors";
    /// The weights after the epoch that the validation images chose: that with the best top-1 accuracy on them.
    pub const BEST: &'static str = "best.safetensors";
    /// Loss and accuracy over the epochs: `.svg` and `.png`.
    pub const CURVES: &'static str = "curves";
    /// Which classes the best weights take for which: `.svg` and `.png`.
    pub const CONFUSION: &'static str = "confusion";
    /// The same as figures, with the name of every class.
    pub const CONFUSION_CSV: &'static str = "confusion.csv";
    /// All that is needed to go on with the run.
    pub const CHECKPOINT: &'static str = "checkpoint.safetensors";

    /// What is written before `config.toml`, without which a directory is no run yet.
    pub(super) const BEFORE_CONFIG: [&'static str; 2] = [Self::GRAPH, Self::DATA];

    /// Refuses a path that cannot become a new run's directory: one that exists and holds something. What a run that
    /// was stopped before its settings were written has left is nothing.
    pub fn check_new(path: &Path) -> Result<(), TrainError> {
        match left_of_a_start(path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TrainError::Exists { path: path.to_owned() }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(TrainError::io("make the run directory", path)(e)),
        }
    }

    /// Makes the directory of a new run and writes its network, the fingerprint of its data and its `config.toml`.
    ///
    /// Where that fails, no directory is left behind.
    pub fn create(
        path: &Path,
        config: RunConfig,
        net: &Graph,
        data: &Fingerprint,
    ) -> Result<Self, TrainError> {
        Ok(NewRun::claim(path)?.start(config, net, data)?.0)
    }

    /// Opens the directory of a run that was started before.
    ///
    /// # Errors
    /// If it is no run, its settings cannot be read or are not as they were written, or a newer version of this crate
    /// made it.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let file = path.join(Self::CONFIG);
        if file.symlink_metadata().is_err() {
            return Err(Self::without_config(path));
        }
        let sealed::Sealed { text, checked } = sealed::read_any(&file, MAX_CONFIG)?;
        let config: RunConfig = toml::from_str(&text)
            .map_err(|e| TrainError::Toml { path: file.clone(), reason: e.to_string() })?;
        version::check(&file, &config.convnet)?;
        if let Err(error) = config.recipe.check() {
            return Err(TrainError::Damaged { path: file, reason: error.to_string() });
        }
        Ok(Self { path: path.to_owned(), config, sealed: checked })
    }

    /// Whether a directory looks like a run: it has settings.
    pub fn is_run(path: &Path) -> bool {
        path.join(Self::CONFIG).symlink_metadata().is_ok()
    }

    fn without_config(path: &Path) -> TrainError {
        let known = [Self::CHECKPOINT, Self::METRICS, Self::LAST, Self::BEST];
        if known.iter().any(|name| path.join(name).exists()) {
            let why = "without its settings the run cannot go on";
            return TrainError::Missing { path: path.join(Self::CONFIG), why: why.into() };
        }
        match (left_of_a_start(path), path.read_dir().map(Iterator::count)) {
            (Ok(true), Ok(1..)) => TrainError::NotStarted { path: path.to_owned() },
            _ => TrainError::NotARun { path: path.to_owned(), missing: Self::CONFIG },
        }
    }

    /// The settings of a run that is about to start.
    pub(super) fn new(path: &Path, config: RunConfig) -> Self {
        Self { path: path.to_owned(), config, sealed: true }
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

    /// The network that the run trains; `None` in a run of a version that did not keep it.
    ///
    /// # Errors
    /// If its text is lost, or not as it was written.
    pub fn graph(&self) -> Result<Option<Graph>, TrainError> {
        let path = self.file(Self::GRAPH);
        if path.symlink_metadata().is_err() {
            if self.sealed {
                let why = "without its network the run cannot go on, nor its weights be used";
                return Err(TrainError::Missing { path, why: why.into() });
            }
            return Ok(None);
        }
        let text = sealed::read(&path, MAX_GRAPH)?;
        match Graph::from_toml(&text) {
            Ok(graph) => Ok(Some(graph)),
            Err(error) => Err(TrainError::Damaged { path, reason: error.to_string() }),
        }
    }

    pub(super) fn write_graph(&self, net: &Graph) -> Result<(), TrainError> {
        let path = self.file(Self::GRAPH);
        let text = net
            .to_toml()
            .map_err(|error| TrainError::Toml { path: path.clone(), reason: error.to_string() })?;
        Ok(sealed::write(&path, &text)?)
    }

    /// Whether the settings, and with them all that the run wrote, carry checksums; `false` for a run of an older
    /// version, whose files cannot be checked.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The weights to use of the run: the best, or the last of a run that was stopped before it had written the best.
    ///
    /// # Errors
    /// If no epoch is finished yet, or the best weights are lost.
    pub fn weights(&self) -> Result<PathBuf, TrainError> {
        let [best, last] = [Self::BEST, Self::LAST].map(|name| self.file(name));
        if best.exists() {
            return Ok(best);
        }
        let done = self.metrics()?.len();
        if done > 0 {
            let why = format!("metrics.jsonl tells of {done} {}", if done == 1 { "epoch" } else { "epochs" });
            return Err(TrainError::Missing { path: best, why });
        }
        if last.exists() { Ok(last) } else { Err(TrainError::NoEpoch { path: self.path.clone() }) }
    }

    /// The records of the epochs done; none where the file is not there yet.
    ///
    /// # Errors
    /// If the file cannot be read, is longer than that many epochs make it, or has a line that is no record.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>, TrainError> {
        let path = self.file(Self::METRICS);
        let text = self.metrics_text()?.unwrap_or_default();
        read_lines(&text).map_err(|reason| TrainError::Damaged { path, reason })
    }

    /// The text of the records; `None` where the file is not there.
    pub(super) fn metrics_text(&self) -> Result<Option<String>, TrainError> {
        let path = self.file(Self::METRICS);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        Ok(Some(read_text(&path, longest(self.config.recipe.epochs))?))
    }

    #[cfg(feature = "train")]
    pub(super) fn write_metrics(&self, records: &[EpochRecord]) -> Result<(), TrainError> {
        atomic::write(&self.file(Self::METRICS), super::metrics::write_lines(records).as_bytes())?;
        self.write_metrics_csv(records)
    }

    /// The file that is written behind that of the records, of which it tells nothing more.
    #[cfg(feature = "train")]
    pub(super) fn write_metrics_csv(&self, records: &[EpochRecord]) -> Result<(), TrainError> {
        Ok(atomic::write(&self.file(Self::METRICS_CSV), super::metrics::to_csv(records).as_bytes())?)
    }

    pub(super) fn write_config(&self) -> Result<(), TrainError> {
        let path = self.file(Self::CONFIG);
        let fail = |reason: String| TrainError::Toml { path: path.clone(), reason };
        let text = toml::to_string(&self.config).map_err(|e| fail(e.to_string()))?;
        if text.len() as u64 + 1024 > MAX_CONFIG {
            return Err(fail(format!(
                "the settings take {} bytes, at most {MAX_CONFIG} are read",
                text.len()
            )));
        }
        Ok(sealed::write(&path, &text)?)
    }
}

/// Whether a directory holds nothing, or only what a run that was stopped before its settings were written has left.
fn left_of_a_start(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if !stale::is_temporary(&name) && !RunDir::BEFORE_CONFIG.iter().any(|known| name == *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(feature = "train")]
#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::train::Recipe;
    use crate::train::metrics::tests::record;
    use crate::zoo;

    pub(in crate::train) fn net() -> Graph {
        zoo::lenet().input(1, 32, 32).classes(2).build().unwrap()
    }

    pub(in crate::train) fn data() -> Fingerprint {
        Fingerprint::default()
    }

    pub(in crate::train) fn config() -> RunConfig {
        RunConfig {
            convnet: "0.1.0".into(),
            isa: "portable".into(),
            model: "lenet".into(),
            input: [1, 32, 32],
            classes: vec!["no".into(), "yes".into()],
            preprocess: None,
            init_from: None,
            recipe: Recipe::for_graph(&net()),
        }
    }

    #[test]
    fn a_run_opens_with_its_settings_and_metrics() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs/lenet");
        let run = RunDir::create(&path, config(), &net(), &data()).unwrap();
        assert_eq!(run.metrics().unwrap(), []);
        let records = [record(1, 0.5), record(2, 0.75)];
        run.write_metrics(&records[..1]).unwrap();
        run.write_metrics(&records).unwrap();
        let again = RunDir::open(&path).unwrap();
        assert_eq!(again, run);
        assert_eq!(again.graph().unwrap(), Some(net()));
        assert_eq!(again.metrics().unwrap(), records);
        // Nothing temporary stays.
        assert_eq!(fs::read_dir(&path).unwrap().count(), 5);
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lenet");
        RunDir::create(&path, config(), &net(), &data()).unwrap();
        let error = RunDir::create(&path, config(), &net(), &data()).unwrap_err().to_string();
        assert!(error.contains("resume the run") && error.contains("another directory"), "{error}");
        let empty = directory.path().join("empty");
        fs::create_dir(&empty).unwrap();
        RunDir::create(&empty, config(), &net(), &data()).unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "text").unwrap();
        for path in [file.clone(), file.join("lenet")] {
            let error = RunDir::create(&path, config(), &net(), &data()).unwrap_err();
            assert!(matches!(error, TrainError::Io { .. }), "{error}");
            assert!(error.to_string().contains("file"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn damage_to_the_settings_is_told_and_an_older_run_is_accepted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lenet");
        assert!(RunDir::create(&path, config(), &net(), &data()).unwrap().is_sealed());
        let file = path.join(RunDir::CONFIG);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("epochs = 12", "epochs = 13")).unwrap();
        let error = RunDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains("checksum"), "{error}");
        let old: String =
            text.lines().filter(|line| !line.starts_with('#')).map(|l| format!("{l}\n")).collect();
        fs::write(&file, &old).unwrap();
        let run = RunDir::open(&path).unwrap();
        assert_eq!((run.config(), run.is_sealed()), (&config(), false));
        fs::write(&file, old.replace("convnet = \"0.1.0\"", "convnet = \"9.0.1\"")).unwrap();
        let error = RunDir::open(&path).unwrap_err();
        assert!(matches!(&error, TrainError::Newer { version, .. } if version == "9.0.1"), "{error}");
    }

    #[test]
    fn what_is_missing_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lenet");
        let run = RunDir::create(&path, config(), &net(), &data()).unwrap();
        assert!(matches!(run.weights(), Err(TrainError::NoEpoch { .. })));
        fs::write(run.file(RunDir::LAST), "").unwrap();
        assert_eq!(run.weights().unwrap(), run.file(RunDir::LAST));
        run.write_metrics(&[record(1, 0.5)]).unwrap();
        let error = run.weights().unwrap_err().to_string();
        assert!(error.contains("best.safetensors") && error.contains("1 epoch"), "{error}");
        fs::remove_file(run.file(RunDir::CONFIG)).unwrap();
        let error = RunDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains("missing"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_files_beyond_any_size_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lenet");
        let run = RunDir::create(&path, config(), &net(), &data()).unwrap();
        let metrics = run.file(RunDir::METRICS);
        assert!(std::process::Command::new("mkfifo").arg(&metrics).status().unwrap().success());
        let error = run.metrics().unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl") && error.contains("a pipe"), "{error}");
        fs::remove_file(&metrics).unwrap();
        fs::write(&metrics, vec![b'\n'; 13 * 1024 + 1]).unwrap();
        let error = run.metrics().unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl") && error.contains("at most 13312"), "{error}");
        let file = run.file(RunDir::CONFIG);
        fs::remove_file(&file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        let error = RunDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("config.toml") && error.contains("a pipe"), "{error}");
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
