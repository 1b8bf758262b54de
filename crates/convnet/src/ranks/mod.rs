//! Several processes that train one network: each learns from its part of every batch, and all of them from the sum.
//!
//! A process is a rank of so many, from 0; what is between them is [`Ranks`], which moves words and knows nothing of what they
//! mean; ranks of one host also read each other's gradients where they lie. [`Joint`] is what a training step needs of it: sums
//! of gradients that travel while the backward pass goes on, statistics of whole batches, and messages of the rank that leads.
//! All sums of hosts are taken in the order of the ranks, so that as many ranks come to the same bits whatever carries their
//! words.

mod board;
mod host;
mod joint;
#[cfg(test)]
mod local;
mod mpi;
mod sum;
mod words;

use thiserror::Error;

pub(crate) use board::Lease;
pub use host::HostShare;
pub(crate) use joint::Gradients;
pub use joint::{Joint, Part};
pub use mpi::{Launch, Mpi, launched};
#[cfg(feature = "train")]
pub(crate) use words::{double, halves};

#[cfg(test)]
pub(crate) use local::{local, local_on};

/// The processes that train together, as one of them sees them.
pub trait Ranks: Send + Sync {
    /// The number of this one, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// The name of this one's host. Ranks of one host look into each other's memory where the system allows it, and share its
    /// cores and its memory; one without a name is alone on its host.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Lets what is under way go on, while something else is waited for.
    ///
    /// # Errors
    /// If what carries the words failed.
    fn progress(&self) -> Result<(), RanksError> {
        Ok(())
    }

    /// Starts to send words to another rank, under a tag below 32768.
    ///
    /// # Errors
    /// If they cannot be sent.
    fn send(&self, to: usize, tag: u32, words: Vec<u32>) -> Result<Box<dyn Transfer>, RanksError>;

    /// Starts to receive so many words, which another rank sends under the same tag. Messages of one rank under one tag
    /// arrive in the order in which they were sent.
    ///
    /// # Errors
    /// If they cannot be received.
    fn receive(&self, from: usize, tag: u32, count: usize) -> Result<Box<dyn Transfer>, RanksError>;
}

/// Words on their way.
pub trait Transfer: Send {
    /// Whether they have left or arrived; also lets what is under way go on.
    ///
    /// # Errors
    /// If they were lost.
    fn is_done(&mut self) -> Result<bool, RanksError>;

    /// The words.
    ///
    /// # Panics
    /// If they are not done.
    fn into_words(self: Box<Self>) -> Vec<u32>;
}

/// Why ranks cannot go on together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RanksError {
    /// What carries the words failed.
    #[error("rank {rank} of {size}: {reason}")]
    Failed {
        /// The rank that tells it.
        rank: usize,
        /// How many there are.
        size: usize,
        /// What was said.
        reason: String,
    },
    /// Another rank did not answer.
    #[error(
        "rank {rank} of {size} waited {seconds} s for rank {other}, which has ended or hangs; the run goes on from its \
         last checkpoint when it is resumed"
    )]
    Silent {
        /// The rank that waited.
        rank: usize,
        /// How many there are.
        size: usize,
        /// The one that did not answer.
        other: usize,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The run was to stop, and another rank did not answer.
    #[error(
        "rank {rank} of {size} was told to stop while rank {other} did not answer; the run goes on from its last \
         checkpoint when it is resumed"
    )]
    Stopped {
        /// The rank that waited.
        rank: usize,
        /// How many there are.
        size: usize,
        /// The one that did not answer.
        other: usize,
    },
}
