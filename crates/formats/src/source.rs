//! Bytes that are read where they are needed.
//!
//! Files are not mapped to memory: a mapping is only as safe as every other program that may cut the file short
//! meanwhile, and its pages count as this process's memory.

use std::fs::{self, File, FileType};
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

/// Opens a regular file, or what a link to one names, and tells its length.
///
/// Anything else is refused before it is opened: a pipe would wait for a writer, a device may never end, and opening
/// one can have effects.
///
/// # Errors
/// If the system refuses, or it is no regular file.
pub fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let regular = |metadata: fs::Metadata| match metadata.is_file() {
        true => Ok(metadata.len()),
        false => {
            let problem = format!("it is {}, expected a regular file", kind(metadata.file_type()));
            Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
        }
    };
    regular(fs::metadata(path)?)?;
    let file = File::open(path)?;
    let length = regular(file.metadata()?)?;
    Ok((file, length))
}

/// What a path names that is no regular file.
fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "of another kind" }
}

/// A regular file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a regular file, see [`open_regular`].
    ///
    /// # Errors
    /// If the system refuses, or it is no regular file.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let (file, len) = open_regular(path).map_err(FormatError::read(path))?;
        Ok(Self { file, len })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_refused_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let error = open_regular(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "it is a folder, expected a regular file");
        assert_eq!(open_regular(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn pipes_sockets_and_devices_are_refused_and_links_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, socket, link) =
            (folder.path().join("pipe"), folder.path().join("socket"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let told = |path: &Path| FileSource::open(path).unwrap_err().to_string();
        assert!(told(&pipe).ends_with("it is a pipe, expected a regular file"), "{}", told(&pipe));
        assert!(told(&socket).ends_with("it is a socket, expected a regular file"));
        assert!(told(Path::new("/dev/zero")).ends_with("it is a device, expected a regular file"));
        let file = folder.path().join("file");
        fs::write(&file, "abc").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(FileSource::open(&link).unwrap().len(), 3);
    }
}
