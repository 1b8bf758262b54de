//! Kernels without a GPU: the same comparisons as on a card, with the kernels' sources compiled by g++.

mod checks;
mod emulation;

use std::sync::{Mutex, OnceLock, PoisonError};

use checks::Report;
use emulation::Emulator;

fn run(what: &str, check: fn(&mut dyn checks::Machine, &mut Report)) {
    // One at a time: the emulation's threads and shared memory are globals.
    static EMULATOR: OnceLock<Option<Mutex<Emulator>>> = OnceLock::new();
    let Some(emulator) = EMULATOR.get_or_init(|| Emulator::new().map(Mutex::new)) else { return };
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
fn reductions() {
    run("reductions", checks::reductions::check);
}

#[test]
fn layers() {
    run("layers", checks::layers::check);
}

#[test]
fn convolutions_and_products() {
    run("convolutions and products", checks::products);
}
