//! Weights that need not be in memory as a whole.

use thiserror::Error;

use super::StateDict;

/// A tensor could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ReadError(pub String);

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
        let part = self.get(name).and_then(|tensor| tensor.data.get(first..)?.get(..out.len()));
        let Some(part) = part else {
            return Err(ReadError(format!("there are no {} elements from {first} on", out.len())));
        };
        out.copy_from_slice(part);
        Ok(())
    }
}
