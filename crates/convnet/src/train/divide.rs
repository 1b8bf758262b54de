//! Which images a run learns from, which it chooses by, and which it measures on.

use super::{Recipe, TrainError};
use crate::data::DataSets;

/// The sets with validation images: their own, or a part of the training images by the recipe's
/// [`Split`](super::Split), drawn from its seed. Sets that have some already stay as they are.
///
/// # Errors
/// If a class has too few images to give some away, or sets that have validation images shall be cut in folds.
pub fn divide(data: DataSets, recipe: &Recipe) -> Result<DataSets, TrainError> {
    if let (Some(folds), Some(fold)) = (recipe.split.folds, recipe.split.fold) {
        if let Some(own) = &data.validation {
            let found =
                format!("{folds}, and `{}` brings {} validation images of its own", data.name, own.len());
            let expected = "a set without them, since each fold is validated on in its turn: move them to the training \
                            images, or leave `split.folds` out";
            return Err(TrainError::setting("split.folds", found, expected));
        }
        let mut parts = data.train.folds(folds, recipe.seed)?;
        if !(1..=parts.len()).contains(&fold) {
            return Err(TrainError::setting("split.fold", fold, "a whole number from 1 to `split.folds`"));
        }
        let (train, validation) = parts.swap_remove(fold - 1);
        return Ok(DataSets { train, validation: Some(validation), ..data });
    }
    let part = recipe.split.validation;
    if data.validation.is_some() || part == 0.0 {
        return Ok(data);
    }
    let (train, validation) = data.train.split_stratified(part, recipe.seed)?;
    Ok(DataSets { train, validation: Some(validation), ..data })
}
