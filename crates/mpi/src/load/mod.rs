//! MPI's library, found and opened at run time: building needs none.
//!
//! There are two binary interfaces, which are told apart by what a library exports. Both are bound to a table
//! of functions of our own behind [`Calls`]: statuses are plain integers, and a missing function is an error.

mod calls;
mod handle;
mod search;

pub(crate) use calls::{Calls, THREAD_SERIALIZED};
pub(crate) use handle::Request;
use search::Found;
pub(crate) use search::find;
