//! What can fail between a process and the others of its run.

use std::path::PathBuf;

use crate::Launcher;

/// Why there is no world, or why a message did not arrive.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No library goes with the launcher.
    #[error(
        "no MPI library that goes with the launcher, which is {launcher}'s ({tried}); install `{package}` (Debian's \
         name), or name the library's file in CONVNET_MPI"
    )]
    NoLibrary {
        /// Who started this process.
        launcher: Launcher,
        /// The package of Debian that holds its library.
        package: &'static str,
        /// What was tried, and why it was not taken.
        tried: String,
    },
    /// The library that CONVNET_MPI names cannot be used.
    #[error(
        "CONVNET_MPI names {}, which is of no use: {reason}; name the file of Open MPI's or MPICH's library, or unset \
         CONVNET_MPI", path.display()
    )]
    Named {
        /// The name.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// A library lacks a function.
    #[error("{} has no {symbol}: it is too old, or not what its name says; convnet needs MPI 3.0", path.display())]
    NoFunction {
        /// The library.
        path: PathBuf,
        /// The function.
        symbol: String,
    },
    /// MPI was initialized before in this process.
    #[error("this process has joined an MPI run before: MPI can be initialized once in a process")]
    JoinedBefore,
    /// MPI does not start.
    #[error("MPI_Init_thread of {} failed with code {code}; see what the library printed", path.display())]
    DoesNotStart {
        /// The library.
        path: PathBuf,
        /// Its status.
        code: i32,
    },
    /// The library cannot be called by several threads, even one at a time.
    #[error(
        "{library} ({}) gives thread level {provided}, convnet needs {needed} (MPI_THREAD_SERIALIZED); use a library \
         that is built with threads", path.display()
    )]
    Threads {
        /// The library's version.
        library: String,
        /// Its file.
        path: PathBuf,
        /// The level that it gives.
        provided: i32,
        /// The level that is needed.
        needed: i32,
    },
    /// The library sees another run than the launcher started.
    #[error(
        "{library} ({}) sees rank {} of {}, but {launcher}'s launcher started rank {} of {}: launcher and library do \
         not belong together; start with the library's own `mpirun`, or name the launcher's library in CONVNET_MPI",
        path.display(), found.0, found.1, told.0, told.1
    )]
    OtherRun {
        /// The library's version.
        library: String,
        /// Its file.
        path: PathBuf,
        /// Rank and size that it sees.
        found: (usize, usize),
        /// Who started this process.
        launcher: Launcher,
        /// Rank and size that the launcher told.
        told: (usize, usize),
    },
    /// No process of the run has this rank.
    #[error("no rank {rank} in a run of {size}; choose one below {size}")]
    NoRank {
        /// The rank asked for.
        rank: usize,
        /// Processes that there are.
        size: usize,
    },
    /// A tag is too large.
    #[error("a message's tag is {tag}; choose one below {limit}, which every MPI library has")]
    Tag {
        /// The tag.
        tag: u32,
        /// The first that is too large.
        limit: u32,
    },
    /// A message is too long.
    #[error("a message of {words} words; at most {most} fit in one, cut it")]
    TooLong {
        /// Its words.
        words: usize,
        /// The most that fit.
        most: usize,
    },
    /// A message has another length than expected.
    #[error(
        "{message}: {bytes} bytes came, expected {expected}; run the same program on the same data in all ranks"
    )]
    Length {
        /// What was to be received.
        message: String,
        /// Bytes that came.
        bytes: usize,
        /// Bytes that were to come.
        expected: usize,
    },
    /// A call of the library failed.
    #[error("{call}: {reason} (MPI error {code})")]
    Call {
        /// The function, or the message.
        call: String,
        /// The library's words.
        reason: String,
        /// Its status.
        code: i32,
    },
    /// Messages are still under way at the end.
    #[error("{count} messages are still under way: wait for every transfer before the run is finished")]
    UnderWay {
        /// Messages that were not waited for.
        count: usize,
    },
    /// The run was finished.
    #[error("the MPI run was finished: no message can be sent or received")]
    Finished,
}
