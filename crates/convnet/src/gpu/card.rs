//! The cards that are open, and a block of memory on one: all that passes and updates know of a device. In tests the emulation
//! stands in for a card.

mod communicator;

use std::sync::{Arc, Mutex, PoisonError};

use convnet_gpu::{Device, Error, Format, Graph, Memory, Program};

pub(super) use communicator::Communicator;

#[cfg(test)]
use super::emulated_tests::card as emulated;
use super::program::Parts;
use super::rows::bytes;
use crate::plan::CompileError;

impl From<Error> for CompileError {
    fn from(error: Error) -> Self {
        Self::Gpu { reason: error.to_string() }
    }
}

/// A card that is open.
#[derive(Clone)]
pub(super) enum Machine {
    Gpu(Device),
    #[cfg(test)]
    Emulated,
}

/// Opens a card, or gives the one that is open: it stays so until the process ends.
pub(super) fn open(index: usize) -> Result<Machine, CompileError> {
    #[cfg(test)]
    if index == emulated::INDEX {
        return Ok(Machine::Emulated);
    }
    static CARDS: Mutex<Vec<(usize, Device)>> = Mutex::new(Vec::new());
    let mut cards = CARDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = cards.iter().find(|(open, _)| *open == index) {
        return Ok(Machine::Gpu(device.clone()));
    }
    let device = Device::open(index)?;
    cards.push((index, device.clone()));
    Ok(Machine::Gpu(device))
}

/// The card, the driver and each library, with versions and places, in one line.
pub(crate) fn describe(index: usize) -> Result<String, CompileError> {
    match open(index)? {
        Machine::Gpu(device) => Ok(device.description().to_string()),
        #[cfg(test)]
        Machine::Emulated => Ok("emulated".to_owned()),
    }
}

/// How many cards the driver shows.
pub(crate) fn count() -> Result<usize, CompileError> {
    Ok(Device::count()?)
}

/// A block of a card's memory, and what runs on it.
pub(super) struct Card(Block);

enum Block {
    Gpu {
        device: Device,
        memory: Memory,
    },
    #[cfg(test)]
    Emulated(emulated::Block),
}

/// A list as a captured graph.
pub(super) struct Captured {
    pub(super) parts: Parts,
    bound: Bound,
}

enum Bound {
    Gpu {
        program: Arc<Program>,
        graph: Graph,
    },
    #[cfg(test)]
    Emulated(emulated::Block),
}

/// A way for batches from the host.
pub(super) enum Feed {
    Gpu(convnet_gpu::Feed),
    #[cfg(test)]
    Emulated {
        staged: Vec<u8>,
        sent: usize,
    },
}

impl Card {
    /// A block of zeros on an open card.
    pub(super) fn new(machine: Machine, bytes: usize) -> Result<Self, CompileError> {
        match machine {
            Machine::Gpu(device) => Ok(Self(Block::Gpu { memory: device.memory(bytes)?, device })),
            #[cfg(test)]
            Machine::Emulated => Ok(Self(Block::Emulated(emulated::Block::new(bytes)))),
        }
    }

    /// Another block of zeros on the same card.
    pub(super) fn beside(&self, bytes: usize) -> Result<Self, CompileError> {
        match &self.0 {
            Block::Gpu { device, .. } => Self::new(Machine::Gpu(device.clone()), bytes),
            #[cfg(test)]
            Block::Emulated(_) => Self::new(Machine::Emulated, bytes),
        }
    }

    /// Bytes of the card's memory that are free.
    pub(super) fn free(&self) -> Result<usize, CompileError> {
        match &self.0 {
            Block::Gpu { device, .. } => Ok(device.free_memory()?),
            #[cfg(test)]
            Block::Emulated(_) => Ok(1 << 30),
        }
    }

    /// A way for batches of up to so many bytes.
    pub(super) fn feed(&self, bytes: usize) -> Result<Feed, CompileError> {
        match &self.0 {
            Block::Gpu { device, .. } => Ok(Feed::Gpu(device.feed(bytes)?)),
            #[cfg(test)]
            Block::Emulated(_) => Ok(Feed::Emulated { staged: vec![0; bytes], sent: 0 }),
        }
    }

    /// Binds and captures a list.
    pub(super) fn capture(&self, parts: Parts) -> Result<Captured, CompileError> {
        let bound = match &self.0 {
            Block::Gpu { device, memory } => {
                let program = Arc::new(device.bind(&parts.list, memory)?);
                Bound::Gpu { graph: program.capture(1)?, program }
            }
            #[cfg(test)]
            Block::Emulated(block) => Bound::Emulated(block.clone()),
        };
        Ok(Captured { parts, bound })
    }

