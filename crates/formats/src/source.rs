//! Bytes that are read where they are needed.
//!
//! Files are not mapped to memory: a mapping is only as safe as every other program that may cut the file short
//! meanwhile, and its pages count as this process's memory.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::FormatError;

/// Bytes with positions.
pub trait Source: Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `out` with the bytes from `position` on.
    ///
    /// # Errors
    /// If the bytes end before, or the system refuses.
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()>;
}

/// A regular file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a regular file; a device or a pipe, which may never end, is refused.
    ///
    /// # Errors
    /// If the system refuses, or it is no regular file.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
            }
            Ok(Self { file, len: metadata.len() })
        };
        open().map_err(FormatError::read(path))
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(unix)]
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, out, position)
    }

    #[cfg(windows)]
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            let at = position + done as u64;
            match std::os::windows::fs::FileExt::seek_read(&self.file, &mut out[done..], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        let part = self.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
