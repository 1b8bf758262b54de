//! The CPU: a plan bound to kernels. `binder` and `kind` choose them, `program` runs them stage by stage, `inference` and
//! `training` own weights and memory, `probe` looks inside.
//!
//! Activations are NHWC inside; images and results are NCHW at the edges.

mod bands;
mod binder;
mod inference;
mod kind;
mod loader;
mod matrix;
mod memory;
mod onlooker;
#[cfg(test)]
mod optimizer_tests;
mod probe;
mod program;
mod run;
mod statistics;
mod table;
mod training;
mod update;

pub(crate) use inference::Inference;
pub(crate) use probe::Probe;
pub(crate) use training::{Average, Batch, Training};
