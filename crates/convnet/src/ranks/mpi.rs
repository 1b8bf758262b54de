//! The ranks of an MPI run.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use convnet_mpi::Launch;

use super::{Joint, Ranks, RanksError, Transfer};

/// What passes between the last message and the end: MPICH 4.0.2 over TCP hangs in `MPI_Finalize`, every other time, where a
/// message has only just come.
const QUIET: Duration = Duration::from_millis(200);

/// The processes that `mpirun` started.
pub struct Mpi {
    world: convnet_mpi::World,
}

/// What a launcher of MPI told of this process, if it was started by one.
pub fn launched() -> Option<Launch> {
    Launch::of_environment()
}

impl Mpi {
    /// Joins the other processes; once a process.
    ///
    /// # Errors
    /// If MPI's library is not found, or does not see the processes that the launcher told of.
    pub fn join(launch: &Launch) -> Result<Arc<Self>, RanksError> {
        let world = convnet_mpi::World::join(launch).map_err(failed(launch.rank, launch.size))?;
        Ok(Arc::new(Self { world }))
    }

    /// The library's name and version, and its file.
    pub fn library(&self) -> String {
        format!("{} ({})", short(self.world.library()), self.world.path().display())
    }

    /// Ends the run in order, once every rank has come to it.
    ///
    /// # Errors
    /// If the library fails, or something still uses the ranks.
    pub fn finish(self: Arc<Self>) -> Result<(), RanksError> {
        let (rank, size) = (self.rank(), self.size());
        let ranks: Arc<dyn Ranks> = self.clone();
        Joint::new(ranks, false, Arc::default()).gather(&[0])?;
        thread::sleep(QUIET);
        match Arc::into_inner(self) {
            Some(mpi) => mpi.world.finish().map_err(failed(rank, size)),
            None => Err(RanksError::Failed { rank, size, reason: "it is still in use at its end".into() }),
        }
    }

    /// Ends all processes of the run at once, with a status.
    pub fn abort(&self, status: i32) -> ! {
        self.world.abort(status)
    }
}

/// Name and version alone: `Open MPI v4.1.4`, `MPICH 4.0.2`.
fn short(version: &str) -> String {
    let first = version.split(',').next().unwrap_or_default();
    first.split_whitespace().filter(|word| *word != "Version:").collect::<Vec<_>>().join(" ")
}

fn failed(rank: usize, size: usize) -> impl Fn(convnet_mpi::Error) -> RanksError {
    move |error| RanksError::Failed { rank, size, reason: error.to_string() }
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        self.world.rank()
    }

    fn size(&self) -> usize {
        self.world.size()
    }

    fn host(&self) -> Option<&str> {
        Some(self.world.host())
    }

    fn progress(&self) -> Result<(), RanksError> {
        self.world.progress().map_err(failed(self.rank(), self.size()))
    }

    fn send(&self, to: usize, tag: u32, words: Vec<u32>) -> Result<Box<dyn Transfer>, RanksError> {
        let transfer = self.world.send(to, tag, words).map_err(failed(self.rank(), self.size()))?;
        Ok(Box::new(InFlight { transfer, rank: self.rank(), size: self.size() }))
    }

    fn receive(&self, from: usize, tag: u32, count: usize) -> Result<Box<dyn Transfer>, RanksError> {
        let transfer = self.world.receive(from, tag, count).map_err(failed(self.rank(), self.size()))?;
        Ok(Box::new(InFlight { transfer, rank: self.rank(), size: self.size() }))
    }
}

struct InFlight {
    transfer: convnet_mpi::Transfer,
    rank: usize,
    size: usize,
}

impl Transfer for InFlight {
    fn is_done(&mut self) -> Result<bool, RanksError> {
        self.transfer.is_done().map_err(failed(self.rank, self.size))
    }

    fn into_words(self: Box<Self>) -> Vec<u32> {
        self.transfer.into_words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_told_by_name_and_version() {
        assert_eq!(short("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"), "Open MPI v4.1.4");
        assert_eq!(short("MPICH Version:\t4.0.2"), "MPICH 4.0.2");
    }
}
