//! Kernels without a GPU: the same comparisons as on a card, with the kernels' sources compiled by g++.

mod checks;
mod lists;

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use checks::Report;
use convnet_gpu::List;
use convnet_gpu_emulation::Emulator;

/// The emulator, for one test at a time: the emulation's threads and shared memory are globals.
fn emulator() -> Option<&'static Mutex<Emulator>> {
    static EMULATOR: OnceLock<Option<Mutex<Emulator>>> = OnceLock::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    let emulator = EMULATOR.get_or_init(|| Emulator::new(&folder).map(Mutex::new)).as_ref();
    if emulator.is_none() {
        println!("skipped: no g++ to compile the kernels with");
    }
    emulator
}

impl checks::Machine for Emulator {
    fn run(&mut self, list: &List, memory: &mut [u8]) -> Result<(), String> {
        Self::run(self, list, memory);
        Ok(())
    }
}

fn run(what: &str, check: fn(&mut dyn checks::Machine, &mut Report)) {
    let Some(emulator) = emulator() else { return };
    let mut emulator = emulator.lock().unwrap_or_else(PoisonError::into_inner);
    let mut report = Report::default();
    check(&mut *emulator, &mut report);
    report.print(what);
    assert!(report.failures.is_empty(), "{} failures", report.failures.len());
}

#[test]
fn maps() {
    run("maps", checks::maps::check);
}

#[test]
fn functions_of_one_map_and_of_two() {
    run("functions", checks::functions::check);
}

#[test]
fn linear_maps_and_orders() {
    run("linear maps and orders", checks::separable::check);
}

#[test]
fn layers_with_a_number_for_each_channel() {
    run("by channel", checks::by_channel::check);
}

#[test]
fn reductions() {
    run("reductions", checks::reductions::check);
}

#[test]
fn layers() {
    run("layers", checks::layers::check);
}

#[test]
fn updates() {
    run("updates", checks::updates::check);
}

#[test]
fn updates_of_whole_tensors() {
    run("updates of whole tensors", checks::tensors::check);
}

#[test]
fn batches_of_images_that_are_kept() {
    run("images", checks::images::check);
}

#[test]
fn small_linear_layers() {
    run("small linear layers", checks::small_linear::check);
}

#[test]
fn thin_convolutions() {
    run("thin convolutions", checks::convolutions::thin);
}

#[test]
fn thin_convolutions_with_maxima() {
    run("thin convolutions with maxima", checks::convolutions::pooled);
}

#[test]
fn stems() {
    run("stems", checks::convolutions::stem);
}

#[test]
fn convolutions_and_products() {
    run("convolutions and products", checks::convolutions::check);
}

#[test]
fn training_lenet_follows_double_precision() {
    use checks::lenet::{Lenet, distance, first_parameters, noise, reference};
    use convnet_gpu::{Clock, Precision};

    let Some(machine) = emulator() else { return };
    let batch = 3;
    for thin in [false, true] {
        let net = Lenet::new(batch, Precision::F32, true, thin);
        let images = noise(3, batch * 1024);
        let labels = [7, 0, 9];
        let mut memory = vec![0u8; net.bytes];
        let mut put = |at: usize, values: &[f64]| {
            for (i, value) in values.iter().enumerate() {
                memory[at + 4 * i..][..4].copy_from_slice(&(*value as f32).to_le_bytes());
            }
        };
        put(net.images.at, &images);
        put(net.parameters.at, &first_parameters());
        memory[net.clock.at..][..Clock::BYTES].copy_from_slice(&Clock::bytes(1, 0, [0.1, 1.0]));
        for (i, label) in labels.iter().enumerate() {
            memory[net.labels.at + 4 * i..][..4].copy_from_slice(&u32::to_le_bytes(*label));
        }
        let mut emulator = machine.lock().unwrap_or_else(PoisonError::into_inner);
        let list = net.step();
        let (losses, expected) = reference(batch, &images, &labels, 0.1, 2);
        let float = |memory: &[u8], at: usize| {
            f64::from(f32::from_le_bytes([memory[at], memory[at + 1], memory[at + 2], memory[at + 3]]))
        };
        for loss in losses {
            emulator.run(&list, &mut memory);
            let found = float(&memory, net.loss.at);
            assert!((found - loss).abs() < 1e-5, "loss {found} for {loss}");
        }
        let found: Vec<f64> =
            (0..net.parameters.len).map(|i| float(&memory, net.parameters.at + 4 * i)).collect();
        let distance = distance(&found, &expected);
        assert!(distance < 1e-5, "updates are {distance:e} from double precision");
    }
}
