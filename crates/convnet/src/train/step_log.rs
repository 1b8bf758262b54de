//! `steps.jsonl`: a line for some of a run's steps.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use convnet_formats::{FormatError, atomic};
use serde::{Deserialize, Serialize};

use super::{Callback, Control, LogFailure, RunStart, StepProgress};

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step, counted from 1 at the start of the run.
    pub step: u64,
    /// Its epoch, counted from 1.
    pub epoch: usize,
    /// The mean loss of its images.
    pub loss: f64,
    /// Its learning rate.
    pub lr: f64,
    /// Training images a second in its epoch so far.
    pub images_per_second: f64,
}

/// A [`Callback`] that appends a line of JSON for every so many steps. A run that goes on cuts the file back to where it
/// goes on from, so that no step is there twice and none is lost.
pub struct StepLog {
    path: PathBuf,
    every: u64,
    file: Option<File>,
    failure: LogFailure,
}

impl StepLog {
    /// Writes a file, for each step whose number, counted from 1, is a multiple of `every`, and the first one.
    pub fn new(path: impl Into<PathBuf>, every: u64) -> Self {
        Self { path: path.into(), every: every.max(1), file: None, failure: LogFailure::default() }
    }

    /// Where to ask afterwards what could not be written. After an error nothing more is.
    pub fn failure(&self) -> LogFailure {
        self.failure.clone()
    }

    /// Opens the file behind the lines of so many steps.
    fn open(&self, steps: u64) -> Result<File, FormatError> {
        let fail =
            |error: io::Error| FormatError::Io { action: "write", path: self.path.clone(), source: error };
        let kept = if steps == 0 { Vec::new() } else { kept(&self.path, steps).map_err(fail)? };
        atomic::write(&self.path, &kept)?;
        OpenOptions::new().append(true).open(&self.path).map_err(fail)
    }
}

/// The lines of steps up to this one; what is no line any more, as a killed process leaves it, is none.
fn kept(path: &Path, steps: u64) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
        file => file?,
    };
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        match serde_json::from_slice::<StepRecord>(&line) {
            Ok(record) if record.step <= steps => {
                kept.extend(line);
                kept.push(b'\n');
            }
            _ => break,
        }
    }
    Ok(kept)
}

impl Callback for StepLog {
    fn start(&mut self, start: &RunStart, _: &mut Control<'_>) {
        let done = start.records.last().map_or(0, |record| record.steps) + start.steps_done as u64;
        self.file = self.failure.keep(self.open(done));
    }

    fn step(&mut self, step: &StepProgress, _: &mut Control<'_>) {
        if !(step.total_steps == 1 || step.total_steps.is_multiple_of(self.every)) {
            return;
        }
        let record = StepRecord {
            step: step.total_steps,
            epoch: step.epoch,
            loss: step.batch_loss,
            lr: step.lr,
            images_per_second: step.images as f64 / step.seconds.max(1e-9),
        };
        // A struct of numbers always has a JSON form.
        if let Some(mut file) = self.file.take()
            && let Ok(mut line) = serde_json::to_vec(&record)
        {
            line.push(b'\n');
            let written = file.write_all(&line);
            let fail = |error| FormatError::Io { action: "write", path: self.path.clone(), source: error };
            self.file = self.failure.keep(written.map_err(fail)).map(|()| file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_behind_the_checkpoint_and_broken_ones_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let line = |step| {
            let record = StepRecord { step, epoch: 1, loss: 0.5, lr: 0.1, images_per_second: 9.0 };
            serde_json::to_string(&record).unwrap() + "\n"
        };
        let text: String = [1, 10, 20, 30].map(line).concat();
        fs::write(&path, format!("{text}{{\"step\":40,")).unwrap();
        let log = StepLog::new(&path, 10);
        for (steps, lines) in [(99, 4), (25, 3), (20, 3), (19, 2), (0, 0)] {
            drop(log.open(steps).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), lines, "{steps} steps");
        }
        drop(StepLog::new(folder.path().join("new.jsonl"), 10).open(30).unwrap());
        let error = StepLog::new(folder.path().join("none/steps.jsonl"), 10).open(0).unwrap_err();
        assert!(error.to_string().contains("steps.jsonl"), "{error}");
    }
}
