//! Files in memory, as Linux has them.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Error, ErrorKind};
use std::os::fd::AsRawFd;
use std::process;

use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, memfd_create,
};

/// What protects a file: it keeps its size, so that a map of it stays whole, and nobody maps it to write or writes to it
/// any more.
const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::FUTURE_WRITE).union(SealFlags::SEAL);

/// A file of so many zeros, and where other processes find it for as long as it is open.
pub(super) fn create(bytes: u64) -> io::Result<(File, String)> {
    let name = format!("convnet-{:016x}", RandomState::new().hash_one(process::id()));
    let file: File = memfd_create(&name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into();
    // Taken now: what the system cannot give later would end the process.
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    let place = format!("{}/{}/{name}", process::id(), file.as_raw_fd());
    Ok((file, place))
}

/// Protects a file, but for the maps that this process has of it.
pub(super) fn protect(file: &File) -> io::Result<()> {
    Ok(fcntl_add_seals(file, SEALS)?)
}

/// Opens a protected file of so many bytes.
pub(super) fn open(place: &str, bytes: u64) -> io::Result<File> {
    let other = |what: &str| Error::new(ErrorKind::InvalidData, format!("{what} at {place}"));
    let parts: Vec<&str> = place.splitn(3, '/').collect();
    let [process, file, name] = *parts else { return Err(other("no memory")) };
    let [Ok(process), Ok(file)] = [process, file].map(str::parse::<u32>) else {
        return Err(other("no memory"));
    };
    let path = format!("/proc/{process}/fd/{file}");
    // Not opened before it is known to be memory: to open a terminal or a pipe is to change something.
    if fs::read_link(&path)?.to_str() != Some(&format!("/memfd:{name} (deleted)")) {
        return Err(other("other memory"));
    }
    let file = File::open(path)?;
    if !fcntl_get_seals(&file)?.contains(SEALS) {
        return Err(other("unprotected memory"));
    }
    if file.metadata()?.len() != bytes {
        return Err(other("memory of another size"));
    }
    Ok(file)
}
