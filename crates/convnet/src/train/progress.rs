//! How far a run is: what a checkpoint keeps besides weights and optimizer state.

use std::collections::BTreeMap;

use super::RunLength;
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
    /// Seconds of these that it waited for images.
    pub(super) wait_seconds: f64,
    /// Seconds that the epoch has trained and evaluated.
    pub(super) seconds: f64,
    /// The best top-1 accuracy on the validation images so far; `None` before the first epoch's end, or without any.
    pub(super) best: Option<f64>,
}

impl Progress {
    /// The epoch that the last step was of: what it froze is what the step that saved the run freezes.
    pub(super) fn phase(&self) -> usize {
        if self.step == 0 { self.epoch.saturating_sub(1) } else { self.epoch }
    }

    /// Starts the next epoch.
    pub(super) fn next_epoch(&mut self) {
        *self = Self { epoch: self.epoch + 1, best: self.best, ..Self::default() };
    }

    /// Tells what cannot be of a run of this length on so many training images, so many a step, that has done so many
    /// steps.
    pub(super) fn check(
        &self,
        steps: u64,
        length: RunLength,
        images: usize,
        batch: usize,
    ) -> Result<(), String> {
        let Self { epoch, step, loss, correct, .. } = *self;
        let RunLength { steps_per_epoch, total } = length;
        let (epochs, done) = (total.div_ceil(steps_per_epoch.max(1)), epoch as u64);
        if done > epochs || (done == epochs && step > 0) {
            return Err(format!("it is in epoch {} of {epochs}", done.saturating_add(1)));
        }
        if step as u64 > steps_per_epoch {
            return Err(format!("it is at step {step} of the epoch's {steps_per_epoch}"));
        }
        let expected = (done * steps_per_epoch + step as u64).min(total);
        if steps != expected {
            return Err(format!(
                "it has done {steps} steps, expected {expected} after {epoch} epochs and {step}"
            ));
        }
        let seen = step.saturating_mul(batch).min(images);
        if self.images != seen || correct > seen {
            let found = format!("{correct} of {} images classified rightly", self.images);
            return Err(format!("it has {found}, expected {seen} images after {step} steps of {batch}"));
        }
        let fractions = self.best.is_none_or(|best| (0.0..=1.0).contains(&best));
        let times = [self.train_seconds, self.wait_seconds, self.seconds];
        if !(loss.is_finite() && fractions && times.iter().all(|x| x.is_finite() && *x >= 0.0)) {
            return Err("it has a loss, an accuracy or a time out of its range".to_owned());
        }
        Ok(())
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
            ("wait_seconds", format!("{:?}", self.wait_seconds)),
            ("seconds", format!("{:?}", self.seconds)),
        ];
        if let Some(best) = self.best {
            entries.push(("best", format!("{best:?}")));
        }
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads a checkpoint's metadata, or tells what is wrong with it.
    pub(super) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let optional = |key| metadata.contains_key(key).then(|| entry(metadata, key)).transpose();
        let best = optional("best")?;
        Ok(Self {
            epoch: entry(metadata, "epoch")?,
            step: entry(metadata, "step")?,
            loss: entry(metadata, "loss")?,
            correct: entry(metadata, "correct")?,
            images: entry(metadata, "images")?,
            train_seconds: entry(metadata, "train_seconds")?,
            // Versions before this one did not measure it.
            wait_seconds: optional("wait_seconds")?.unwrap_or_default(),
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
            let (train_seconds, wait_seconds) = (seconds, seconds);
            let progress =
                Progress { epoch, step, loss, correct, images, train_seconds, wait_seconds, seconds, best };
            prop_assert_eq!(Progress::from_metadata(&progress.to_metadata()), Ok(progress));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        // 100 images in batches of 16, three epochs, ended after 20 steps.
        let length = RunLength { steps_per_epoch: 7, total: 20 };
        let check = |steps: u64, progress: &Progress| progress.check(steps, length, 100, 16);
        let at = |epoch, step, images| Progress { epoch, step, images, ..Progress::default() };
        for (steps, progress) in [(0, at(0, 0, 0)), (7, at(0, 7, 100)), (9, at(1, 2, 32)), (20, at(3, 0, 0))]
        {
            check(steps, &progress).unwrap();
        }
        for (steps, progress, part) in [
            (20, at(99, 0, 0), "epoch 100 of 3"),
            (20, at(3, 1, 16), "epoch 4 of 3"),
            (15, at(1, 8, 100), "step 8 of the epoch's 7"),
            (10, at(1, 2, 32), "10 steps, expected 9"),
            (9, at(1, 2, 33), "expected 32 images"),
            (9, Progress { correct: 33, ..at(1, 2, 32) }, "33 of 32 images"),
            (9, Progress { loss: f64::NAN, ..at(1, 2, 32) }, "out of its range"),
            (9, Progress { best: Some(1.5), ..at(1, 2, 32) }, "out of its range"),
            (9, Progress { seconds: -1.0, ..at(1, 2, 32) }, "out of its range"),
            (u64::MAX, at(usize::MAX, 0, 0), "of 3"),
        ] {
            let told = check(steps, &progress).unwrap_err();
            assert!(told.contains(part), "{told}");
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
