//! Files that are either the old ones or the new ones, never half of each.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{FormatError, stale};

/// Writes a file to a temporary name in the same folder, syncs it, and renames it over `path`.
///
/// `fill` writes the content through a buffer. The folder must exist. When anything fails (a full disk, a
/// read-only folder), what `path` held before is still there and the temporary file is gone. A link stays one: what it
/// names is written. A file that was there keeps its permissions and, where the system allows it, its owner and group;
/// one that may not be written is an error. A device or a pipe is written as it is.
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FormatError> {
    let write = || match Target::of(path)? {
        Target::Direct => write_direct(path, fill),
        Target::Renamed { path, before } => write_renamed(&path, before.as_ref(), fill),
    };
    write().map_err(FormatError::write(path))
}

/// As [`write_with`], of bytes that are in memory.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FormatError> {
    write_with(path, |file| file.write_all(bytes))
}

/// The most links that lead to a file, as in Linux.
const MOST_LINKS: usize = 40;

/// How a path is written.
enum Target {
    /// As it is: a device, a pipe, or what a process has open.
    Direct,
    /// By a new file that replaces the one at this path, where the links end.
    Renamed { path: PathBuf, before: Option<Metadata> },
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let before = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder has that name"));
            }
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Direct),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut path = path.to_path_buf();
        for _ in 0..MOST_LINKS {
            if let (Ok(folder), Some(name)) = (fs::canonicalize(folder(&path)), path.file_name()) {
                path = folder.join(name);
            }
            // What a process has open (`/dev/stdout`) is a link there to no place in a folder.
            if path.starts_with("/proc") {
                return Ok(Self::Direct);
            }
            let Ok(link) = fs::read_link(&path) else { return Ok(Self::Renamed { path, before }) };
            path = folder(&path).join(link);
        }
        Err(io::Error::other(format!("more than {MOST_LINKS} links lead to it")))
    }
}

/// The folder that a path is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_direct(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(OpenOptions::new().write(true).truncate(true).open(path)?);
    fill(&mut file)?;
    file.flush()
}

fn write_renamed(
    path: &Path,
    before: Option<&Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if before.is_some() {
        // A file that is protected from writing is not replaced either.
        OpenOptions::new().write(true).open(path)?;
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(stale::PREFIX);
    // The permissions that a file made in the usual way would get; the process's umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder(path)).map_err(|error| plain(&error))?;
    // Tells those who clear away that its writer lives; where there are no locks, it is told nothing.
    let _ = file.as_file().lock();
    let mut file = BufWriter::new(file);
    fill(&mut file)?;
    let file: NamedTempFile = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(before) = before {
        keep(file.as_file(), before)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Gives a file the permissions of the one that it replaces.
fn keep(file: &File, before: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let now = file.metadata()?;
        // Who may not give files away keeps this one; the group is tried alone, it is often allowed.
        if now.gid() != before.gid() {
            let _ = fchown(file, None, Some(before.gid()));
        }
        if now.uid() != before.uid() {
            let _ = fchown(file, Some(before.uid()), None);
        }
    }
    file.set_permissions(before.permissions())
}

/// The system's own error: `tempfile` adds the temporary name, which tells the reader nothing.
fn plain(error: &io::Error) -> io::Error {
    io::Error::from(error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_write_replaces_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write(&path, b"long old content").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write(&path, b"old").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(&[0; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(error.unwrap_err().to_string().starts_with("cannot write `"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn folders_that_cannot_hold_the_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        write(&file, b"").unwrap();
        for path in [file.join("a.bin"), folder.path().join("missing/a.bin"), folder.path().to_path_buf()] {
            let error = write(&path, b"x").unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, usual) = (folder.path().join("ours"), folder.path().join("usual"));
        write(&ours, b"x").unwrap();
        fs::write(&usual, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&usual));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_replaced_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        for mode in [0o600, 0o664, 0o755] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_what_they_name_is_written() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("inner")).unwrap();
        symlink("inner/file", at("first")).unwrap();
        symlink("first", at("second")).unwrap();
        symlink("loop", at("loop")).unwrap();
        // The first time what the link names is not there yet.
        for content in ["a", "b"] {
            write(&at("second"), content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("inner/file")).unwrap(), content);
            assert!(at("second").is_symlink() && at("first").is_symlink());
        }
        assert_eq!(names(&at("inner")), ["file"]);
        assert!(write(&at("loop"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_written_as_they_are() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        write(&link, b"x").unwrap();
        assert!(link.is_symlink() && fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe, b"through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), b"through the pipe");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(names(folder.path()).len(), 2);
        assert!(write(Path::new("/dev/full"), b"x").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_has_open_is_written_in_place() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open");
        let file = File::create(&path).unwrap();
        write(Path::new(&format!("/dev/fd/{}", file.as_raw_fd())), b"x").unwrap();
        assert_eq!((file.metadata().unwrap().len(), names(folder.path())), (1, vec!["open".to_owned()]));
    }
}
