//! Which images a run learns from, which it chooses by, and which it measures on.

use super::{Recipe, TrainError};
use crate::data::DataSets;

/// The sets with validation images: their own, or a part of the training images by the recipe's
/// [`Split`](super::Split), drawn from its seed. Sets that have some already stay as they are.
///
/// # Errors
/// If a class has too few images to give some away.
pub fn divide(data: DataSets, recipe: &Recipe) -> Result<DataSets, TrainError> {
    let part = recipe.split.validation;
    if data.validation.is_some() || part == 0.0 {
        return Ok(data);
    }
    let (train, validation) = data.train.split_stratified(part, recipe.seed)?;
    Ok(DataSets { train, validation: Some(validation), ..data })
}
