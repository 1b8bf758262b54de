//! One file a subcommand: its arguments (`Args`) and its work (`run`).
//!
//! A new one is a `mod` line, a variant and an arm of [`Command::run`].

mod bench;
mod check;
mod compare;
mod convert;
mod data;
mod diff;
mod draw;
mod eval;
mod explain;
mod images;
mod joined;
mod list;
mod new;
mod predict;
mod predictions;
mod recipes;
mod report;
mod run;
mod runs;
mod script;
mod serve;
mod several;
mod show;
mod table;
mod train;
mod trained;

use crate::error::Failure;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the networks: who, when, how large, and what each one taught
    List(list::Args),
    /// Show a network: layers, shapes, parameters, MACs, memory, receptive fields
    Show(show::Args),
    /// Write a network's file to start from
    New(new::Args),
    /// Show what differs between two networks
    Diff(diff::Args),
    /// Draw a network: a picture, a page that folds, DOT, Mermaid
    Draw(draw::Args),
    /// Check a PyTorch file that defines a network: what is wrong, in which line, and what would fit
    Check(check::Args),
    /// Run a PyTorch file's own statements, without Python
    Script(script::Args),
    /// Train a network, or go on with a run that was interrupted
    Train(Box<train::Args>),
    /// List the recipes that have a name, or print one
    Recipes(recipes::Args),
    /// Tell how well a trained network classifies the test images
    Eval(eval::Args),
    /// Tell what a trained network takes images for
    Predict(predict::Args),
    /// Show why a network answers as it does, on a page or a picture; or tell what happens in it
    Explain(explain::Args),
    /// Show a run on one page: curves, classes, mistakes, doubtful labels
    Report(report::Args),
    /// Serve a network over HTTP: KServe's protocol for programs, a page to draw on
    Serve(serve::Args),
    /// Compare runs: figures, settings, curves
    Compare(compare::Args),
    /// List what was trained, and what became of it
    Runs(runs::Args),
    /// Run a network on raw tensors, or write its gradients
    Run(run::Args),
    /// Write weights in another format
    Convert(convert::Args),
    /// Time inference or training, layer by layer if wanted
    Bench(bench::Args),
    /// List, fetch and inspect data sets
    Data(data::Args),
}

impl Command {
    /// Does the work.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::List(args) => list::run(args),
            Self::Show(args) => show::run(args),
            Self::New(args) => new::run(args),
            Self::Diff(args) => diff::run(args),
            Self::Draw(args) => draw::run(args),
            Self::Check(args) => check::run(args),
            Self::Script(args) => script::run(args),
            Self::Train(args) => train::run(args),
            Self::Recipes(args) => recipes::run(args),
            Self::Eval(args) => eval::run(args),
            Self::Predict(args) => predict::run(args),
            Self::Explain(args) => explain::run(args),
            Self::Report(args) => report::run(args),
            Self::Serve(args) => serve::run(args),
            Self::Compare(args) => compare::run(args),
            Self::Runs(args) => runs::run(args),
            Self::Run(args) => run::run(args),
            Self::Convert(args) => convert::run(args),
            Self::Bench(args) => bench::run(args),
            Self::Data(args) => data::run(args),
        }
    }
}
