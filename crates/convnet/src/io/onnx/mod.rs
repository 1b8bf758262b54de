//! Networks as ONNX models, and ONNX models as networks.

mod export;
mod import;

pub use export::{Normalization, export};
pub use import::{Import, ImportOptions, import, import_with};
pub(super) use import::{Imported, read};
