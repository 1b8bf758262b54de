//! A card that the emulation stands in for: a block that its lists run on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use convnet_gpu::List;

use super::emulator;
use crate::exec::{Device, Options, Precision};

/// The number of the card that the emulation stands in for.
pub(in crate::gpu) const INDEX: usize = usize::MAX;

/// A block of its memory. Clones are the same one.
#[derive(Clone)]
pub(in crate::gpu) struct Block(Arc<Mutex<Vec<u8>>>);

impl Block {
    pub(in crate::gpu) fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![0; bytes])))
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::gpu) fn write(&self, at: usize, bytes: &[u8]) {
        self.bytes()[at..][..bytes.len()].copy_from_slice(bytes);
    }

    pub(in crate::gpu) fn read(&self, at: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.bytes()[at..][..bytes.len()]);
    }

    pub(in crate::gpu) fn run(&self, list: &List) {
        let mut emulator = emulator().expect("a test that has asked for the emulation");
        emulator.run(list, &mut self.bytes());
    }
}

/// The variable that names a card for the tests, by its number.
const CARD: &str = "CONVNET_TEST_CARD";

/// Options for that card, where there is a compiler for the emulation; or for a real one that is named.
pub(crate) fn options() -> Option<Options> {
    let card = match std::env::var(CARD) {
        Ok(number) => number.parse().expect("the number of a card"),
        Err(_) => {
            drop(emulator()?);
            INDEX
        }
    };
    Some(Options { device: Device::Gpu(card), precision: Precision::F32, threads: 1, ..Options::default() })
}
