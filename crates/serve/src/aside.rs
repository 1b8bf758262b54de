//! What takes long is done on threads for that: those that read and write go on meanwhile.

use crate::problem::Problem;

/// A body or an answer of this length takes long to read or to write.
const LONG: usize = 1 << 16;

/// Does what takes long on a thread for that.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::inside)?
}

/// Does what goes over so many bytes: apart if they are many, else at once.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match bytes < LONG {
        true => work(),
        false => apart(work).await,
    }
}
