//! How much of its host a rank has to itself.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::{fs, thread};

use super::words::{halves, whole};
use super::{Joint, RanksError};
use crate::machine::available_memory;

/// What suits a rank beside the others of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostShare {
    /// Threads: the cores that it may use, shared with the ranks that may use the same ones. A launcher that binds each rank
    /// to cores of its own leaves it all of them.
    pub threads: usize,
    /// Bytes of memory: as much as every other rank of the host; `None` where the system does not tell.
    pub memory: Option<usize>,
    /// Which of the ranks of its host it is, from 0.
    pub place: usize,
}

impl Joint {
    /// A rank's share of its host. Every rank asks, before any of them takes memory.
    ///
    /// # Errors
    /// If a rank does not answer.
    pub fn host_share(&mut self) -> Result<HostShare, RanksError> {
        // A rank whose host has no name is by itself.
        let host = self.host().map_or_else(|| Err(self.rank()), |host| Ok(host.to_owned()));
        let (own, bound) = (hash(&host), hash(&(host, cores())));
        let memory = available_memory().map_or(u64::MAX, |bytes| bytes as u64);
        let heard = self.gather(&[halves(own), halves(bound), halves(memory)].concat())?;
        let sharing = heard.iter().filter(|theirs| whole(&theirs[2..]) == bound).count();
        let threads = threads(thread::available_parallelism().map_or(1, usize::from), sharing);
        let is_beside = |theirs: &&Vec<u32>| whole(theirs) == own;
        let place = heard[..self.rank()].iter().filter(is_beside).count();
        let beside = heard.iter().filter(is_beside).map(|theirs| whole(&theirs[4..]));
        Ok(HostShare { threads, memory: even_share(&beside.collect::<Vec<_>>()), place })
    }
}

/// The part of each rank of a host, from what every one of them found available; [`u64::MAX`] is unknown.
fn even_share(found: &[u64]) -> Option<usize> {
    let least = found.iter().copied().min().filter(|&bytes| bytes < u64::MAX)?;
    usize::try_from(least).ok().map(|bytes| bytes / found.len())
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn threads(cores: usize, sharing: usize) -> usize {
    (cores / sharing.max(1)).max(1)
}

/// The cores that this process may run on, where the system tells.
fn cores() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Ranks, local_on};
    use super::*;

    #[test]
    fn ranks_of_a_host_share_its_memory_and_those_of_others_do_not() {
        let hosts = ["a", "b", "a"];
        let ask = |ranks: Arc<dyn Ranks>| {
            thread::spawn(move || Joint::new(ranks, false, Arc::default()).host_share().unwrap())
        };
        let asked: Vec<_> = local_on(&hosts).into_iter().map(ask).collect();
        let found: Vec<HostShare> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!([found[0].threads, found[1].threads], [(cores / 2).max(1), cores]);
        assert_eq!(found[0], HostShare { place: 0, ..found[2] });
        assert_eq!([0, 1, 2].map(|rank: usize| found[rank].place), [0, 0, 1]);
        assert_eq!(
            [even_share(&[100, 90]), even_share(&[100]), even_share(&[u64::MAX; 2])],
            [Some(45), Some(100), None]
        );
    }

    #[test]
    fn cores_are_shared_evenly_and_none_goes_without() {
        assert_eq!(
            [(16, 1), (16, 2), (16, 3), (2, 4)].map(|(cores, ranks)| threads(cores, ranks)),
            [16, 8, 5, 1]
        );
        assert!(cores().is_none_or(|cores| !cores.is_empty()));
    }
}
