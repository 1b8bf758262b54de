//! The cards that are open, and a block of memory on one.

use std::sync::{Arc, Mutex, PoisonError};

use convnet_gpu::{Device, Error, Feed, Format, Graph, Memory, Program};

use super::program::Parts;
use super::rows::bytes;
use crate::plan::CompileError;

impl From<Error> for CompileError {
    fn from(error: Error) -> Self {
        Self::Gpu { reason: error.to_string() }
    }
}

/// Opens a card, or gives the one that is open: it stays so until the process ends.
pub(super) fn open(index: usize) -> Result<Device, CompileError> {
    static CARDS: Mutex<Vec<(usize, Device)>> = Mutex::new(Vec::new());
    let mut cards = CARDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = cards.iter().find(|(open, _)| *open == index) {
        return Ok(device.clone());
    }
    let device = Device::open(index)?;
    cards.push((index, device.clone()));
    Ok(device)
}

/// The card, the driver and each library, with versions and places, in one line.
pub(crate) fn describe(index: usize) -> Result<String, CompileError> {
    Ok(open(index)?.description().to_string())
}

/// A block of a card's memory, and what runs on it.
pub(super) struct Card {
    device: Device,
    pub(super) memory: Memory,
}

/// A list as a captured graph.
pub(super) struct Captured {
    pub(super) parts: Parts,
    pub(super) program: Arc<Program>,
    pub(super) graph: Graph,
}

impl Card {
    /// A block of zeros on an open card.
    pub(super) fn new(device: Device, bytes: usize) -> Result<Self, CompileError> {
        let memory = device.memory(bytes)?;
        Ok(Self { device, memory })
    }

    /// A way for batches of so many bytes.
    pub(super) fn feed(&self, bytes: usize) -> Result<Feed, CompileError> {
        Ok(self.device.feed(bytes)?)
    }

    /// Binds and captures a list.
    pub(super) fn capture(&self, parts: Parts) -> Result<Captured, CompileError> {
        let program = Arc::new(self.device.bind(&parts.list, &self.memory)?);
        let graph = program.capture(1)?;
        Ok(Captured { parts, program, graph })
    }

    /// Runs a list that is not worth keeping.
    pub(super) fn run(&self, parts: &Parts) -> Result<(), CompileError> {
        let program = self.device.bind(&parts.list, &self.memory)?;
        program.run()?;
        Ok(self.device.synchronize()?)
    }

    /// Writes numbers at a byte.
    pub(super) fn write(&self, at: usize, values: &[f32]) -> Result<(), CompileError> {
        Ok(self.memory.write(at, &bytes(values))?)
    }

    /// Reads numbers of a format from a byte on.
    pub(super) fn read_as(&self, format: Format, at: usize, len: usize) -> Result<Vec<f32>, CompileError> {
        match format {
            Format::F32 => self.read(at, len),
            Format::Bf16 => {
                let mut bytes = vec![0; format.size() * len];
                self.memory.read(at, &mut bytes)?;
                let up =
                    |pair: &[u8]| f32::from_bits(u32::from(u16::from_le_bytes([pair[0], pair[1]])) << 16);
                Ok(bytes.chunks_exact(2).map(up).collect())
            }
        }
    }

    /// Reads numbers from a byte on.
    pub(super) fn read(&self, at: usize, len: usize) -> Result<Vec<f32>, CompileError> {
        Ok(self.memory.read_floats(at, len)?)
    }
}

/// Numbers a thread copies at least.
const SHARE: usize = 1 << 19;

/// Writes numbers to memory that a card reads, large ones by several threads.
pub(super) fn copy(values: &[f32], target: &mut [u8]) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = values.len().div_ceil(cores).max(SHARE);
    let one = |values: &[f32], target: &mut [u8]| {
        for (to, value) in target.chunks_exact_mut(4).zip(values) {
            to.copy_from_slice(&value.to_le_bytes());
        }
    };
    if values.len() <= SHARE {
        return one(values, target);
    }
    std::thread::scope(|scope| {
        for (values, target) in values.chunks(share).zip(target.chunks_mut(4 * share)) {
            scope.spawn(move || one(values, target));
        }
    });
}
