//! Networks as ONNX models, and ONNX models as networks.

mod constant;
mod draft;
mod export;
mod fold;
mod import;
mod operators;
mod window;

pub use export::{Normalization, export};
pub use import::import;
pub(super) use import::{Imported, read};
