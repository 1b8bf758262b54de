//! Sums of gradients over the ranks of one host, which read each other's where they lie: nothing is sent.
//!
//! Each rank writes its own memory alone. It tells by counters how many sums it has started, of how many it has added up its
//! chunk, and how many it has copied from the others: they start the same sums in the same order.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use convnet_kernels::flat::{self, Addends, Reader};
use convnet_kernels::{Arena, Isa, Pool};
use convnet_mpi::{Peer, Published};

/// Sums whose values here are whole: the others may read them.
const STARTED: usize = 0;
/// Sums of which this rank's chunk is added up: the others may read that, and nobody reads the values of before any more.
const ADDED: usize = 1;
/// Sums that are here as a whole: this rank reads nothing of the others any more.
const COPIED: usize = 2;

/// Gradients that a board was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease(usize);

impl Lease {
    fn new() -> Self {
        static LEASES: AtomicUsize = AtomicUsize::new(0);
        Self(LEASES.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a rank offers to the others.
pub(super) struct Offer {
    own: Published,
    memory: Arena,
}

impl Offer {
    /// Memory for so many gradients.
    ///
    /// # Errors
    /// If the system has no such.
    pub(super) fn new(floats: usize) -> io::Result<Self> {
        let (own, memory) = Published::new(floats)?;
        Ok(Self { own, memory: Arena::over(memory, floats) })
    }

    /// Where the others find it.
    pub(super) fn place(&self) -> &str {
        self.own.place()
    }

    /// The memory of the others; `places` are those of all ranks.
    ///
    /// # Errors
    /// If one of them is not found.
    pub(super) fn peers(&self, places: &[String], rank: usize) -> io::Result<Vec<Option<Peer>>> {
        let open = |(of, place): (usize, &String)| match of == rank {
            true => Ok(None),
            false => Peer::open(place, self.memory.len()).map(Some),
        };
        places.iter().enumerate().map(open).collect()
    }

    /// The board, once all ranks have found one another, and the memory for this rank's gradients.
    pub(super) fn accepted(self, peers: Vec<Option<Peer>>, rank: usize) -> (Board, Arena) {
        let Self { mut own, memory } = self;
        own.hide();
        let board = Board {
            lease: Lease::new(),
            own,
            peers,
            rank,
            sums: VecDeque::new(),
            started: 0,
            added: 0,
            copied: 0,
            waits_for: None,
        };
        (board, memory)
    }
}

/// The memory of all ranks.
pub(super) struct Board {
    lease: Lease,
    own: Published,
    /// That of each rank but this one.
    peers: Vec<Option<Peer>>,
    rank: usize,
    /// Where those sums lie that are not here as a whole.
    sums: VecDeque<Range<usize>>,
    started: usize,
    added: usize,
    copied: usize,
    /// A rank without which it does not go on.
    waits_for: Option<usize>,
}

/// The chunk that a rank adds up.
fn chunk(range: &Range<usize>, rank: usize, ranks: usize) -> Range<usize> {
    let at = |rank: usize| range.start + rank * range.len() / ranks;
    at(rank)..at(rank + 1)
}

impl Board {
    /// The gradients whose sums it takes.
    pub(super) fn lease(&self) -> Lease {
        self.lease
    }

    /// Starts the sum of what lies at `range`, which is whole here.
    pub(super) fn start(&mut self, range: Range<usize>) {
        self.sums.push_back(range);
        self.started += 1;
        self.own.announce(STARTED, self.started);
    }

    /// A rank whose counter is below `value`.
    fn behind(&self, counter: usize, value: usize) -> Option<usize> {
        let behind = |peer: &Option<Peer>| peer.as_ref().is_some_and(|peer| peer.counter(counter) < value);
        self.peers.iter().position(behind)
    }

    /// Goes as far as it can without waiting; whether all sums are here, and the others need nothing of this rank.
    pub(super) fn advance(&mut self, (pool, isa): (&Pool, Isa), gradients: &mut [f32]) -> bool {
        loop {
            let to_add = (self.added < self.started).then(|| self.behind(STARTED, self.added + 1));
            let to_copy = (self.copied < self.added).then(|| self.behind(ADDED, self.copied + 1));
            match (to_add, to_copy) {
                (Some(None), _) => self.add((pool, isa), gradients),
                (_, Some(None)) => self.copy(pool, gradients),
                _ => {
                    let waits = to_copy.or(to_add).unwrap_or_else(|| self.behind(COPIED, self.copied));
                    self.waits_for = waits;
                    return waits.is_none();
                }
            }
        }
    }

    /// What a rank has from a place on.
    fn reader(&self, rank: usize, from: usize) -> Option<impl Fn(usize, &mut [f32]) + Sync> {
        let peer = self.peers[rank].as_ref()?;
        Some(move |start: usize, to: &mut [f32]| peer.read(from + start, to))
    }

    /// Adds up this rank's chunk of the next sum, in the order of the ranks.
    fn add(&mut self, (pool, isa): (&Pool, Isa), gradients: &mut [f32]) {
        let ranks = self.peers.len();
        let next = self.added - self.copied;
        let own = chunk(&self.sums[next], self.rank, ranks);
        {
            let readers: Vec<_> = (0..ranks).filter_map(|rank| self.reader(rank, own.start)).collect();
            let readers: Vec<Reader<'_>> = readers.iter().map(|reader| reader as Reader<'_>).collect();
            let (before, after) = readers.split_at(self.rank);
            flat::add_in_order(pool, isa, &mut gradients[own], Addends { before, after });
        }
        self.added += 1;
        self.own.announce(ADDED, self.added);
    }

    /// Copies the others' chunks of the next sum.
    fn copy(&mut self, pool: &Pool, gradients: &mut [f32]) {
        let Some(range) = self.sums.pop_front() else { return };
        let ranks = self.peers.len();
        for (rank, chunk) in (0..ranks).map(|rank| (rank, chunk(&range, rank, ranks))) {
            if let Some(reader) = self.reader(rank, chunk.start) {
                flat::read(pool, &mut gradients[chunk], &reader);
            }
        }
        self.copied += 1;
        self.own.announce(COPIED, self.copied);
    }

    /// A rank without which it does not go on.
    pub(super) fn waits_for(&self) -> Option<usize> {
        self.waits_for
    }
}