    /// Runs a list that is not worth keeping.
    pub(super) fn run(&self, parts: &Parts) -> Result<(), CompileError> {
        match &self.0 {
            Block::Gpu { device, memory } => {
                device.bind(&parts.list, memory)?.run()?;
                Ok(device.synchronize()?)
            }
            #[cfg(test)]
            Block::Emulated(block) => {
                block.run(&parts.list);
                Ok(())
            }
        }
    }

    /// Writes bytes.
    pub(super) fn write_bytes(&self, at: usize, bytes: &[u8]) -> Result<(), CompileError> {
        match &self.0 {
            Block::Gpu { memory, .. } => Ok(memory.write(at, bytes)?),
            #[cfg(test)]
            Block::Emulated(block) => {
                block.write(at, bytes);
                Ok(())
            }
        }
    }

    /// Reads bytes.
    pub(super) fn read_bytes(&self, at: usize, bytes: &mut [u8]) -> Result<(), CompileError> {
        match &self.0 {
            Block::Gpu { memory, .. } => Ok(memory.read(at, bytes)?),
            #[cfg(test)]
            Block::Emulated(block) => {
                block.read(at, bytes);
                Ok(())
            }
        }
    }

    /// Copies bytes of another block of the same card.
    pub(super) fn copy(
        &self,
        at: usize,
        (source, from): (&Self, usize),
        len: usize,
    ) -> Result<(), CompileError> {
        match (&self.0, &source.0) {
            (Block::Gpu { memory, .. }, Block::Gpu { memory: source, .. }) => {
                Ok(memory.copy(at, (source, from), len)?)
            }
            #[cfg(test)]
            _ => {
                let mut bytes = vec![0; len];
                source.read_bytes(from, &mut bytes)?;
                self.write_bytes(at, &bytes)
            }
        }
    }

    /// Writes numbers at a byte.
    pub(super) fn write(&self, at: usize, values: &[f32]) -> Result<(), CompileError> {
        self.write_bytes(at, &bytes(values))
    }

    /// Reads numbers of a format from a byte on.
    pub(super) fn read_as(&self, format: Format, at: usize, len: usize) -> Result<Vec<f32>, CompileError> {
        let mut bytes = vec![0; format.size() * len];
        self.read_bytes(at, &mut bytes)?;
        let single = |word: &[u8]| f32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let half = |pair: &[u8]| f32::from_bits(u32::from(u16::from_le_bytes([pair[0], pair[1]])) << 16);
        Ok(match format {
            Format::F32 => bytes.chunks_exact(4).map(single).collect(),
            Format::Bf16 => bytes.chunks_exact(2).map(half).collect(),
        })
    }

    /// Reads numbers from a byte on.
    pub(super) fn read(&self, at: usize, len: usize) -> Result<Vec<f32>, CompileError> {
        self.read_as(Format::F32, at, len)
    }
}

impl Captured {
    /// Runs it; does not wait.
    pub(super) fn replay(&self) -> Result<(), CompileError> {
        match &self.bound {
            Bound::Gpu { graph, .. } => Ok(graph.replay()?),
            #[cfg(test)]
            Bound::Emulated(block) => {
                block.run(&self.parts.list);
                Ok(())
            }
        }
    }

    /// Microseconds of it: the least and the median of `count` runs.
    pub(super) fn time(&self, count: usize) -> Result<(f32, f32), CompileError> {
        match &self.bound {
            Bound::Gpu { graph, .. } => Ok(graph.time(count)?),
            #[cfg(test)]
            Bound::Emulated(_) => Ok((0.0, 0.0)),
        }
    }

    /// Runs it launch by launch; the microseconds of each.
    pub(super) fn profile(&self) -> Result<Vec<f32>, CompileError> {
        match &self.bound {
            Bound::Gpu { program, .. } => Ok(program.profile(1)?),
            #[cfg(test)]
            Bound::Emulated(block) => {
                block.run(&self.parts.list);
                Ok(vec![1.0; self.parts.list.launches().len()])
            }
        }
    }
}

impl Feed {
    /// Lets `fill` write a batch of so many bytes, and sends it.
    pub(super) fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<(), CompileError> {
        match self {
            Self::Gpu(feed) => Ok(feed.send(bytes, fill)?),
            #[cfg(test)]
            Self::Emulated { staged, sent } => {
                *sent = bytes;
                fill(&mut staged[..bytes]);
                Ok(())
            }
        }
    }

    /// Copies the batch that was sent to a place of a block, behind all that the card was given.
    pub(super) fn take(&self, card: &Card, at: usize) -> Result<(), CompileError> {
        match (self, &card.0) {
            (Self::Gpu(feed), Block::Gpu { memory, .. }) => Ok(feed.take(memory, at)?),
            #[cfg(test)]
            (Self::Emulated { staged, sent }, _) => card.write_bytes(at, &staged[..*sent]),
            #[cfg(test)]
            (Self::Gpu(_), Block::Emulated(_)) => unreachable!("a feed of another machine"),
        }
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
