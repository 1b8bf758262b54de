//! Data sets: where they lie, how images become batches.
//!
//! [`open`] gives the training and test images of a named set or of a folder; a [`Preprocess`] says how an
//! image becomes a network's input; a [`Loader`] prepares batches on a thread of its own.

mod augment;
mod dataset;
mod error;
mod fashion_mnist;
mod idx_folder;
mod loader;
mod picture;
mod preprocess;
mod resize;

use std::path::Path;

pub use augment::Augment;
pub use dataset::{DataSets, Dataset};
pub use error::DataError;
pub use loader::{Batch, Loader};
pub use picture::{Image, open_image};
pub use preprocess::{Fit, Preprocess};

/// The bundled set: [`open`] finds it anywhere.
pub const DEFAULT: &str = "fashion-mnist-mini";

/// The training and test images of a named set or of a folder of IDX files.
///
/// # Errors
/// A name that no set and no folder has, files that are missing or damaged, images that do not go with their
/// labels.
pub fn open(spec: &str) -> Result<DataSets, DataError> {
    match spec {
        DEFAULT => fashion_mnist::bundled(),
        folder => idx_folder::open(Path::new(folder)),
    }
}
