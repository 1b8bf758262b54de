//! Cards of several ranks that add up what lies on them, by NCCL. In tests the emulation's cards do so too.

use std::thread::{self, JoinHandle};

use convnet_gpu::Error;

use super::{Block, Card};
#[cfg(test)]
use crate::gpu::emulated_tests::communicator as emulated;
use crate::plan::CompileError;

/// A rank's card among those of the others.
pub(in crate::gpu) enum Communicator {
    Gpu(convnet_gpu::Communicator),
    #[cfg(test)]
    Emulated(emulated::Communicator),
}

/// By what the cards of all ranks find one another.
pub(in crate::gpu) type Id = [u8; 128];

/// A failure in words, which ranks tell each other.
fn in_words<T>(result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Card {
    /// The library that would add up, with its version, and what tells this card from every other; or why there is none.
    pub(in crate::gpu) fn adds_up_by(&self) -> Result<[String; 2], String> {
        match &self.0 {
            Block::Gpu { device, .. } => {
                let library = in_words(convnet_gpu::Communicator::library())?;
                let name = format!("{} {}", library.name, library.version);
                Ok([name, device.description().uuid.clone()])
            }
            #[cfg(test)]
            Block::Emulated(_) => emulated::Cards::of_this_thread().adds_up_by(),
        }
    }

    /// By what the cards of all ranks shall find one another.
    pub(in crate::gpu) fn new_id(&self) -> Result<Id, String> {
        match &self.0 {
            Block::Gpu { .. } => in_words(convnet_gpu::Communicator::new_id()),
            #[cfg(test)]
            Block::Emulated(_) => emulated::Cards::of_this_thread().new_id(),
        }
    }

    /// Joins the card with those of the other ranks, which takes until all do, in a thread of its own.
    pub(in crate::gpu) fn join(
        &self,
        (rank, size): (usize, usize),
        id: Id,
    ) -> Result<JoinHandle<Result<Communicator, String>>, String> {
        let thread = thread::Builder::new();
        let started = match &self.0 {
            Block::Gpu { device, .. } => {
                let device = device.clone();
                let join = move || in_words(device.communicator(rank, size, &id));
                thread.spawn(move || Ok(Communicator::Gpu(join()?)))
            }
            #[cfg(test)]
            Block::Emulated(_) => {
                let cards = emulated::Cards::of_this_thread();
                thread.spawn(move || Ok(Communicator::Emulated(cards.join((rank, size), id)?)))
            }
        };
        started.map_err(|error| format!("no thread to join the other cards in: {error}"))
    }
}

impl Communicator {
    /// Makes numbers from a byte on the sum of all ranks', behind what the card was given; does not wait.
    pub(in crate::gpu) fn sum(&mut self, card: &Card, at: usize, floats: usize) -> Result<(), CompileError> {
        match (self, &card.0) {
            (Self::Gpu(communicator), Block::Gpu { memory, .. }) => Ok(communicator.sum(memory, at, floats)?),
            #[cfg(test)]
            (Self::Emulated(communicator), Block::Emulated(block)) => {
                communicator.sum(block, at, floats);
                Ok(())
            }
            #[cfg(test)]
            _ => unreachable!("a communicator of another machine"),
        }
    }

    /// Whether the last sum is done.
    pub(in crate::gpu) fn is_done(&mut self) -> Result<bool, CompileError> {
        match self {
            Self::Gpu(communicator) => Ok(communicator.is_done()?),
            #[cfg(test)]
            Self::Emulated(communicator) => Ok(communicator.is_done()),
        }
    }

    /// Ends a sum that the other ranks have no part in any more.
    pub(in crate::gpu) fn abort(self) {
        match self {
            Self::Gpu(communicator) => communicator.abort(),
            #[cfg(test)]
            Self::Emulated(_) => {}
        }
    }
}
