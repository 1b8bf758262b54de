//! The processes that mpirun started, for the commands that work together.

use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use convnet::exec::{Options, Precision};
use convnet::ranks::{self, HostShare, Joint, Mpi, Ranks};

use crate::args::{DeviceArgs, ThreadsArg};
use crate::error::Failure;
use crate::output;

/// What the others wait before they tell of a failure: where the first one has the same, it tells it and ends them.
const COURTESY: Duration = Duration::from_secs(2);

/// What a launcher gets to pass on what was told: Hydra drops what it has not read when it is told to end.
const PASSING: Duration = Duration::from_millis(300);

/// How long processes may take to start.
const START: Duration = Duration::from_secs(120);

/// The processes of a run, as one of them.
pub(super) struct Joined {
    pub(super) mpi: Arc<Mpi>,
}

impl Joined {
    /// Joins the processes that mpirun started, if there are several. All but the first leave notes to it.
    pub(super) fn join() -> Result<Option<Self>, Failure> {
        let Some(launch) = ranks::launched().filter(|launch| launch.size > 1) else { return Ok(None) };
        if launch.rank > 0 {
            output::hush();
        }
        let (rank, size) = (launch.rank, launch.size);
        let (joined, waiting) = mpsc::channel::<()>();
        // MPI starts all processes or none, and waits without end for one that has died meanwhile.
        thread::spawn(move || {
            if waiting.recv_timeout(START) == Err(RecvTimeoutError::Timeout) {
                let seconds = START.as_secs();
                let failure = Failure::work(format!(
                    "process {rank} of {size} waited {seconds} s for the others to start: one has died or does not get there; see \
                     what the launcher tells, and start again"
                ));
                failure.report();
                process::exit(1);
            }
        });
        let mpi = Mpi::join(&launch)?;
        drop(joined);
        Ok(Some(Self { mpi }))
    }

    /// Does the work of this process; a failure of one ends all of them. What is given back is left to do once they are.
    pub(super) fn run<T>(self, work: impl FnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        match work(&self) {
            Ok(done) => {
                self.mpi.finish()?;
                Ok(done)
            }
            Err(failure) => {
                if self.mpi.rank() > 0 {
                    thread::sleep(COURTESY);
                }
                let usage = failure.report() == ExitCode::from(2);
                thread::sleep(PASSING);
                self.mpi.abort(if usage { 2 } else { 1 })
            }
        }
    }

    /// This process's part of its host: the threads that were asked for, or those that suit it beside the others there, as
    /// much memory as each of them, and of the host's GPUs the next.
    pub(super) fn options(&self, asked: &ThreadsArg, device: &DeviceArgs) -> Result<Options, Failure> {
        let ranks: Arc<dyn Ranks> = self.mpi.clone();
        let HostShare { threads, memory, place } = Joint::new(ranks, false, Arc::default()).host_share()?;
        let threads = if asked.is_given() { asked.count() } else { threads };
        let options = Options { threads, memory, ..Options::default() };
        device.apply_at(options, Precision::Tf32, place)
    }
}
