//! File formats: bytes to plain structs and back. Nothing here knows of networks.
//!
//! Every reader takes bytes of unknown origin: it answers with an error that tells the place, what is there
//! and what was expected, and allocates no more than the bytes that are there can fill.

#![forbid(unsafe_code)]

pub mod atomic;
pub mod checksum;
pub mod cifar;
mod error;
pub mod foreign;
pub mod gzip;
pub mod idx;
pub mod npy;
mod number;
pub mod onnx;
pub mod pth;
pub mod safetensors;
pub mod sealed;
pub mod shards;
mod source;
pub mod stale;
mod strided;
pub mod table;
pub mod tar;
pub mod tensorboard;

pub use error::{FormatError, Malformed, read_file, read_text};
pub use number::{Entry, Number};
pub use source::{FileSource, Source, open_regular};
