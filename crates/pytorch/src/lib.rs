//! PyTorch model code as networks, and networks as PyTorch model code.
//!
//! A `.py` file that defines a network by `torch.nn` is read as it is: its Python is evaluated by a small interpreter that
//! is bounded in steps and memory and reaches nothing but the files beside it, `forward` is traced with tensors that have
//! a shape and no numbers, and what it computed becomes a [`convnet::graph::Graph`].

#![forbid(unsafe_code)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "native functions take their arguments by value, whether they keep them or not"
)]

mod ast;
mod builtins;
pub mod diagnostic;
mod interp;
mod nearest;
mod network;
mod parse;
mod prelude;
mod script;
mod session;
pub mod source;
mod torch;
mod value;
mod write;

pub use network::{Checked, Network, ReadOptions, check, entries, read, read_text};
pub use script::script;
pub use session::print_of;
pub use write::{WriteError, start, write};
