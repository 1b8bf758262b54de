//! Weights from files and to files: safetensors, also in shards, and PyTorch's state dicts; whole networks as ONNX.

mod card;
mod error;
mod file;
mod load;
mod metadata;
mod names;
mod onnx;
mod tensors;
mod write;

pub use card::ModelCard;
pub use error::IoError;
pub use file::WeightsFile;
pub use load::{LoadOptions, LoadReport, Loaded, load};
pub(crate) use metadata::entry;
pub use onnx::{Normalization, export, import};
pub(crate) use tensors::{read_tensors, write_tensors};
pub use write::{Format, convert, parameters, save};

#[cfg(test)]
mod tests;
