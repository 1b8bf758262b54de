//! Steps of several ranks together, each on a card: gradients are added up on the cards, or in the memory of the hosts.

use std::iter::once;

use convnet_kernels::{Arena, Isa, Pool};

use super::meeting::{Meeting, add_up, join_cards};
use super::{Batch, Task, Training};
use crate::plan::{CompileError, StepReport};
use crate::ranks::{Gradients, Joint};

impl Training {
    /// Agrees with the other ranks where the gradients of all meet; they must lie alike.
    fn meet(&mut self, joint: &mut Joint) -> Result<(), CompileError> {
        if self.meeting.is_some() || joint.size() == 1 {
            return Ok(());
        }
        let floats = self.blueprint.program.learning;
        if !joint.compare(floats, &format!("a GPU ({})", self.blueprint.options.precision)) {
            return Ok(());
        }
        let (meeting, cards) = match join_cards(&self.card, floats, joint) {
            Ok((communicator, library)) => (Meeting::Cards(communicator), Ok(library)),
            Err(reason) => (self.meet_in_host_memory(floats, joint)?, Err(reason)),
        };
        self.meeting = Some(meeting);
        joint.meet_on_cards(cards);
        Ok(())
    }

    /// Makes room in the host's memory, which the other ranks look into if they can.
    fn meet_in_host_memory(&self, floats: usize, joint: &mut Joint) -> Result<Meeting, CompileError> {
        let threads = self.blueprint.options.threads;
        let pool = Pool::try_new(threads)
            .map_err(|error| CompileError::Threads { threads, reason: error.to_string() })?;
        let (values, lease) = match joint.lend(floats) {
            Some((memory, lease)) => (memory, Some(lease)),
            None => {
                let task = ("training", self.plan().batch);
                let memory = Arena::try_new(floats);
                (memory.map_err(|error| CompileError::memory(task, error.bytes()))?, None)
            }
        };
        Ok(Meeting::Host { values, lease, pool })
    }

    /// As [`Training::forward_backward`] over a part of a batch, whose loss and gradients are its parts of the whole's. Running
    /// statistics become the mean of all ranks'.
    pub(crate) fn forward_backward_jointly(
        &mut self,
        batch: Batch<'_>,
        joint: &mut Joint,
    ) -> Result<StepReport, CompileError> {
        self.meet(joint)?;
        self.first = joint.part().first;
        let report = self.forward_backward(batch);
        self.first = 0;
        let report = report?;
        let (at, count) = (self.blueprint.places.running, self.blueprint.program.running);
        if count > 0 {
            let mut running = self.card.read(at, count)?;
            joint.average(running.iter_mut(), report.loss.is_finite());
            self.card.write(at, &running)?;
        }
        Ok(report)
    }

    /// The same, the gradients added to those that are there.
    pub(crate) fn accumulate_jointly(
        &mut self,
        batch: Batch<'_>,
        joint: &mut Joint,
    ) -> Result<StepReport, CompileError> {
        self.settle()?;
        self.replay(Task::Keep, 0)?;
        let report = self.forward_backward_jointly(batch, joint)?;
        self.replay(Task::Add, 0)?;
        Ok(report)
    }

    /// Makes the gradients the sum over all ranks.
    pub(crate) fn join_gradients(&mut self, joint: &mut Joint) -> Result<(), CompileError> {
        if joint.size() == 1 {
            return Ok(());
        }
        self.meet(joint)?;
        self.settle()?;
        let (at, count) = (self.blueprint.places.gradients, self.blueprint.program.learning);
        match &mut self.meeting {
            Some(Meeting::Cards(communicator)) => {
                // Nothing is enqueued that would wait for a rank that has failed.
                if !joint.are_all_here() {
                    return Ok(());
                }
                if let Err(reason) = add_up(communicator, (&self.card, at, count), joint) {
                    if let Some(Meeting::Cards(communicator)) = self.meeting.take() {
                        communicator.abort();
                    }
                    joint.fail(reason);
                }
            }
            Some(Meeting::Host { values, lease, pool }) => {
                let own = self.card.read(at, count)?;
                let values = values.as_mut_slice();
                values[..count].copy_from_slice(&own);
                let all = || once(0..count);
                let gradients = Gradients { values, lease: *lease, pool, isa: Isa::best() };
                joint.join_gradients(gradients, all(), all());
                self.card.write(at, &values[..count])?;
            }
            None => {}
        }
        self.forget();
        Ok(())
    }
}
