//! The processes of a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fmt};

use crate::load::{self, THREAD_SERIALIZED};
use crate::message::{self, Message};
use crate::session::Session;
use crate::{Error, Launch, Transfer};

/// The processes of a run, of which this is one.
///
/// Any thread may call it; the library is called by one at a time. A world that is dropped without [`Self::finish`] ends
/// nothing: when the process ends, the launcher sees that it left early, and ends the others. The process should then end
/// with a status that is not 0, since Hydra passes on whatever it is.
pub struct World {
    session: &'static Session,
    rank: usize,
    size: usize,
    host: String,
    library: String,
    path: PathBuf,
}

impl World {
    /// The most words of a message.
    pub const MOST_WORDS: usize = message::MOST_WORDS;

    /// Opens the library that goes with the launcher, or the one that CONVNET_MPI names, and initializes MPI.
    ///
    /// # Errors
    /// If there is no such library, if it sees other processes than the launcher started, if threads cannot call it, or if
    /// this process has joined before.
    pub fn join(launch: &Launch) -> Result<Self, Error> {
        static JOINED: AtomicBool = AtomicBool::new(false);
        let file = env::var_os("CONVNET_MPI").filter(|file| !file.is_empty());
        let found = load::find(launch.launcher, file.as_deref())?;
        let calls = found.bind()?;
        let path = found.path;
        if JOINED.swap(true, Ordering::SeqCst) {
            return Err(Error::JoinedBefore);
        }
        // SAFETY: the flag lets one thread come here, once.
        let provided = unsafe { calls.initialize(THREAD_SERIALIZED) };
        let provided = provided.map_err(|code| Error::DoesNotStart { path: path.clone(), code })?;
        let library = first_line(&calls.library_version().unwrap_or_default());
        if provided < THREAD_SERIALIZED {
            return Err(Error::Threads { library, path, provided, needed: THREAD_SERIALIZED });
        }
        // SAFETY: these calls have initialized MPI, and are given away.
        let session: &'static Session = Box::leak(Box::new(unsafe { Session::new(calls) }));
        let turn = session.turn()?;
        let (rank, size) = turn.start()?;
        let told = (launch.rank, launch.size);
        if (rank, size) != told {
            let (found, launcher) = ((rank, size), launch.launcher);
            return Err(Error::OtherRun { library, path, found, launcher, told });
        }
        let host = turn.host()?;
        Ok(Self { session, rank, size, host, library, path })
    }

    /// This process's number, below [`Self::size`].
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Processes of the run.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The name of this host, as MPI has it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The library's name and version.
    pub fn library(&self) -> &str {
        &self.library
    }

    /// The library's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts to send words, to this process itself too. The words stay in the transfer until it is done.
    ///
    /// # Errors
    /// If there is no such rank, if the tag is 32768 or more, if there are more than [`Self::MOST_WORDS`], or if the library
    /// fails.
    pub fn send(&self, to: usize, tag: u32, words: Vec<u32>) -> Result<Transfer, Error> {
        let message = Message::to(to, self.size, tag, words.len())?;
        Transfer::send(self.session, message, words)
    }

    /// Starts to receive exactly `count` words. Another number that comes is an error of the transfer's. Several receives of
    /// one rank and tag get their messages in the order in which they were started.
    ///
    /// # Errors
    /// If there is no such rank, if the tag is 32768 or more, or if there are more than [`Self::MOST_WORDS`].
    pub fn receive(&self, from: usize, tag: u32, count: usize) -> Result<Transfer, Error> {
        let message = Message::from(from, self.size, tag, count)?;
        Transfer::receive(self.session, message)
    }

    /// Lets the library work on what is under way, for whoever waits for something else than a message.
    ///
    /// # Errors
    /// If the library fails.
    pub fn progress(&self) -> Result<(), Error> {
        self.session.turn()?.progress()
    }

    /// Ends MPI in this process: every rank calls it at the end, best in the thread that joined. It may wait for the others.
    ///
    /// # Errors
    /// If a transfer was not waited for until it was done, and MPI is not ended; if the library fails.
    pub fn finish(self) -> Result<(), Error> {
        self.session.turn()?.finish()
    }

    /// Ends all processes of the run, with a status that the launcher may pass on.
    pub fn abort(&self, status: i32) -> ! {
        match self.session.turn() {
            Ok(turn) => turn.abort(status),
            Err(_) => std::process::exit(status),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, size, host, library, .. } = self;
        write!(f, "rank {rank} of {size} on {host}, {library}")
    }
}

/// The first line of a text, with single spaces.
fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_first_line() {
        let mpich = "MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n";
        assert_eq!(first_line(mpich), "MPICH Version: 4.0.2");
        assert_eq!(
            first_line("Open MPI v4.1.4, package: Debian OpenMPI"),
            "Open MPI v4.1.4, package: Debian OpenMPI"
        );
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn worlds_and_transfers_go_between_threads() {
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        shared::<World>();
        sent::<Transfer>();
    }
}
