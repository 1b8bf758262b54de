//! What keeps a second process out of a run's directory while one trains in it.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::TrainError;

/// A lock on a directory, for as long as the value or the process lives.
///
/// Where a directory cannot be opened or locked (Windows, some network file systems) it locks nothing.
#[derive(Debug)]
pub(super) struct Lock(Option<File>);

impl Lock {
    /// Locks a directory.
    ///
    /// # Errors
    /// If another process has it.
    pub(super) fn take(path: &Path) -> Result<Self, TrainError> {
        let Ok(file) = File::open(path) else { return Ok(Self(None)) };
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(file))),
            Err(TryLockError::WouldBlock) => Err(TrainError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(_)) => Ok(Self(None)),
        }
    }

    /// A lock on nothing.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Whether the directory that was locked is still the one of that path: another process may have removed it
    /// before the lock was taken.
    pub(super) fn holds(&self, path: &Path) -> bool {
        #[cfg(unix)]
        if let Some(Ok(locked)) = self.0.as_ref().map(File::metadata) {
            use std::os::unix::fs::MetadataExt;
            let place = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
            return path.metadata().is_ok_and(|there| place(&there) == place(&locked));
        }
        path.is_dir()
    }
}
