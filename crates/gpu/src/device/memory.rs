//! Blocks of the device's memory.

use std::sync::Arc;

use super::{Device, Event, Inner};
use crate::Error;
use crate::list::Lane;

/// A block of the device's memory, zero at first. Clones are the same block.
#[derive(Clone)]
pub struct Memory(pub(super) Arc<Block>);

/// A block that is freed when it is dropped.
pub(super) struct Block {
    pub(super) device: Arc<Inner>,
    pub(super) pointer: u64,
    pub(super) bytes: usize,
}

impl Block {
    pub(super) fn new(device: &Arc<Inner>, bytes: usize) -> Result<Self, Error> {
        device.enter()?;
        let pointer = device.allocate(bytes)?;
        let block = Self { device: device.clone(), pointer, bytes };
        if bytes > 0 {
            block.set(0, bytes, 0)?;
        }
        Ok(block)
    }

    fn set(&self, at: usize, bytes: usize, value: u8) -> Result<(), Error> {
        let _queue = self.device.queue()?;
        let stream = self.device.stream(Lane::Main);
        // SAFETY: the range lies in the block, which the caller checked or made.
        let code = unsafe { (self.device.driver.set_bytes)(self.pointer + at as u64, value, bytes, stream) };
        self.device.driver.check("cuMemsetD8Async", code)?;
        self.device.wait(stream)
    }

    pub(super) fn check(&self, at: usize, bytes: usize) {
        let inside = at.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        assert!(inside, "{bytes} bytes from {at} on in a block of {}", self.bytes);
    }

    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> Result<(), Error> {
        self.check(at, bytes.len());
        let _queue = self.device.queue()?;
        let stream = self.device.stream(Lane::Main);
        let target = self.pointer + at as u64;
        // SAFETY: the range lies in the block; the source outlives the wait below.
        let code = unsafe { (self.device.driver.upload)(target, bytes.as_ptr().cast(), bytes.len(), stream) };
        self.device.driver.check("cuMemcpyHtoDAsync", code)?;
        self.device.wait(stream)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: nothing that is enqueued uses the block after this: the driver waits for all work before it frees.
            unsafe { (self.device.driver.free)(self.pointer) };
        }
    }
}

impl Device {
    /// A block of zeros.
    ///
    /// # Errors
    /// If there is no room.
    pub fn memory(&self, bytes: usize) -> Result<Memory, Error> {
        Ok(Memory(Arc::new(Block::new(&self.0, bytes)?)))
    }
}

impl Memory {
    /// Bytes of the block.
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Writes bytes, behind what the main lane was given, and waits for it.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond the block.
    pub fn write(&self, at: usize, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(at, bytes)
    }

    /// Reads bytes, behind what the main lane was given, and waits for it.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond the block.
    pub fn read(&self, at: usize, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.check(at, bytes.len());
        let device = &self.0.device;
        let stream = device.stream(Lane::Main);
        // Nobody is kept from sending a batch while this thread waits for what comes before.
        let before = {
            let _queue = device.queue()?;
            let before = Event::new(device.driver, false)?;
            before.record(stream)?;
            before
        };
        before.wait()?;
        let _queue = device.queue()?;
        let source = self.0.pointer + at as u64;
        // SAFETY: the range lies in the block; the target outlives the wait below.
        let code =
            unsafe { (device.driver.download)(bytes.as_mut_ptr().cast(), source, bytes.len(), stream) };
        device.driver.check("cuMemcpyDtoHAsync", code)?;
        device.wait(stream)
    }

    /// Copies bytes of another block of the same device, in the main lane; does not wait.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond a block, or the blocks are the same one or of two devices.
    pub fn copy(&self, at: usize, (source, from): (&Self, usize), bytes: usize) -> Result<(), Error> {
        self.0.check(at, bytes);
        source.0.check(from, bytes);
        let device = &self.0.device;
        assert!(Arc::ptr_eq(device, &source.0.device), "blocks of one device");
        assert!(!Arc::ptr_eq(&self.0, &source.0), "two blocks");
        if bytes == 0 {
            return Ok(());
        }
        let _queue = device.queue()?;
        let (target, source) = (self.0.pointer + at as u64, source.0.pointer + from as u64);
        // SAFETY: the ranges lie in two blocks, which the driver frees behind all work that was enqueued.
        let code = unsafe { (device.driver.copy)(target, source, bytes, device.stream(Lane::Main)) };
        device.driver.check("cuMemcpyDtoDAsync", code)
    }

    /// Writes numbers of single precision.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond the block.
    pub fn write_floats(&self, at: usize, values: &[f32]) -> Result<(), Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.write(at, &bytes)
    }

    /// Reads numbers of single precision.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond the block.
    pub fn read_floats(&self, at: usize, len: usize) -> Result<Vec<f32>, Error> {
        let mut bytes = vec![0; len * 4];
        self.read(at, &mut bytes)?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Sets bytes to a value, behind what the main lane was given.
    ///
    /// # Errors
    /// If the driver fails.
    ///
    /// # Panics
    /// If they reach beyond the block.
    pub fn set(&self, at: usize, bytes: usize, value: u8) -> Result<(), Error> {
        self.0.check(at, bytes);
        self.0.set(at, bytes, value)
    }
}
