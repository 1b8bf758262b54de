//! `checkpoint.safetensors`: all that is needed to go on with a run.

use std::path::Path;

use convnet_formats::safetensors;

use super::progress::Progress;
use super::{Confusion, TrainError, version};
use crate::io::{entry, read_tensors, write_tensors};
use crate::state::{StateDict, Tensor};

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
    /// Which classes the best weights took for which, from which the chart is drawn again.
    pub(super) confusion: Option<Confusion>,
    /// The checksum of the epochs' lines in `metrics.jsonl`; `None` in one of an older version.
    pub(super) metrics: Option<String>,
}

/// What the names of weights and of optimizer buffers start with in the file.
const WEIGHTS: &str = "weights/";
const OPTIMIZER: &str = "optimizer/";
/// The counts of [`Confusion`]: a row for each pair of classes that has images, truth, predicted and how many.
const CONFUSION: &str = "confusion";
/// The largest number that float32 holds exactly, as all below it.
const MAX_COUNT: u32 = 1 << 24;

impl Checkpoint {
    pub(super) fn write(self, path: &Path) -> Result<(), TrainError> {
        let mut metadata = self.progress.to_metadata();
        metadata.insert("convnet".into(), version::OWN.into());
        metadata.insert("steps".into(), self.steps.to_string());
        metadata.extend(self.metrics.map(|sum| ("metrics".to_owned(), sum)));
        let mut tensors = StateDict::new();
        for (prefix, state) in [(WEIGHTS, self.weights), (OPTIMIZER, self.optimizer)] {
            tensors.extend(state.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        // A chart of more images or classes than that is not drawn again.
        let fits = |matrix: &Confusion| {
            matrix.classes() <= MAX_COUNT as usize && matrix.counts().all(|(.., images)| images <= MAX_COUNT)
        };
        if let Some(matrix) = self.confusion.filter(fits) {
            let row = |(truth, predicted, images)| [truth as f32, predicted as f32, images as f32];
            let data: Vec<f32> = matrix.counts().flat_map(row).collect();
            tensors.insert(CONFUSION.into(), Tensor { shape: vec![data.len() / 3, 3], data });
        }
        Ok(write_tensors(path, &tensors, &metadata)?)
    }

    /// Reads a checkpoint of a run with so many classes; one without a checksum where `sealed` says that the run has
    /// them is damaged.
    pub(super) fn read(path: &Path, classes: usize, sealed: bool) -> Result<Self, TrainError> {
        let damaged = |reason| TrainError::Damaged { path: path.to_owned(), reason };
        let (tensors, metadata) = read_tensors(path)?;
        if sealed && !metadata.contains_key(safetensors::CHECKSUM) {
            return Err(damaged("it has no checksum, which it was written with".into()));
        }
        if let Some(version) = metadata.get("convnet") {
            version::check(path, version)?;
        }
        let (mut weights, mut optimizer, mut confusion) = (StateDict::new(), StateDict::new(), None);
        for (name, tensor) in tensors {
            if let Some(name) = name.strip_prefix(WEIGHTS) {
                weights.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                optimizer.insert(name.to_owned(), tensor);
            } else if name == CONFUSION {
                confusion = Some(matrix(&tensor, classes).map_err(damaged)?);
            } else {
                return Err(damaged(format!("tensor `{name}` belongs to no checkpoint")));
            }
        }
        let progress = Progress::from_metadata(&metadata).map_err(damaged)?;
        let steps = entry(&metadata, "steps").map_err(damaged)?;
        let metrics = metadata.get("metrics").cloned();
        Ok(Self { weights, optimizer, steps, progress, confusion, metrics })
    }
}

fn matrix(tensor: &Tensor, classes: usize) -> Result<Confusion, String> {
    let whole = |x: f32| (x == x as u32 as f32).then_some(x as u32);
    let row = |row: &[f32]| Some((whole(row[0])? as usize, whole(row[1])? as usize, whole(row[2])?));
    let rows: Option<Vec<_>> = match tensor.shape[..] {
        [_, 3] if classes <= MAX_COUNT as usize => tensor.data.chunks_exact(3).map(row).collect(),
        _ => None,
    };
    rows.and_then(|rows| Confusion::of(classes, rows)).ok_or_else(|| {
        format!("tensor `{CONFUSION}` of shape {:?} does not count pairs of {classes} classes", tensor.shape)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint.safetensors");
        let weights = StateDict::from([("a.weight".to_owned(), Tensor::full(&[2, 3], 0.5))]);
        let optimizer = StateDict::from([("a.weight/momentum".to_owned(), Tensor::full(&[2, 3], -1.0))]);
        let progress = Progress { epoch: 3, step: 7, loss: 0.1 + 0.2, ..Progress::default() };
        let confusion = Confusion::of(2, [(0, 0, 7), (1, 0, 1), (1, 1, 16_777_216)]);
        let checkpoint = Checkpoint {
            weights: weights.clone(),
            optimizer: optimizer.clone(),
            steps: 607,
            progress: progress.clone(),
            confusion: confusion.clone(),
            metrics: Some("crc32:00000000".into()),
        };
        checkpoint.write(&path).unwrap();
        let read = Checkpoint::read(&path, 2, true).unwrap();
        assert_eq!(
            (read.weights, read.optimizer, read.steps, read.progress, read.confusion),
            (weights, optimizer, 607, progress, confusion)
        );
        assert_eq!(read.metrics.as_deref(), Some("crc32:00000000"));
        let error = Checkpoint::read(&path, 1, true).err().unwrap().to_string();
        assert!(error.contains("`confusion` of shape [3, 3] does not count pairs of 1 classes"), "{error}");
    }

    #[test]
    fn other_files_are_no_checkpoints() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.safetensors");
        let state = StateDict::from([("a.weight".to_owned(), Tensor::full(&[1], 0.5))]);
        write_tensors(&path, &state, &Default::default()).unwrap();
        let told = |sealed| Checkpoint::read(&path, 2, sealed).err().unwrap().to_string();
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
