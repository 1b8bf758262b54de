//! The GPU: a plan bound to lists of launches. `binder` and `kind` choose the operations, `program` makes lists of them,
//! `inference` and `training` own the card's memory and replay captured graphs.
//!
//! Binding is pure: lists are made and printed without a card. Activations, weights, gradients and the optimizer's state
//! lie in one block of the card's memory, `places` says where. Activations are NHWC, weights (out, height, width, in).

mod average;
mod binder;
mod card;
mod emit;
mod images;
mod inference;
mod kind;
mod loader;
mod places;
mod planes;
mod probe;
mod program;
mod rows;
mod shelf;
mod table;
mod training;
mod twins;
mod update;

#[cfg(test)]
pub(crate) mod emulated_tests;
#[cfg(test)]
mod tests;

pub(crate) use average::Average;
pub(crate) use card::{count, describe};
pub(crate) use images::Images;
pub use images::{Ahead, Sent};
pub(crate) use inference::{Inference, Kept};
pub(crate) use probe::Probe;
pub(crate) use training::{Batch, Training};
