//! `result.json`: what a run that is done came to.

use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
use super::judged::Judged;
use super::{RunDir, TrainError};

/// What the chosen weights of a run are worth, measured once, at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The epoch whose weights were chosen, counted from 1.
    pub epoch: usize,
    /// Epochs done.
    pub epochs: usize,
    /// The images that they were measured on.
    pub measured_on: Measured,
    /// How many.
    pub images: usize,
    /// The fraction that was classified rightly.
    pub top1: f64,
    /// The fraction whose class was among the five likeliest.
    pub top5: f64,
    /// The mean loss.
    pub loss: f64,
    /// The mean average precision, where images have several classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<f64>,
    /// Whether the run ended before its last epoch since it did not get better.
    pub stopped_early: bool,
}

/// Images that weights are measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// Test images, by which nothing was chosen.
    Test,
    /// Validation images, by which the epoch was chosen: there are no others.
    Validation,
    /// Training images: there are no others.
    Training,
}

impl Measured {
    /// `test`, `validation` or `training`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Training => "training",
        }
    }
}

impl Outcome {
    #[cfg(feature = "train")]
    pub(super) fn new(
        (epoch, epochs): (usize, usize),
        measured_on: Measured,
        judged: &Judged,
        stopped_early: bool,
    ) -> Self {
        let &Judged { images, top1, top5, loss, .. } = judged;
        let map = judged.mean_average_precision();
        Self { epoch, epochs, measured_on, images, top1, top5, loss, map, stopped_early }
    }
}

/// The longest `result.json`.
const MAX_BYTES: u64 = 1 << 20;

impl RunDir {
    /// What a run that is done came to.
    pub const RESULT: &'static str = "result.json";

    /// What the run came to; `None` if it is not done, or of a version that did not tell.
    ///
    /// # Errors
    /// If the file cannot be read or is not as it was written.
    pub fn outcome(&self) -> Result<Option<Outcome>, TrainError> {
        let path = self.file(Self::RESULT);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let text = convnet_formats::read_text(&path, MAX_BYTES)?;
        let damaged = |error: serde_json::Error| TrainError::Damaged { path, reason: error.to_string() };
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }

    #[cfg(feature = "train")]
    pub(super) fn write_outcome(&self, outcome: &Outcome) -> Result<(), TrainError> {
        let path = self.file(Self::RESULT);
        let fail =
            |error: serde_json::Error| TrainError::Damaged { path: path.clone(), reason: error.to_string() };
        let text = serde_json::to_string_pretty(outcome).map_err(fail)? + "\n";
        Ok(convnet_formats::atomic::write(&path, text.as_bytes())?)
    }
}
