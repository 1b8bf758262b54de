//! The classic convolutional networks, defined, shown, trained, checked and run on a CPU.

#![forbid(unsafe_code)]

pub mod data;
pub mod exec;
pub mod graph;
pub mod inspect;
pub mod io;
pub mod ops;
#[doc(hidden)]
pub mod reference;
pub mod shape;
pub mod state;
pub mod train;
pub mod zoo;
