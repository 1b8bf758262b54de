//! The CPU: a plan bound to kernels. `binder` and `kind` choose them, `program` runs them stage by stage, `inference` and
//! `training` own weights and memory.
//!
//! Activations are NHWC inside; images and results are NCHW at the edges.

mod binder;
mod inference;
mod kind;
mod loader;
mod matrix;
mod memory;
#[cfg(test)]
mod optimizer_tests;
mod program;
mod run;
mod statistics;
mod table;
mod training;
mod update;

pub(crate) use inference::Inference;
pub(crate) use training::{Average, Batch, Training};
