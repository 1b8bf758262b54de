//! PyTorch model code as networks, and networks as PyTorch model code.

#![forbid(unsafe_code)]

mod write;

pub use write::{WriteError, start, write};
