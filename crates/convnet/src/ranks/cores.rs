//! How many threads a rank has to itself.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::{fs, thread};

use super::words::halves;
use super::{Joint, RanksError};

impl Joint {
    /// The threads that suit a rank on this host: the cores that it may use, shared with the ranks that may use the same ones.
    /// A launcher that binds each rank to cores of its own leaves it all of them. Every rank asks.
    ///
    /// # Errors
    /// If a rank does not answer.
    pub fn threads(&mut self, host: &str) -> Result<usize, RanksError> {
        let mut hasher = DefaultHasher::new();
        (host, cores()).hash(&mut hasher);
        let said = halves(hasher.finish());
        let sharing = self.gather(&said)?.into_iter().filter(|theirs| theirs[..] == said).count();
        Ok(threads(thread::available_parallelism().map_or(1, usize::from), sharing))
    }
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
    use super::*;

    #[test]
    fn cores_are_shared_evenly_and_none_goes_without() {
        assert_eq!(
            [(16, 1), (16, 2), (16, 3), (2, 4)].map(|(cores, ranks)| threads(cores, ranks)),
            [16, 8, 5, 1]
        );
        assert!(cores().is_none_or(|cores| !cores.is_empty()));
    }
}
