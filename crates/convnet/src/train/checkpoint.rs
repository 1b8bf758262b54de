//! `checkpoint.safetensors`: all that is needed to go on with a run.

use std::path::Path;

use super::TrainError;
use super::progress::Progress;
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
}

/// What the names of weights and of optimizer buffers start with in the file.
const WEIGHTS: &str = "weights/";
const OPTIMIZER: &str = "optimizer/";

impl Checkpoint {
    pub(super) fn write(self, path: &Path) -> Result<(), TrainError> {
        let mut metadata = self.progress.to_metadata();
        metadata.insert("steps".into(), self.steps.to_string());
        let mut tensors = StateDict::new();
        for (prefix, state) in [(WEIGHTS, self.weights), (OPTIMIZER, self.optimizer)] {
            tensors.extend(state.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        Ok(write_tensors(path, &tensors, &metadata)?)
    }

    pub(super) fn read(path: &Path) -> Result<Self, TrainError> {
        let damaged = |reason| TrainError::Damaged { path: path.to_owned(), reason };
        let (tensors, metadata) = read_tensors(path)?;
        let (mut weights, mut optimizer) = (StateDict::new(), StateDict::new());
        for (name, tensor) in tensors {
            if let Some(name) = name.strip_prefix(WEIGHTS) {
                weights.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                optimizer.insert(name.to_owned(), tensor);
            } else {
                return Err(damaged(format!("tensor `{name}` belongs to no checkpoint")));
            }
        }
        let progress = Progress::from_metadata(&metadata).map_err(damaged)?;
        let steps = entry(&metadata, "steps").map_err(damaged)?;
        Ok(Self { weights, optimizer, steps, progress })
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
        let checkpoint = Checkpoint {
            weights: weights.clone(),
            optimizer: optimizer.clone(),
            steps: 607,
            progress: progress.clone(),
        };
        checkpoint.write(&path).unwrap();
        let read = Checkpoint::read(&path).unwrap();
        assert_eq!(
            (read.weights, read.optimizer, read.steps, read.progress),
            (weights, optimizer, 607, progress)
        );
    }

    #[test]
    fn other_files_are_no_checkpoints() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.safetensors");
        let state = StateDict::from([("a.weight".to_owned(), Tensor::full(&[1], 0.5))]);
        write_tensors(&path, &state, &Default::default()).unwrap();
        let error = Checkpoint::read(&path).err().unwrap().to_string();
        assert!(error.contains("other.safetensors") && error.contains("`a.weight`"), "{error}");
        std::fs::write(&path, "text").unwrap();
        assert!(Checkpoint::read(&path).err().unwrap().to_string().contains("other.safetensors"));
    }
}
