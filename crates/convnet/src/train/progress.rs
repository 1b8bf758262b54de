//! How far a run is: what a checkpoint keeps besides weights and optimizer state.

use std::collections::BTreeMap;

use crate::io::entry;

/// The state of a run between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// Epochs done; the number of the one under way, counted from 0.
    pub(super) epoch: usize,
    /// Steps done of the epoch under way.
    pub(super) step: usize,
    /// Sum of the losses of the epoch's images.
    pub(super) loss: f64,
    /// The epoch's images that were classified rightly.
    pub(super) correct: usize,
    /// Images of the epoch.
    pub(super) images: usize,
    /// Seconds that the epoch has trained.
    pub(super) train_seconds: f64,
    /// Seconds that the epoch has trained and evaluated.
    pub(super) seconds: f64,
    /// The best top-1 accuracy on the test images so far; `None` before the first epoch's end.
    pub(super) best: Option<f64>,
}

impl Progress {
    /// Starts the next epoch.
    pub(super) fn next_epoch(&mut self) {
        *self = Self { epoch: self.epoch + 1, best: self.best, ..Self::default() };
    }

    /// As a checkpoint's metadata, from which [`Progress::from_metadata`] gives the same bits.
    pub(super) fn to_metadata(&self) -> BTreeMap<String, String> {
        // `{:?}` of a float is the shortest text that reads back as the same number.
        let mut entries = vec![
            ("epoch", self.epoch.to_string()),
            ("step", self.step.to_string()),
            ("loss", format!("{:?}", self.loss)),
            ("correct", self.correct.to_string()),
            ("images", self.images.to_string()),
            ("train_seconds", format!("{:?}", self.train_seconds)),
            ("seconds", format!("{:?}", self.seconds)),
        ];
        if let Some(best) = self.best {
            entries.push(("best", format!("{best:?}")));
        }
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads a checkpoint's metadata, or tells what is wrong with it.
    pub(super) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let best = metadata.contains_key("best").then(|| entry(metadata, "best")).transpose()?;
        Ok(Self {
            epoch: entry(metadata, "epoch")?,
            step: entry(metadata, "step")?,
            loss: entry(metadata, "loss")?,
            correct: entry(metadata, "correct")?,
            images: entry(metadata, "images")?,
            train_seconds: entry(metadata, "train_seconds")?,
            seconds: entry(metadata, "seconds")?,
            best,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn metadata_gives_the_same_bits(
            loss in any::<f64>().prop_filter("not a number", |x| !x.is_nan()),
            seconds in 0.0..1e9_f64,
            (epoch, step, correct) in (0..1000_usize, 0..1000_usize, 0..60_000_usize),
            best in prop::option::of(0.0..1.0_f64),
        ) {
            let images = 60_000;
            let progress =
                Progress { epoch, step, loss, correct, images, train_seconds: seconds, seconds, best };
            prop_assert_eq!(Progress::from_metadata(&progress.to_metadata()), Ok(progress));
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let mut metadata = Progress::default().to_metadata();
        metadata.insert("step".into(), "-1".into());
        assert!(Progress::from_metadata(&metadata).unwrap_err().contains("`step` in its metadata is `-1`"));
        metadata.remove("step");
        assert!(Progress::from_metadata(&metadata).unwrap_err().contains("no `step`"));
    }
}
