//! `filters.safetensors`: the filters of the first convolution over the epochs of a run.

use super::{RunDir, TrainError};
use crate::graph::Graph;
use crate::io::{read_tensors, write_tensors};
use crate::ops::Op;
use crate::state::{StateDict, Tensor};

/// Epochs of a run whose filters are kept, about.
const MOST: usize = 16;
/// Filters that take more floats are not kept.
const LARGEST: usize = 1 << 16;

impl RunDir {
    /// The filters of the first convolution over the epochs.
    pub const FILTERS: &'static str = "filters.safetensors";

    /// The filters of the first convolution, (O, I, kH, kW), before training (0) and after some of the epochs, in their order;
    /// none where the network reads neither grey nor colour images, or the run keeps none.
    ///
    /// # Errors
    /// If the file cannot be read, or holds something else.
    pub fn filters(&self) -> Result<Vec<(usize, Tensor)>, TrainError> {
        let path = self.file(Self::FILTERS);
        if path.symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        let damaged = |reason| TrainError::Damaged { path: path.clone(), reason };
        let (tensors, _) = read_tensors(&path)?;
        let mut filters = Vec::new();
        for (name, tensor) in tensors {
            let epoch = name.parse().map_err(|_| damaged(format!("tensor `{name}` is of no epoch")))?;
            let [_, 1 | 3, height, width] = tensor.shape[..] else {
                return Err(damaged(format!("the filters of epoch {epoch} are {:?}", tensor.shape)));
            };
            if tensor.data.is_empty() || height * width == 0 {
                return Err(damaged(format!("epoch {epoch} has no filters")));
            }
            filters.push((epoch, tensor));
        }
        filters.sort_by_key(|(epoch, _)| *epoch);
        Ok(filters)
    }
}

/// What a run keeps of its filters while it goes on.
pub(super) struct FilterHistory {
    /// The name of their tensor.
    name: String,
    epochs: StateDict,
    /// Whether the file holds something else.
    is_stale: bool,
}

impl FilterHistory {
    /// That of a run some of whose epochs are done; `None` for a network whose filters are no pictures. Pictures that cannot be
    /// read keep no run from going on: `notes` tells of them.
    pub(super) fn open(run: &RunDir, net: &Graph, done: usize, notes: &mut Vec<String>) -> Option<Self> {
        let name = first(net)?;
        let (mut kept, mut is_stale) = match run.filters() {
            Ok(kept) => (kept, false),
            Err(error) => {
                notes.push(format!("{error}; filters are kept anew from here"));
                (Vec::new(), true)
            }
        };
        let before = kept.len();
        kept.retain(|(epoch, _)| *epoch <= done);
        is_stale |= kept.len() < before;
        let epochs = kept.into_iter().map(|(epoch, filters)| (epoch.to_string(), filters)).collect();
        Some(Self { name, epochs, is_stale })
    }

    /// Takes what came after the checkpoint that the run goes on from, or cannot be read, out of the file.
    pub(super) fn forget(&mut self, run: &RunDir) -> Result<(), TrainError> {
        if std::mem::take(&mut self.is_stale) {
            write_tensors(&run.file(RunDir::FILTERS), &self.epochs, &Default::default())?;
        }
        Ok(())
    }

    /// An epoch is done, of so many; 0 before the first.
    pub(super) fn add(
        &mut self,
        run: &RunDir,
        (epoch, epochs): (usize, usize),
        weights: &StateDict,
    ) -> Result<(), TrainError> {
        let every = epochs.div_ceil(MOST).max(1);
        if epoch > 1 && epoch != epochs && !epoch.is_multiple_of(every) {
            return Ok(());
        }
        if let Some(filters) = weights.get(&self.name) {
            self.epochs.insert(epoch.to_string(), filters.clone());
            write_tensors(&run.file(RunDir::FILTERS), &self.epochs, &Default::default())?;
        }
        Ok(())
    }
}

/// The name of the first convolution's weights, if they are filters of grey or colour images.
fn first(net: &Graph) -> Option<String> {
    let conv = net.ids().find(|id| matches!(net.node(*id).op, Op::Conv2d(_)))?;
    let weight = net.node_parameters(conv).into_iter().next()?;
    let fits = matches!(weight.shape[..], [_, 1 | 3, _, _]) && weight.elements() <= LARGEST;
    fits.then_some(weight.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state;
    use crate::train::run_dir::tests::{config, data, net};

    fn run(directory: &std::path::Path) -> RunDir {
        RunDir::create(&directory.join("run"), config(), &net(), &data()).unwrap()
    }

    #[test]
    fn some_epochs_are_kept_and_what_comes_after_a_checkpoint_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let run = run(directory.path());
        assert_eq!(run.filters().unwrap(), []);
        let mut history = FilterHistory::open(&run, &net(), 0, &mut Vec::new()).unwrap();
        let weights = |seed| state::initialize(&net(), seed);
        for epoch in 0..=40 {
            history.add(&run, (epoch, 40), &weights(epoch as u64)).unwrap();
        }
        let kept = run.filters().unwrap();
        let epochs: Vec<usize> = kept.iter().map(|(epoch, _)| *epoch).collect();
        assert_eq!(epochs, [0, 1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 40]);
        assert_eq!(kept[3].1, weights(6)["conv.0.weight"]);
        let bytes = std::fs::read(run.file(RunDir::FILTERS)).unwrap();
        // A run that goes on from the end of epoch 7 forgets what came after it, and writes the same again.
        let mut again = FilterHistory::open(&run, &net(), 7, &mut Vec::new()).unwrap();
        again.forget(&run).unwrap();
        assert_eq!(run.filters().unwrap().last().unwrap().0, 6);
        (8..=40).for_each(|epoch| again.add(&run, (epoch, 40), &weights(epoch as u64)).unwrap());
        assert_eq!(std::fs::read(run.file(RunDir::FILTERS)).unwrap(), bytes);
    }

    #[test]
    fn what_is_no_history_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let run = run(directory.path());
        let told = |name: &str, shape: &[usize]| {
            let state = StateDict::from([(name.to_owned(), Tensor::full(shape, 0.5))]);
            write_tensors(&run.file(RunDir::FILTERS), &state, &Default::default()).unwrap();
            run.filters().unwrap_err().to_string()
        };
        assert!(told("first", &[6, 1, 5, 5]).contains("`first` is of no epoch"));
        assert!(told("3", &[6, 2, 5, 5]).contains("[6, 2, 5, 5]"));
        assert!(told("3", &[0, 1, 5, 5]).contains("epoch 3 has no filters"));
        std::fs::write(run.file(RunDir::FILTERS), "text").unwrap();
        assert!(run.filters().unwrap_err().to_string().contains("filters.safetensors"));
        let mut notes = Vec::new();
        let mut history = FilterHistory::open(&run, &net(), 3, &mut notes).unwrap();
        history.forget(&run).unwrap();
        assert_eq!(run.filters().unwrap(), []);
        assert!(notes[0].contains("anew"), "{notes:?}");
    }
}
