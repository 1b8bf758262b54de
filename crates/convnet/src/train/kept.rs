//! `checkpoints/`: earlier states of a run, from which it can go on too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::atomic;

use super::checkpoint::Checkpoint;
use super::metrics::{read_lines, write_lines};
use super::{RunDir, TrainError};

impl RunDir {
    /// The folder of the states that are kept besides the latest.
    pub const CHECKPOINTS: &'static str = "checkpoints";

    /// The states that are kept, oldest first.
    pub fn kept_checkpoints(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(self.file(Self::CHECKPOINTS)) else { return Vec::new() };
        let paths = folder.flatten().map(|entry| entry.path());
        let mut kept: Vec<(u64, PathBuf)> = paths.filter_map(|path| Some((step_of(&path)?, path))).collect();
        kept.sort();
        kept.into_iter().map(|(_, path)| path).collect()
    }
}

/// The step in a kept checkpoint's name.
fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

/// The best weights of the time of a kept checkpoint.
pub(super) fn best_beside(checkpoint: &Path) -> PathBuf {
    checkpoint.with_extension("best")
}

/// Keeps the checkpoint that was just written, and the best weights of now, under the number of its step; of those kept
/// before only the latest stay, so that there are `count`. With one there is none but the latest itself.
pub(super) fn keep(run: &RunDir, step: u64, count: usize) -> Result<(), TrainError> {
    if count < 2 {
        return Ok(());
    }
    let folder = run.file(RunDir::CHECKPOINTS);
    fs::create_dir_all(&folder).map_err(TrainError::io("make", &folder))?;
    let path = folder.join(format!("step-{step}.safetensors"));
    link(&run.file(RunDir::CHECKPOINT), &path)?;
    let best = run.file(RunDir::BEST);
    if best.exists() {
        link(&best, &best_beside(&path))?;
    }
    let kept = run.kept_checkpoints();
    for old in &kept[..kept.len().saturating_sub(count)] {
        remove(old)?;
        remove(&best_beside(old))?;
    }
    Ok(())
}

/// Takes a run back to a checkpoint that it kept: what was done after it is forgotten.
///
/// # Errors
/// If the checkpoint is damaged or a file cannot be written. The run can be taken back again then.
pub(super) fn rewind(run: &RunDir, checkpoint: &Path) -> Result<(), TrainError> {
    let then = Checkpoint::read(checkpoint, run.is_sealed())?;
    let path = run.file(RunDir::METRICS);
    let epochs = then.progress.epoch;
    if let Some(text) = run.metrics_text()? {
        let lines: String = text.split_inclusive('\n').take(epochs).collect();
        let damaged = |reason| TrainError::Damaged { path: path.clone(), reason };
        let records = read_lines(&lines).map_err(damaged)?;
        atomic::write(&path, write_lines(&records).as_bytes())?;
    }
    remove(&run.file(RunDir::RESULT))?;
    let best = best_beside(checkpoint);
    if best.exists() {
        link(&best, &run.file(RunDir::BEST))?;
    }
    link(checkpoint, &run.file(RunDir::CHECKPOINT))?;
    for later in run.kept_checkpoints().into_iter().filter(|kept| step_of(kept) > step_of(checkpoint)) {
        remove(&later)?;
        remove(&best_beside(&later))?;
    }
    Ok(())
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), TrainError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(TrainError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A second name for a file, which is never written again but replaced; a copy where the file system knows no such
/// names.
fn link(from: &Path, to: &Path) -> Result<(), TrainError> {
    remove(to)?;
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).map_err(TrainError::io("copy to", to))?;
    }
    Ok(())
}
