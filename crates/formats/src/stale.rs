//! Temporary files that a process left when it was killed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What the names of temporary files start with; their writer holds a lock on them while it lives.
pub(crate) const PREFIX: &str = ".convnet-";

/// Whether a file's name is that of a temporary file.
pub fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Removes the temporary files in a folder whose writers are dead, and tells how many.
///
/// # Errors
/// If the folder cannot be read, or a file cannot be removed.
pub fn clear(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_temporary(&entry.file_name()) || !entry.file_type()?.is_file() {
            continue;
        }
        // A file that cannot be locked is written to by another process, which will rename it.
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_err()) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => count += 1,
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_dead_go_and_those_of_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".convnet-dead", ".convnet-living", ".other", "a.bin"] {
            fs::write(path(name), "half").unwrap();
        }
        let living = File::open(path(".convnet-living")).unwrap();
        living.lock().unwrap();
        assert_eq!(clear(folder.path()).unwrap(), 1);
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".convnet-living", ".other", "a.bin"]);
        drop(living);
        assert_eq!(clear(folder.path()).unwrap(), 1);
    }
}
