//! Weights that need not be in memory as a whole.

use std::io;
use std::path::PathBuf;

use super::StateDict;

/// A tensor that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is none of that name.
    #[error("there is no tensor `{name}`")]
    Missing {
        /// The name.
        name: String,
    },
    /// It has fewer elements.
    #[error("tensor `{name}` has no {count} elements from number {first} on")]
    Range {
        /// The tensor.
        name: String,
        /// The first element that was asked for.
        first: usize,
        /// How many were asked for.
        count: usize,
    },
    /// Its file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A weight that no network computes with.
    #[error(
        "`{}`: parameter `{name}` has {value} at {index:?}; such weights are left by a training that diverged, or by a \
         conversion to a type that they are too large for: load an earlier checkpoint",
        path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The element, an index for each dimension.
        index: Vec<usize>,
        /// NaN or an infinity.
        value: f32,
    },
}

/// Where an engine takes weights from: a state dict in memory, or a file that is read part by part.
pub trait TensorSource: Sync {
    /// The dimensions of a tensor; `None` where there is none of that name.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// Reads elements in row-major order, from number `first` on.
    ///
    /// # Errors
    /// If there is no such tensor, it has fewer elements, or its file cannot be read.
    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError>;
}

impl TensorSource for StateDict {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.get(name).map(|tensor| tensor.shape.clone())
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        let tensor = self.get(name).ok_or_else(|| ReadError::Missing { name: name.to_owned() })?;
        let part = tensor.data.get(first..).and_then(|rest| rest.get(..out.len()));
        let Some(part) = part else {
            return Err(ReadError::Range { name: name.to_owned(), first, count: out.len() });
        };
        out.copy_from_slice(part);
        Ok(())
    }
}
