//! Messages between the processes of an MPI run, with Open MPI or MPICH.
//!
//! A [`Launch`] is what `mpirun` told of this process; a [`World`] is the library, initialized; a [`Transfer`] is a message
//! under way, which owns its words. Building needs no MPI: the library that goes with the launcher is found when a world is
//! joined, and what is missing is an [`Error`] that says how to get it.
//!
//! ```no_run
//! use convnet_mpi::{Launch, World};
//!
//! if let Some(launch) = Launch::of_environment() {
//!     let world = World::join(&launch)?;
//!     let next = (world.rank() + 1) % world.size();
//!     let before = (world.rank() + world.size() - 1) % world.size();
//!     let mut sent = world.send(next, 0, vec![world.rank() as u32])?;
//!     let mut received = world.receive(before, 0, 1)?;
//!     while !(sent.is_done()? & received.is_done()?) {
//!         std::thread::yield_now();
//!     }
//!     assert_eq!(received.into_words(), [before as u32]);
//!     world.finish()?;
//! }
//! # Ok::<(), convnet_mpi::Error>(())
//! ```

mod error;
mod inbox;
mod launch;
mod load;
mod memory;
mod message;
mod session;
mod transfer;
mod world;

pub use error::Error;
pub use launch::{Launch, Launcher};
pub use memory::{COUNTERS, Peer, Published};
pub use transfer::Transfer;
pub use world::World;
