//! What can go wrong in training, told with a way out.

use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use crate::data::{DataError, Differences};
use crate::exec::{CompileError, RunError};
use crate::io::IoError;
use crate::optim::OptimizerError;
use crate::ranks::RanksError;

/// Why a run cannot be started, continued or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting that cannot be followed.
    #[error("setting `{name}` is {found}, expected {expected}")]
    Setting {
        /// The setting's key in a recipe.
        name: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },

    /// A pattern or a name of a setting that fits nothing of the network.
    #[error(
        "setting `{name}` is \"{found}\", which fits nothing of the network{}",
        if near.is_empty() { String::new() } else { format!("; similar names: `{}`", near.join("`, `")) }
    )]
    NoSuchLayer {
        /// The setting's key in a recipe.
        name: String,
        /// The pattern, or the name.
        found: String,
        /// Names that the network has.
        near: Vec<String>,
    },

    /// Groups of parameters that the network does not have.
    #[error("setting `parameters.group`: {0}")]
    Groups(#[from] crate::optim::GroupError),

    /// Settings that no recipe has.
    #[error("recipe: {}", reason.trim_end())]
    Recipe {
        /// Which, from the TOML reader.
        reason: String,
    },

    /// A recipe, or a run's `config.toml`, that is not as it should be.
    #[error("{}: {reason}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and what, from the TOML reader.
        reason: String,
    },

    /// The directory for a new run holds something already.
    #[error(
        "`{}` exists already and is not empty: resume the run in it, or choose another directory",
        path.display()
    )]
    Exists {
        /// The directory.
        path: PathBuf,
    },

    /// A directory that is no run.
    #[error("`{}` is no training run: it has no `{missing}`; give a directory that a run wrote", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
        /// The file that each run has.
        missing: &'static str,
    },

    /// A directory in which a run was stopped before its settings were written.
    #[error("the run in `{}` was stopped before its settings were written: start it again there", path.display())]
    NotStarted {
        /// The directory.
        path: PathBuf,
    },

    /// A run of which no epoch is finished, so that there are no weights to use.
    #[error("no epoch of the run in `{}` is finished yet, so it has no weights: resume it", path.display())]
    NoEpoch {
        /// The directory.
        path: PathBuf,
    },

    /// A directory in which another process trains.
    #[error("another process trains in `{}`: wait until it ends, or choose another directory", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },

    /// A file of a run that is lost.
    #[error("`{}` is missing, and {why}; put back a copy of it, or start a new run", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// How that is known.
        why: String,
    },

    /// A run that a newer version of this crate made.
    #[error(
        "{}: made by convnet {version}, which is newer than this one, {}; use that version",
        path.display(),
        super::version::OWN
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version.
        version: String,
    },

    /// A run that was made by other settings than those it shall go on with.
    #[error(
        "`{}` was made by other settings: {}; leave these out to continue it as it was, \
         or start a new run in another directory",
        path.display(),
        differences.join(", ")
    )]
    OtherSettings {
        /// The run's directory.
        path: PathBuf,
        /// Each setting that differs: its key, the run's value and the one asked for.
        differences: Vec<String>,
    },

    /// Data that are not what they were when the run was started.
    #[error(
        "the data of `{}` have changed since it was started: {differences}; bring them back to what they were, or start \
         a new run",
        path.display()
    )]
    OtherData {
        /// The run's directory.
        path: PathBuf,
        /// What changed.
        differences: Box<Differences>,
    },

    /// A rank that would train otherwise than the first one.
    #[error(
        "rank {rank} would train otherwise than the first one: {}; give every rank the same command, program and data",
        differences.join("; ")
    )]
    OtherRank {
        /// Its number.
        rank: usize,
        /// What differs.
        differences: Vec<String>,
    },

    /// The ranks of a run cannot go on together.
    #[error(transparent)]
    Ranks(#[from] RanksError),

    /// A file of a run that does not fit the rest of it.
    #[error("`{}`: {reason}; put back a copy of it, or start a new run", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// A network and a data set with different numbers of classes.
    #[error(
        "network `{net}` has {outputs} outputs, data set `{data}` has {classes} classes; \
         build the network for {classes} classes"
    )]
    Classes {
        /// The network.
        net: String,
        /// Features of its main output.
        outputs: usize,
        /// The data set.
        data: String,
        /// Its classes.
        classes: usize,
    },

    /// A teacher that a network cannot learn from.
    #[error("the teacher `{model}` cannot be learned from: {problem}")]
    Teacher {
        /// Its name in the recipe.
        model: String,
        /// Why.
        problem: String,
    },

    /// A loss that is no number any more.
    #[error(
        "the loss is not a finite number at step {step}: {cause}; lower the learning rate, whose peak is `lr` = {}",
        readable(*lr)
    )]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// Where it came from.
        cause: String,
        /// The recipe's learning rate.
        lr: f64,
    },

    /// A network that the engine cannot run, or weights that do not fit it.
    #[error(transparent)]
    Compile(#[from] CompileError),

    /// A batch that the network cannot take.
    #[error(transparent)]
    Run(#[from] RunError),

    /// Weights that could not be used.
    #[error(transparent)]
    Weights(IoError),

    /// Images that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),

    /// A file that could not be written, or weights that could not be read.
    #[error(transparent)]
    File(#[from] FormatError),

    /// A file or directory that could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// `make the run directory`, `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A chart that could not be drawn.
    #[error("cannot draw `{}`: {reason}", path.display())]
    Chart {
        /// The chart's file.
        path: PathBuf,
        /// The drawing library's reason.
        reason: String,
    },
}

/// A number as people write it: `0.05`, and not hundreds of zeros.
pub(super) fn readable(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-5..1e7 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

impl TrainError {
    pub(super) fn setting(
        name: impl Into<String>,
        found: impl std::fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self::Setting { name: name.into(), found: found.to_string(), expected }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

impl From<OptimizerError> for TrainError {
    fn from(error: OptimizerError) -> Self {
        let OptimizerError { name, found, expected } = error;
        Self::Setting { name: format!("optimizer.{name}"), found, expected }
    }
}

impl From<IoError> for TrainError {
    fn from(error: IoError) -> Self {
        match error {
            IoError::File(error) => Self::File(error),
            error => Self::Weights(error),
        }
    }
}
