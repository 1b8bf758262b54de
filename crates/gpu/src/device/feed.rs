//! Batches from the host, copied beside the computation.

use std::sync::Arc;

use super::memory::Block;
use super::{Device, Event, Inner, Memory};
use crate::Error;
use crate::list::Lane;

/// A batch on its way to the device: memory of the host that the device can read, a landing place on the device, and the
/// copies between. With two feeds one batch travels while another is computed on.
pub struct Feed {
    device: Arc<Inner>,
    pinned: *mut u8,
    bytes: usize,
    /// Bytes of the last batch.
    sent: usize,
    landing: Block,
    /// The last batch has landed; it has been taken from the landing.
    landed: Event,
    taken: Event,
}

// SAFETY: the pinned memory is the feed's own, and events and streams belong to no thread.
unsafe impl Send for Feed {}

impl Device {
    /// A feed for batches of up to so many bytes.
    ///
    /// # Errors
    /// If there is no room.
    pub fn feed(&self, bytes: usize) -> Result<Feed, Error> {
        let device = &self.0;
        let landing = Block::new(device, bytes)?;
        let mut pinned = std::ptr::null_mut();
        // SAFETY: the function writes one pointer; the context is current.
        let code = unsafe { (device.driver.allocate_pinned)(&raw mut pinned, bytes.max(1)) };
        device.driver.check("cuMemAllocHost", code)?;
        let pinned = pinned.cast::<u8>();
        // SAFETY: as many bytes as were allocated.
        unsafe { pinned.write_bytes(0, bytes.max(1)) };
        let (landed, taken) = (Event::new(device.driver, false)?, Event::new(device.driver, false)?);
        Ok(Feed { device: device.clone(), pinned, bytes, sent: 0, landing, landed, taken })
    }
}

impl Feed {
    /// Lets `fill` write a batch of so many bytes, and sends it: the copy waits for the last batch to be taken, and nothing waits for
    /// it until [`Feed::take`].
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If the feed is for fewer bytes.
    pub fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        assert!(bytes <= self.bytes, "a batch of {bytes} bytes on a feed for {}", self.bytes);
        self.device.enter()?;
        self.landed.wait()?;
        self.sent = bytes;
        // SAFETY: the memory is the feed's own, of at least that many initialized bytes, and no copy reads it any more.
        fill(unsafe { std::slice::from_raw_parts_mut(self.pinned, bytes) });
        if bytes == 0 {
            return Ok(());
        }
        let _queue = self.device.queue()?;
        let stream = self.device.copies;
        self.taken.hold(stream)?;
        // SAFETY: both places have at least that many bytes; the pinned one is not written before the event below.
        let code =
            unsafe { (self.device.driver.upload)(self.landing.pointer, self.pinned.cast(), bytes, stream) };
        self.device.driver.check("cuMemcpyHtoDAsync", code)?;
        self.landed.record(stream)
    }

    /// Copies the batch that was sent to a place in memory, behind what the main lane was given.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If it reaches beyond the block, or the block is of another device.
    pub fn take(&self, memory: &Memory, at: usize) -> Result<(), Error> {
        memory.0.check(at, self.sent);
        assert!(Arc::ptr_eq(&self.device, &memory.0.device), "a block of the same device");
        if self.sent == 0 {
            return Ok(());
        }
        let _queue = self.device.queue()?;
        let stream = self.device.stream(Lane::Main);
        self.landed.hold(stream)?;
        let target = memory.0.pointer + at as u64;
        // SAFETY: both ranges lie in their blocks.
        let code = unsafe { (self.device.driver.copy)(target, self.landing.pointer, self.sent, stream) };
        self.device.driver.check("cuMemcpyDtoDAsync", code)?;
        self.taken.record(stream)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // A failure leaves nothing to wait for.
            let _ = self.device.wait(self.device.copies);
            // SAFETY: the memory was allocated here, and no copy reads it any more.
            unsafe { (self.device.driver.free_pinned)(self.pinned.cast()) };
        }
    }
}
