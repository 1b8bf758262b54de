//! What a card would do, without one: lists of whole networks run by the emulation, beside the oracle.

mod average;
pub(crate) mod card;
pub(super) mod communicator;
mod frozen;
mod joint;
mod looks;
mod networks;
mod shared;
mod trainings;
mod updates;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use convnet_gpu::Format;
use convnet_gpu_emulation::Emulator;

use super::places::Places;
use super::program::Program;

const IMAGES: usize = 3;

/// The emulation, for one test at a time; none where there is no g++.
fn emulator() -> Option<MutexGuard<'static, Emulator>> {
    static EMULATOR: OnceLock<Option<Mutex<Emulator>>> = OnceLock::new();
    let new = || {
        let program = std::env::current_exe().ok()?;
        Emulator::new(&program.with_file_name("gpu-emulation")).map(Mutex::new)
    };
    let emulator = EMULATOR.get_or_init(new).as_ref();
    if emulator.is_none() {
        println!("skipped: no g++ to compile the kernels with");
    }
    Some(emulator?.lock().unwrap_or_else(PoisonError::into_inner))
}

fn put(memory: &mut [u8], at: usize, values: impl IntoIterator<Item = f32>) {
    for (i, value) in values.into_iter().enumerate() {
        memory[at + 4 * i..][..4].copy_from_slice(&value.to_le_bytes());
    }
}

fn get(memory: &[u8], at: usize, count: usize) -> Vec<f32> {
    let word = |i: usize| [0, 1, 2, 3].map(|byte| memory[at + 4 * i + byte]);
    (0..count).map(|i| f32::from_le_bytes(word(i))).collect()
}

/// A program's block. What a pass writes before it reads holds NaN: a card's memory is nothing in particular from the second step on.
fn memory(places: &Places) -> Vec<u8> {
    let mut memory = vec![0; places.end];
    for range in [places.results..places.parameters, places.gradients..places.running] {
        memory[range].fill(0xff);
    }
    memory
}

/// Element `at` of the activations.
fn element(memory: &[u8], program: &Program, places: &Places, at: usize) -> f32 {
    match program.format() {
        Format::F32 => get(memory, places.activations + 4 * at, 1)[0],
        Format::Bf16 => {
            let at = places.activations + 2 * at;
            f32::from_bits(u32::from(u16::from_le_bytes([memory[at], memory[at + 1]])) << 16)
        }
    }
}
