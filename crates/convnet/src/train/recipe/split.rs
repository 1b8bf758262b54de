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
    /// For cross-validation: the training images are cut in so many parts, class by class, drawn from the recipe's seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Which of the `folds` parts is validated on, counted from 1; all others are learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
}

impl Default for Split {
    fn default() -> Self {
        Self { validation: 0.1, folds: None, fold: None }
    }
}

/// The most folds: a run each.
const MAX_FOLDS: usize = 1000;

impl Split {
    /// Whether some of the training images are validated on.
    pub fn spares_some(&self) -> bool {
        self.validation > 0.0 || self.folds.is_some()
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        if !(0.0..=0.9).contains(&self.validation) {
            return Err(TrainError::setting("split.validation", self.validation, "a part from 0 to 0.9"));
        }
        match (self.folds, self.fold) {
            (None, None) => Ok(()),
            (Some(folds), _) if !(2..=MAX_FOLDS).contains(&folds) => {
                Err(TrainError::setting("split.folds", folds, "a whole number from 2 to 1000"))
            }
            (Some(folds), Some(fold)) if (1..=folds).contains(&fold) => Ok(()),
            (Some(_), Some(fold)) => {
                Err(TrainError::setting("split.fold", fold, "a whole number from 1 to `split.folds`"))
            }
            (Some(_), None) => Err(TrainError::setting(
                "split.fold",
                "not set",
                "the fold to validate on: `split.folds` is set",
            )),
            (None, Some(fold)) => {
                Err(TrainError::setting("split.fold", fold, "nothing, or `split.folds` beside it"))
            }
        }
    }
}
