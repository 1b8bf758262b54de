//! Weights from files and to files: safetensors, also in shards, and PyTorch's state dicts; whole networks as ONNX.

mod error;
mod file;
mod load;
mod names;
mod onnx;
mod write;

pub use error::IoError;
pub use file::WeightsFile;
pub use load::{LoadOptions, LoadReport, Loaded, load};
pub use onnx::{Normalization, export, import};
pub use write::{Target, convert, parameters};

#[cfg(test)]
mod tests;
