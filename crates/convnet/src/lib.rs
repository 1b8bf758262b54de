//! The classic convolutional networks, defined, shown, trained, checked and run on a CPU.

#![forbid(unsafe_code)]

mod cpu;
pub mod data;
pub mod exec;
mod gpu;
pub mod graph;
pub mod inspect;
pub mod io;
pub mod model;
pub mod ops;
pub mod optim;
mod options;
mod plan;
#[doc(hidden)]
pub mod reference;
pub mod shape;
pub mod state;
pub mod train;
mod weights;
pub mod zoo;
