//! One file a subcommand: its arguments (`Args`) and its work (`run`).
//!
//! A new one is a `mod` line, a variant and an arm of [`Command::run`].

use crate::error::Failure;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {}

impl Command {
    /// Does the work.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        match *self {}
    }
}
