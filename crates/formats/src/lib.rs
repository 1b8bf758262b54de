//! File formats: bytes to plain structs and back. Nothing here knows of networks.
//!
//! Every reader takes bytes of unknown origin: it answers with an error that tells the place, what is there
//! and what was expected, and allocates no more than the bytes that are there can fill.

#![forbid(unsafe_code)]

pub mod atomic;
mod error;
pub mod gzip;
pub mod idx;
pub mod npy;
pub mod safetensors;

pub use error::{FormatError, Malformed, read_text};
