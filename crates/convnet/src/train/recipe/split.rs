//! `[split]`: which images choose, and which are learned from.

use serde::{Deserialize, Serialize};

use super::super::TrainError;

/// Which of the training images are kept to choose by, where the data bring no validation images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Split {
    /// The part of the training images, class by class, that is validated on and not learned from. It is drawn from the
    /// recipe's seed. With 0 all are learned from, and the weights of the last epoch are kept.
    pub validation: f64,
}

impl Default for Split {
    fn default() -> Self {
        Self { validation: 0.1 }
    }
}

impl Split {
    pub(super) fn check(&self) -> Result<(), TrainError> {
        if (0.0..=0.9).contains(&self.validation) {
            return Ok(());
        }
        Err(TrainError::setting("split.validation", self.validation, "a part from 0 to 0.9"))
    }
}
