//! Steps of several ranks together.

use super::{Batch, Training};
use crate::plan::{CompileError, StepReport};
use crate::ranks::{Gradients, Joint};

impl Training {
    /// Has the other ranks look at the gradients where they lie, if they can.
    fn lend(&mut self, joint: &mut Joint) {
        if self.offered {
            return;
        }
        self.offered = true;
        let floats = self.gradients.len();
        if joint.size() == 1 || !joint.compare(floats, &format!("a CPU ({})", self.program.isa)) {
            return;
        }
        if let Some((mut memory, lease)) = joint.lend(floats) {
            memory.as_mut_slice().copy_from_slice(self.gradients.as_slice());
            (self.gradients, self.lease) = (memory, Some(lease));
        }
    }

    /// As [`Training::forward_backward`] over a part of a batch, whose loss and gradients are its parts of the whole's.
    pub(crate) fn forward_backward_jointly(&mut self, batch: Batch<'_>, joint: &mut Joint) -> StepReport {
        self.lend(joint);
        self.updates.fill(None);
        let report = self.joint_pass(batch, joint);
        self.passes += 1;
        let (synced, sound) = (joint.syncs_batch_norm(), report.loss.is_finite());
        if sound {
            self.track(if synced { joint.part().whole } else { batch.n });
        }
        if !synced {
            joint.average(self.running.iter_mut().flatten().flatten(), sound);
        }
        report
    }

    /// The same, the gradients added to those that are there.
    pub(crate) fn accumulate_jointly(
        &mut self,
        batch: Batch<'_>,
        joint: &mut Joint,
    ) -> Result<StepReport, CompileError> {
        self.lend(joint);
        self.added(|training| training.forward_backward_jointly(batch, joint))
    }

    /// Makes the gradients the sum over all ranks.
    pub(crate) fn join_gradients(&mut self, joint: &mut Joint) {
        let (values, lease) = (self.gradients.as_mut_slice(), self.lease);
        let gradients = Gradients { values, lease, pool: &self.pool, isa: self.program.isa };
        joint.join_gradients(gradients, self.buckets.all(), self.buckets.late());
    }
}
