//! One file a subcommand: its arguments (`Args`) and its work (`run`).
//!
//! A new one is a `mod` line, a variant and an arm of [`Command::run`].

mod diff;
mod list;
mod show;

use crate::error::Failure;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the networks: who, when, how large, and what each one taught
    List(list::Args),
    /// Show a network: layers, shapes, parameters, MACs, memory, receptive fields
    Show(show::Args),
    /// Show what differs between two networks
    Diff(diff::Args),
}

impl Command {
    /// Does the work.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::List(args) => list::run(args),
            Self::Show(args) => show::run(args),
            Self::Diff(args) => diff::run(args),
        }
    }
}
