//! `checkpoint.safetensors`: all that is needed to go on with a run.

use std::collections::BTreeMap;
use std::path::Path;

use convnet_formats::safetensors;

use super::progress::Progress;
use super::{TrainError, version};
use crate::io::{entry, read_tensors, write_tensors};
use crate::state::StateDict;

/// A run between two steps.
pub(super) struct Checkpoint {
    /// Parameters and buffers.
    pub(super) weights: StateDict,
    /// The optimizer's buffers.
    pub(super) optimizer: StateDict,
    /// Steps done since the start of the run.
    pub(super) steps: u64,
    /// Where in its epoch the run is.
    pub(super) progress: Progress,
    /// The moving average of parameters and buffers, where one is kept.
    pub(super) average: Option<StateDict>,
    /// The checksum of the epochs' lines in `metrics.jsonl`; `None` in one of an older version.
    pub(super) metrics: Option<String>,
}

/// What the names of weights and of optimizer buffers start with in the file.
const WEIGHTS: &str = "weights/";
const OPTIMIZER: &str = "optimizer/";
const AVERAGE: &str = "average/";

impl Checkpoint {
    pub(super) fn write(self, path: &Path) -> Result<(), TrainError> {
        let (tensors, metadata) = self.into_parts();
        Ok(write_tensors(path, &tensors, &metadata)?)
    }

    /// Its tensors, and what stands beside them.
    pub(super) fn into_parts(self) -> (StateDict, BTreeMap<String, String>) {
        let mut metadata = self.progress.to_metadata();
        metadata.insert("convnet".into(), version::OWN.into());
        metadata.insert("steps".into(), self.steps.to_string());
        metadata.extend(self.metrics.map(|sum| ("metrics".to_owned(), sum)));
        let mut tensors = StateDict::new();
        let average = self.average.unwrap_or_default();
        for (prefix, state) in [(WEIGHTS, self.weights), (OPTIMIZER, self.optimizer), (AVERAGE, average)] {
            tensors.extend(state.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        (tensors, metadata)
    }

    /// Reads a checkpoint; one without a checksum where `sealed` says that the run has them is damaged.
    pub(super) fn read(path: &Path, sealed: bool) -> Result<Self, TrainError> {
        let damaged = |reason| TrainError::Damaged { path: path.to_owned(), reason };
        let (tensors, metadata) = read_tensors(path)?;
        if sealed && !metadata.contains_key(safetensors::CHECKSUM) {
            return Err(damaged("it has no checksum, which it was written with".into()));
        }
        if let Some(version) = metadata.get("convnet") {
            version::check(path, version)?;
        }
        Self::of_parts((tensors, &metadata)).map_err(damaged)
    }

    /// Puts it together, or tells what does not fit.
    pub(super) fn of_parts(
        (tensors, metadata): (StateDict, &BTreeMap<String, String>),
    ) -> Result<Self, String> {
        let (mut weights, mut optimizer, mut average) =
            (StateDict::new(), StateDict::new(), StateDict::new());
        for (name, tensor) in tensors {
            if let Some(name) = name.strip_prefix(WEIGHTS) {
                weights.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                optimizer.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(AVERAGE) {
                average.insert(name.to_owned(), tensor);
            } else {
                return Err(format!("tensor `{name}` belongs to no checkpoint"));
            }
        }
        let progress = Progress::from_metadata(metadata)?;
        let steps = entry(metadata, "steps")?;
        let metrics = metadata.get("metrics").cloned();
        let average = (!average.is_empty()).then_some(average);
        Ok(Self { weights, optimizer, average, steps, progress, metrics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Tensor;

    #[test]
    fn a_checkpoint_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint.safetensors");
        let weights = StateDict::from([("a.weight".to_owned(), Tensor::full(&[2, 3], 0.5))]);
        let optimizer = StateDict::from([("a.weight/momentum".to_owned(), Tensor::full(&[2, 3], -1.0))]);
        let progress = Progress { epoch: 3, step: 7, loss: 0.1 + 0.2, ..Progress::default() };
        let average = Some(StateDict::from([("a.weight".to_owned(), Tensor::full(&[2, 3], 0.25))]));
        let checkpoint = Checkpoint {
            weights: weights.clone(),
            optimizer: optimizer.clone(),
            steps: 607,
            progress: progress.clone(),
            average: average.clone(),
            metrics: Some("crc32:00000000".into()),
        };
        checkpoint.write(&path).unwrap();
        let read = Checkpoint::read(&path, true).unwrap();
        assert_eq!(
            (read.weights, read.optimizer, read.steps, read.progress, read.average),
            (weights, optimizer, 607, progress, average)
        );
        assert_eq!(read.metrics.as_deref(), Some("crc32:00000000"));
    }

    #[test]
    fn other_files_are_no_checkpoints() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.safetensors");
        let state = StateDict::from([("a.weight".to_owned(), Tensor::full(&[1], 0.5))]);
        write_tensors(&path, &state, &Default::default()).unwrap();
        let told = |sealed| Checkpoint::read(&path, sealed).err().unwrap().to_string();
        assert!(
            told(true).contains("other.safetensors") && told(true).contains("`a.weight`"),
            "{}",
            told(true)
        );
        std::fs::write(&path, "text").unwrap();
        assert!(told(false).contains("other.safetensors"));
        let newer = [("convnet".to_owned(), "99.0.0".to_owned())].into();
        write_tensors(&path, &StateDict::new(), &newer).unwrap();
        assert!(told(true).contains("99.0.0, which is newer"), "{}", told(true));
        let file = safetensors::File::default();
        safetensors::write(&path, &file).unwrap();
        assert!(told(true).contains("no checksum"), "{}", told(true));
        assert!(told(false).contains("no `epoch`"), "{}", told(false));
    }
}
