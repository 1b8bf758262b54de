//! `[checkpoints]`: when a run is saved between the ends of its epochs, and what is kept.

#[cfg(feature = "train")]
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::TrainError;

/// When a run is saved besides the end of every epoch, and how many earlier states are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoints {
    /// After so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// After so many minutes within an epoch.
    pub every_minutes: f64,
    /// The last so many are kept; 1 is the latest alone.
    pub keep: usize,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { every_steps: None, every_minutes: 5.0, keep: 1 }
    }
}

/// The longest time between two.
const MAX_MINUTES: f64 = 1e6;
/// The most that are kept.
const MAX_KEPT: usize = 10_000;

impl Checkpoints {
    /// The time between two within an epoch.
    #[cfg(feature = "train")]
    pub(in crate::train) fn interval(&self) -> Duration {
        Duration::from_secs_f64(60.0 * self.every_minutes)
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let fail = |name: &str, found: String, expected| {
            Err(TrainError::setting(format!("checkpoints.{name}"), found, expected))
        };
        if self.every_steps == Some(0) {
            return fail("every_steps", "0".to_owned(), "at least 1");
        }
        if !(self.every_minutes > 0.0 && self.every_minutes <= MAX_MINUTES) {
            return fail(
                "every_minutes",
                self.every_minutes.to_string(),
                "a number above 0, at most 1000000",
            );
        }
        if !(1..=MAX_KEPT).contains(&self.keep) {
            return fail("keep", self.keep.to_string(), "a whole number from 1 to 10000");
        }
        Ok(())
    }
}
