//! What a batch is learned by: a loss, and perhaps a teacher.

use super::TrainError;
use super::teacher::Teaching;
use crate::data::Batch;
use crate::exec::{Criterion, Target};

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
