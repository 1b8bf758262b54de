//! What a batch is learned by: a loss, and perhaps a teacher.

use super::TrainError;
use super::teacher::Teaching;
use crate::data::Batch;
use crate::exec::{Criterion, CrossEntropy, Target};

/// The loss of a run.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    criterion: Criterion,
    teaching: Option<Teaching>,
}

impl Lesson {
    pub(super) fn new(criterion: Criterion, teaching: Option<Teaching>) -> Self {
        Self { criterion, teaching }
    }

    /// Whether images are looked at beside the network that learns: by a teacher.
    pub(super) fn looks_at_images(&self) -> bool {
        self.teaching.is_some()
    }

    /// The weights of the classes of images, added up.
    pub(super) fn weighted(&self, labels: &[u32]) -> f64 {
        match &self.criterion {
            Criterion::CrossEntropy(CrossEntropy { class_weights: Some(weights), .. }) => {
                labels.iter().map(|&label| f64::from(weights[label as usize])).sum()
            }
            Criterion::CrossEntropy(_) | Criterion::Binary(_) => labels.len() as f64,
        }
    }

    /// What a batch shall be taken for.
    pub(super) fn target<'a>(&'a mut self, batch: &'a Batch) -> Result<Target<'a>, TrainError> {
        let target = match batch.shares.is_empty() {
            true => Target::classes(&batch.labels),
            false => Target::soft(&batch.shares),
        };
        let target = target.by(&self.criterion);
        Ok(match &mut self.teaching {
            Some(teaching) => target.taught(teaching.answer(&batch.images)?),
            None => target,
        })
    }
}
