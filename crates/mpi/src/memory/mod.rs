//! Memory of this process that the others of its host read where it lies.
//!
//! Each process writes its own memory alone: the system refuses it to all others. What they may read when is agreed on by
//! counters, which only go up.

#[cfg(target_os = "linux")]
mod memfd;
#[cfg(not(target_os = "linux"))]
mod nowhere;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

use memmap2::{MmapMut, MmapOptions, MmapRaw};

#[cfg(target_os = "linux")]
use self::memfd as system;
#[cfg(not(target_os = "linux"))]
use self::nowhere as system;

/// Counters of a process.
pub const COUNTERS: usize = 8;
/// Bytes from one counter to the next: a line of cache each.
const APART: usize = 64;
/// Where the floats begin: at a page of any machine's.
const HEADER: usize = 65_536;

/// What a process lets the others read: floats, which it writes by the map that comes with it, and counters.
#[derive(Debug)]
pub struct Published {
    counters: MmapRaw,
    place: String,
    /// Open for as long as others may open it.
    file: Option<File>,
}

/// The memory of another process of this host.
#[derive(Debug)]
pub struct Peer {
    map: MmapRaw,
    floats: usize,
}

/// Bytes of counters and floats.
fn bytes(floats: usize) -> io::Result<usize> {
    let bytes = floats.checked_mul(size_of::<f32>()).and_then(|bytes| bytes.checked_add(HEADER));
    bytes.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(|| ErrorKind::OutOfMemory.into())
}

impl Published {
    /// So many zeros, and a map to write them.
    ///
    /// # Errors
    /// If the system has no such room, or no memory that can be shared and protected: Linux has, from 5.1 on.
    pub fn new(floats: usize) -> io::Result<(Self, MmapMut)> {
        let bytes = bytes(floats.max(1))?;
        let (file, place) = system::create(bytes as u64)?;
        let counters = MmapOptions::new().len(HEADER).map_raw(&file)?;
        let mut options = MmapOptions::new();
        options.offset(HEADER as u64).len(bytes - HEADER);
        // SAFETY: until the file is protected this process alone has it, and maps these bytes once; from then on the system
        // lets nobody map them to write, write to them or cut them off.
        let memory = unsafe { options.map_mut(&file)? };
        system::protect(&file)?;
        Ok((Self { counters, place, file: Some(file) }, memory))
    }

    /// Where other processes find it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// From now on nobody finds it; who has opened it keeps it.
    pub fn hide(&mut self) {
        self.file = None;
    }

    /// Sets a counter: who sees it sees all that was written before.
    ///
    /// # Panics
    /// If there is no such counter.
    pub fn announce(&self, counter: usize, value: usize) {
        self::counter(&self.counters, counter).store(value, Ordering::Release);
    }
}

impl Peer {
    /// Opens the memory of another process, of so many floats.
    ///
    /// # Errors
    /// If there is none at that place, as on another host, if it may not be read, or if it is of another size or not
    /// protected.
    pub fn open(place: &str, floats: usize) -> io::Result<Self> {
        let bytes = bytes(floats.max(1))?;
        let file = system::open(place, bytes as u64)?;
        let map = MmapOptions::new().len(bytes).map_raw_read_only(&file)?;
        Ok(Self { map, floats })
    }

    /// A counter; what its process wrote before it was set is seen from now on.
    ///
    /// # Panics
    /// If there is no such counter.
    pub fn counter(&self, counter: usize) -> usize {
        // Of loads from memory that may not be written Rust promises relaxed ones alone.
        let value = self::counter(&self.map, counter).load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }

    /// Reads floats from number `start` on, as their process may be writing them now.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn read(&self, start: usize, to: &mut [f32]) {
        let words = &self.words()[start..][..to.len()];
        to.iter_mut().zip(words).for_each(|(to, word)| *to = f32::from_bits(word.load(Ordering::Relaxed)));
    }

    /// The floats as words, to be loaded, relaxed, and no more.
    fn words(&self) -> &[AtomicU32] {
        // SAFETY: the map holds so many words behind its header, aligned as a page is, for as long as it lives: the file keeps
        // its size. `read` alone has them, and loads them relaxed, which needs no right to write.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(HEADER).cast(), self.floats) }
    }
}

/// A counter in a header.
fn counter(header: &MmapRaw, counter: usize) -> &AtomicUsize {
    assert!(counter < COUNTERS, "counter {counter} of {COUNTERS}");
    // SAFETY: a header has room for all counters, aligned, for as long as its map lives, and atomic operations alone use it.
    // `announce` stores, in a map that may be written; `Peer::counter` loads, relaxed, where it may not.
    unsafe { &*header.as_ptr().add(counter * APART).cast::<AtomicUsize>() }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process;

    use super::*;

    fn path(place: &str) -> String {
        let parts: Vec<_> = place.split('/').collect();
        format!("/proc/{}/fd/{}", parts[0], parts[1])
    }

    #[test]
    fn what_one_writes_another_reads_and_cannot_write() {
        let (mut own, mut memory) = Published::new(3).unwrap();
        let peer = Peer::open(own.place(), 3).unwrap();
        let float = |at: usize| {
            let mut found = [f32::NAN];
            peer.read(at, &mut found);
            found[0]
        };
        assert_eq!((peer.counter(0), float(2)), (0, 0.0));
        memory[8..12].copy_from_slice(&1.5_f32.to_ne_bytes());
        own.announce(COUNTERS - 1, 7);
        assert_eq!(peer.counter(COUNTERS - 1), 7);
        assert_eq!([float(1), float(2)], [0.0, 1.5]);

        let again = File::options().read(true).write(true).open(path(own.place())).unwrap();
        assert!(MmapOptions::new().map_raw(&again).is_err(), "mapped to write by another");
        assert!(again.set_len(0).is_err() && again.set_len(1 << 20).is_err(), "cut off or made longer");
        own.hide();
        assert!(Peer::open(own.place(), 3).is_err(), "found though it is hidden");
        drop(own);
        assert_eq!(peer.counter(COUNTERS - 1), 7, "a map outlives its file");
    }

    #[test]
    fn what_is_no_such_memory_is_refused() {
        let (own, _memory) = Published::new(5).unwrap();
        let place = own.place();
        let refused = |place: &str, floats| Peer::open(place, floats).unwrap_err().to_string();
        assert!(refused(place, 4).contains("another size"));
        assert!(refused(&format!("{place}0"), 5).contains("other memory"));
        assert!(refused(&place.replace('/', "-"), 5).contains("no memory"));
        assert!(refused(&format!("{}/../1/x", process::id()), 5).contains("no memory"));
        assert!(refused("0/0/x", 5).contains("No such file"));
        assert!(Peer::open(place, usize::MAX).is_err() && Published::new(usize::MAX / 4).is_err());
        let (plain, place) = system::create((HEADER + 20) as u64).unwrap();
        assert!(refused(&place, 5).contains("unprotected"));
        drop(plain);
        assert!(Peer::open(&place, 5).is_err());
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn there_are_so_many_floats() {
        let (own, _memory) = Published::new(3).unwrap();
        Peer::open(own.place(), 3).unwrap().read(2, &mut [0.0; 2]);
    }

    #[test]
    #[should_panic(expected = "counter 8 of 8")]
    fn there_are_so_many_counters() {
        Published::new(0).unwrap().0.announce(COUNTERS, 1);
    }
}
