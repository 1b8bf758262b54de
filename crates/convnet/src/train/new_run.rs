//! The directory of a run that is about to start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::stale;

use super::lock::Lock;
use super::{RunConfig, RunDir, TrainError};
use crate::data::Fingerprint;
use crate::graph::Graph;

/// A directory that a new run has for itself: no other process gets it meanwhile.
///
/// Dropped before the run starts, it takes away the directories that it made.
#[derive(Debug)]
pub struct NewRun {
    path: PathBuf,
    /// The directories that were made for it, outermost first.
    made: Vec<PathBuf>,
    lock: Lock,
}

impl NewRun {
    /// Makes a directory, or takes one that is empty or in which a run was stopped before its settings were written.
    ///
    /// # Errors
    /// If it holds anything else, another process trains in it, or it cannot be made.
    pub fn claim(path: &Path) -> Result<Self, TrainError> {
        loop {
            let made = make(path).map_err(TrainError::io("make the run directory", path))?;
            let new = Self { path: path.to_owned(), made, lock: Lock::take(path)? };
            if new.lock.holds(path) {
                RunDir::check_new(path)?;
                new.clear()?;
                return Ok(new);
            }
        }
    }

    /// The same of the first of `base`, `base-2`, `base-3`, … that is free.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn fresh(base: &Path) -> Result<Self, TrainError> {
        for n in 1_u64.. {
            let mut name = base.as_os_str().to_owned();
            if n > 1 {
                name.push(format!("-{n}"));
            }
            let path = PathBuf::from(name);
            // A file or a broken link has the name.
            if path.symlink_metadata().is_ok() && !path.is_dir() {
                continue;
            }
            match Self::claim(&path) {
                Err(TrainError::Exists { .. } | TrainError::Busy { .. }) => {}
                claimed => return claimed,
            }
        }
        Err(TrainError::Exists { path: base.to_owned() })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what a run has from its start; `config.toml` comes last: with it the directory is a run.
    pub(super) fn start(
        mut self,
        config: RunConfig,
        net: &Graph,
        data: &Fingerprint,
    ) -> Result<(RunDir, Lock), TrainError> {
        let run = RunDir::new(&self.path, config);
        let written =
            run.write_graph(net).and_then(|()| run.write_data(data)).and_then(|()| run.write_config());
        if let Err(error) = written {
            // The first error is the one to tell.
            let _ = self.clear();
            return Err(error);
        }
        self.made.clear();
        let lock = std::mem::replace(&mut self.lock, Lock::none());
        Ok((run, lock))
    }

    /// Removes what a run that was stopped before its settings were written has left.
    fn clear(&self) -> Result<(), TrainError> {
        let fail = |error| TrainError::io("clear the run directory", &self.path)(error);
        stale::clear(&self.path).map_err(fail)?;
        for name in RunDir::BEFORE_CONFIG {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for NewRun {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            // One that holds something by now stays.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Makes a directory and those above it, and tells which were not there before.
fn make(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|part| !part.as_os_str().is_empty() && part.symlink_metadata().is_err())
        .map(Path::to_owned)
        .collect();
    missing.reverse();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => Ok(missing),
        Err(_) if path.is_dir() => {
            // Another process was faster: it is not ours.
            missing.pop();
            Ok(missing)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::run_dir::tests::{config, data, net};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn fresh_names_count_up_and_each_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("runs/lenet");
        let claimed: Vec<NewRun> = ["lenet", "lenet-2"]
            .map(|name| {
                let new = NewRun::fresh(&base).unwrap();
                assert_eq!(new.path(), folder.path().join("runs").join(name));
                new
            })
            .into();
        fs::write(folder.path().join("runs/lenet-3"), "a file").unwrap();
        assert!(NewRun::fresh(&base).unwrap().path().ends_with("lenet-4"));
        drop(claimed);
        fs::remove_file(folder.path().join("runs/lenet-3")).unwrap();
        // What was not started leaves nothing, and its name is free again.
        drop(NewRun::fresh(&base).unwrap());
        assert!(names(&folder.path().join("runs")).is_empty());
        NewRun::fresh(&base).unwrap().start(config(), &net(), &data()).unwrap();
        assert!(NewRun::fresh(&base).unwrap().path().ends_with("lenet-2"));
    }

    #[test]
    fn callers_at_once_get_directories_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("runs/lenet");
        let mut paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let start = || {
                NewRun::fresh(&base).unwrap().start(config(), &net(), &data()).unwrap().0.path().to_owned()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8);
    }

    #[test]
    fn a_start_that_was_killed_can_be_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        fs::create_dir(&path).unwrap();
        fs::write(path.join(".convnet-Ab3dEf"), "half of the settings").unwrap();
        let error = RunDir::open(&path).unwrap_err();
        assert!(matches!(error, TrainError::NotStarted { .. }), "{error}");
        NewRun::claim(&path).unwrap().start(config(), &net(), &data()).unwrap();
        assert_eq!(names(&path), ["config.toml", "data.jsonl", "graph.toml"]);
        fs::write(folder.path().join("note.txt"), "text").unwrap();
        assert!(matches!(NewRun::claim(folder.path()), Err(TrainError::Exists { .. })));
    }

    #[test]
    fn a_directory_in_which_a_run_trains_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let (_run, lock) = NewRun::claim(&path).unwrap().start(config(), &net(), &data()).unwrap();
        assert!(matches!(Lock::take(&path), Err(TrainError::Busy { .. })));
        drop(lock);
        Lock::take(&path).unwrap();
    }
}
