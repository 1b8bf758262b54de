//! Weights from files and to files: safetensors, also in shards, and PyTorch's state dicts; whole networks as ONNX.
//!
//! ```
//! use convnet::io::{self, LoadOptions, WeightsFile};
//! use convnet::{state, zoo};
//!
//! let net = zoo::lenet().build()?;
//! let weights = state::initialize(&net, 0);
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("lenet.pth");
//! io::save(&weights, None, &path)?;
//! // Read part by part where an engine asks for it, or as a whole.
//! let loaded = io::load(&net, WeightsFile::open(&path)?, LoadOptions::default())?;
//! assert!(loaded.report.is_exact());
//! assert_eq!(loaded.state_dict()?, weights);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod card;
mod error;
mod file;
mod fits;
mod grow;
mod load;
mod metadata;
mod names;
mod onnx;
mod settings;
#[cfg(feature = "train")]
mod tensors;
mod write;

pub use card::ModelCard;
pub use error::{IoError, Known};
pub use file::WeightsFile;
pub use fits::Fit;
pub use grow::{Grown, grow};
pub use load::{Head, LoadOptions, LoadReport, Loaded, load};
#[cfg(feature = "train")]
pub(crate) use metadata::entry;
pub use onnx::{Import, ImportOptions, Normalization, export, import, import_with};
#[cfg(feature = "train")]
pub(crate) use tensors::{read_tensors, write_tensors};
#[cfg(feature = "train")]
pub(crate) use tensors::{shapes, tensors_of_bytes, tensors_to_bytes};
pub use write::{Format, convert, parameters, save};

#[cfg(test)]
mod tests;
