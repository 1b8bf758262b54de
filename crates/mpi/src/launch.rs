//! What a launcher told of the processes that it started.

use std::{env, fmt};

/// What a launcher told of the processes that it started, read from the environment before any library is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// This process's number, below `size`.
    pub rank: usize,
    /// Processes of the run.
    pub size: usize,
    /// Processes of the run on this host, where told.
    pub local_size: Option<usize>,
    /// Who started them.
    pub launcher: Launcher,
}

/// A kind of launcher, and of the library that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Open MPI's `mpirun`.
    OpenMpi,
    /// MPICH's Hydra, and whatever else speaks its PMI: Intel MPI, MVAPICH.
    Mpich,
}

impl Launch {
    /// What the environment tells; `None` if no launcher started this process.
    pub fn of_environment() -> Option<Self> {
        Self::told(|name| env::var(name).ok())
    }

    fn told(tell: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| tell(name)?.trim().parse::<usize>().ok();
        let launch = |launcher, rank: &str, size: &str, local: &str| {
            let (rank, size) = (number(rank)?, number(size)?);
            let local_size = number(local).filter(|local| (1..=size).contains(local));
            (rank < size).then_some(Self { rank, size, local_size, launcher })
        };
        let open_mpi = launch(
            Launcher::OpenMpi,
            "OMPI_COMM_WORLD_RANK",
            "OMPI_COMM_WORLD_SIZE",
            "OMPI_COMM_WORLD_LOCAL_SIZE",
        );
        open_mpi.or_else(|| launch(Launcher::Mpich, "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"))
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenMpi => "Open MPI",
            Self::Mpich => "MPICH",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Option<Launch> {
        Launch::told(|asked| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn open_mpi_tells_rank_size_and_local_size() {
        let variables = [
            ("OMPI_COMM_WORLD_RANK", "2"),
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ];
        let launch = Launch { rank: 2, size: 4, local_size: Some(2), launcher: Launcher::OpenMpi };
        assert_eq!(told(&variables), Some(launch));
    }

    #[test]
    fn hydra_tells_rank_size_and_local_size() {
        let variables = [("PMI_RANK", "0"), ("PMI_SIZE", "3"), ("MPI_LOCALNRANKS", "3")];
        let launch = Launch { rank: 0, size: 3, local_size: Some(3), launcher: Launcher::Mpich };
        assert_eq!(told(&variables), Some(launch));
    }

    #[test]
    fn the_local_size_may_be_missing_or_absurd() {
        for local in [("HOME", "/root"), ("MPI_LOCALNRANKS", "0"), ("MPI_LOCALNRANKS", "9")] {
            let launch = told(&[("PMI_RANK", "1"), ("PMI_SIZE", "2"), local]).unwrap();
            assert_eq!(launch.local_size, None, "{local:?}");
        }
    }

    #[test]
    fn a_process_that_no_launcher_started_has_no_launch() {
        assert_eq!(told(&[("HOME", "/root")]), None);
        assert_eq!(told(&[("PMI_RANK", "0")]), None);
        assert_eq!(told(&[("PMI_RANK", "2"), ("PMI_SIZE", "2")]), None);
        assert_eq!(told(&[("PMI_RANK", "-1"), ("PMI_SIZE", "two")]), None);
    }
}
