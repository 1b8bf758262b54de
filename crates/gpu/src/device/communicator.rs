//! Sums over the cards of several processes, by NCCL.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Device, Event, Inner, Memory};
use crate::Error;
use crate::list::Lane;
use crate::load::nccl::{FLOAT32, IN_PROGRESS, Nccl, SUM, UniqueId};
use crate::load::{LibraryFound, nccl};

/// How long the end of a communicator is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A card among those of other processes. All of them start the same sums in the same order, and each gets the same bits.
pub struct Communicator {
    open: Option<Open>,
    /// The last sum is done.
    summed: Event,
}

/// NCCL's communicator.
struct Open {
    device: Arc<Inner>,
    nccl: &'static Nccl,
    pointer: *mut c_void,
}

// SAFETY: a communicator belongs to no thread, and its owner lets one at a time use it.
unsafe impl Send for Open {}

impl Open {
    /// Ends it, and with `abort` the sum that is under way.
    fn end(self, abort: bool) {
        if self.device.enter().is_err() {
            return;
        }
        let end = if abort { self.nccl.abort } else { self.nccl.destroy };
        // SAFETY: the communicator was created by this library, and its only owner is used up. A failure changes nothing any
        // more.
        unsafe { end(self.pointer) };
    }
}

impl Communicator {
    /// The library that adds up, which needs no GPU to be found.
    ///
    /// # Errors
    /// If it is not found.
    pub fn library() -> Result<&'static LibraryFound, Error> {
        nccl().map(|(_, found)| found)
    }

    /// By what ranks find one another: one of them makes it, and gives it to the others. It needs no GPU.
    ///
    /// # Errors
    /// If there is no NCCL, or it finds no network to be found in.
    pub fn new_id() -> Result<[u8; 128], Error> {
        let (nccl, _) = nccl()?;
        let mut id = UniqueId([0; 128]);
        // SAFETY: the function writes one identifier, as large as the struct.
        nccl.check("ncclGetUniqueId", unsafe { (nccl.unique_id)(&raw mut id) })?;
        Ok(id.0)
    }

    /// Makes numbers of single precision from byte `at` on the sum of all ranks', behind what the main lane was given, and what
    /// that is given after it waits; does not wait here. Every rank calls it for as many.
    ///
    /// # Errors
    /// If NCCL or the driver fails.
    ///
    /// # Panics
    /// If the numbers reach beyond the block, `at` is no multiple of 4, or the block is of another device.
    pub fn sum(&self, memory: &Memory, at: usize, floats: usize) -> Result<(), Error> {
        let Some(Open { device, nccl, pointer }) = &self.open else { return Ok(()) };
        assert!(floats <= usize::MAX / 4 && at.is_multiple_of(4), "{floats} numbers at byte {at}");
        memory.0.check(at, 4 * floats);
        assert!(Arc::ptr_eq(device, &memory.0.device), "a block of the same device");
        let _queue = device.queue()?;
        let stream = device.stream(Lane::Main);
        let place = (memory.0.pointer + at as u64) as *mut c_void;
        // SAFETY: as many numbers lie in the block, which the driver frees behind all work that was enqueued; communicator and
        // stream are alive, and the queue is held.
        let code = unsafe { (nccl.all_reduce)(place, place, floats, FLOAT32, SUM, *pointer, stream) };
        nccl.check(&format!("ncclAllReduce of {floats} numbers"), code)?;
        self.summed.record(stream)
    }

    /// Whether the last sum is done, without waiting.
    ///
    /// # Errors
    /// If the sum failed, or with it another rank.
    pub fn is_done(&self) -> Result<bool, Error> {
        let Some(Open { device, nccl, pointer }) = &self.open else { return Ok(true) };
        device.enter()?;
        let mut status = 0;
        // SAFETY: the communicator is alive; the function writes one integer.
        nccl.check("ncclCommGetAsyncError", unsafe { (nccl.async_error)(*pointer, &raw mut status) })?;
        if status != IN_PROGRESS {
            nccl.check("a sum by NCCL", status)?;
        }
        self.summed.is_over()
    }

    /// Ends a sum that the other ranks have no part in any more, so that what was enqueued behind it goes on.
    pub fn abort(mut self) {
        self.end(true);
    }

    /// NCCL may wait for other ranks, which may have ended: it is waited for so long alone.
    fn end(&mut self, abort: bool) {
        let Some(open) = self.open.take() else { return };
        // Without a thread it stays until the process ends.
        let Ok(thread) = thread::Builder::new().spawn(move || open.end(abort)) else { return };
        let start = Instant::now();
        while !thread.is_finished() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl Device {
    /// Joins the device with those of other ranks; waits until all of them call it, each with its number and the same id.
    ///
    /// # Errors
    /// If there is no NCCL, or it does not find the others or a way to them.
    ///
    /// # Panics
    /// If there are not as many ranks.
    pub fn communicator(&self, rank: usize, size: usize, id: &[u8; 128]) -> Result<Communicator, Error> {
        assert!(rank < size && size <= c_int::MAX as usize, "rank {rank} of {size}");
        let (nccl, _) = nccl()?;
        let device = &self.0;
        device.enter()?;
        let summed = Event::new(device.driver, false)?;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the function writes one pointer; the identifier goes by value as the library's struct; the context is current.
        let code = unsafe { (nccl.init_rank)(&raw mut pointer, size as c_int, UniqueId(*id), rank as c_int) };
        nccl.check(&format!("ncclCommInitRank {rank} of {size}"), code)?;
        Ok(Communicator { open: Some(Open { device: device.clone(), nccl, pointer }), summed })
    }
}
