//! `convnet runs`: what was trained, and what became of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use convnet::train::{RunConfig, RunState, RunSummary, TrainError, figures};
use serde_json::{Value, json};

use super::table::{Column, table};
use crate::error::Failure;
use crate::output::{self, FAINT};

const EXAMPLES: &str = "\
Examples:
  convnet runs list                  the runs in runs/, the latest last
  convnet runs list sweeps --json    those of another folder, as an array of objects";

/// The arguments of `runs`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the runs in a folder and in those below it: network, data, what became of them, accuracy
    List {
        /// Folder to look in
        #[arg(value_name = "DIR", default_value = "runs")]
        folder: PathBuf,
        /// Print one array of objects
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Action::List { folder, json } = &args.action;
    let mut runs = Vec::new();
    find(folder, DEPTH, &mut runs)?;
    runs.sort_by(|a, b| (a.started, &a.path).cmp(&(b.started, &b.path)));
    if *json {
        return output::emit(&Value::Array(runs.iter().map(object).collect()).to_string());
    }
    if runs.is_empty() {
        return output::emit(&format!("no run in `{}`", folder.display()));
    }
    let told = damages(&runs);
    output::emit(&format!("{}{told}", table(COLUMNS, runs.iter().map(row))))
}

/// So many folders below the one that is named are looked into.
const DEPTH: usize = 3;

/// The runs in a folder; a folder that is one is not looked into.
fn find(folder: &Path, depth: usize, runs: &mut Vec<RunSummary>) -> Result<(), Failure> {
    match RunSummary::of(folder) {
        Ok(summary) => {
            runs.push(summary);
            return Ok(());
        }
        Err(TrainError::NotARun { .. } | TrainError::NotStarted { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let fail = |error| Failure::work(format!("cannot read `{}`: {error}", folder.display()));
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // A link could lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), depth - 1, runs)?;
        }
    }
    Ok(())
}

const COLUMNS: &[Column] = &[
    Column::left("run"),
    Column::left("network"),
    Column::left("data"),
    Column::left("state"),
    Column::right("epochs"),
    Column::right("validation"),
    Column::right("test"),
    Column::right("time"),
    Column::left("started (UTC)"),
];

fn row(run: &RunSummary) -> Vec<String> {
    let none = || "–".to_owned();
    let percent = |fraction: f64| figures::percent(fraction, 2);
    let epochs = run.config.as_ref().map(|config| config.recipe.epochs);
    vec![
        run.path.display().to_string(),
        run.config.as_ref().map_or_else(none, |config| config.model.clone()),
        run.config.as_ref().map_or_else(none, data),
        state(run),
        epochs.map_or_else(none, |epochs| format!("{}/{epochs}", run.records.len())),
        run.best().and_then(|best| best.val_top1).map_or_else(none, percent),
        tested(run).map_or_else(none, percent),
        output::duration(run.seconds()),
        run.started.map_or_else(none, time),
    ]
}

/// The accuracy on the test images, if they were measured.
pub(super) fn tested(run: &RunSummary) -> Option<f64> {
    run.outcome.as_ref().filter(|outcome| outcome.measured_on.name() == "test").map(|outcome| outcome.top1)
}

/// The last part of the data's name: a folder's own.
pub(super) fn data(config: &RunConfig) -> String {
    let name = &config.recipe.data;
    Path::new(name).file_name().map_or_else(|| name.clone(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn state(run: &RunSummary) -> String {
    match &run.state {
        RunState::Finished if run.outcome.as_ref().is_some_and(|outcome| outcome.stopped_early) => {
            "stopped early".to_owned()
        }
        RunState::Finished => "finished".to_owned(),
        RunState::Running => format!("running, epoch {}", run.records.len() + 1),
        RunState::Interrupted => format!("interrupted in epoch {}", run.records.len() + 1),
        RunState::Damaged { .. } => "damaged".to_owned(),
    }
}

/// What is wrong with those that are damaged, a line each.
fn damages(runs: &[RunSummary]) -> String {
    let mut text = String::new();
    for run in runs {
        if let RunState::Damaged { reason } = &run.state {
            text.push_str(&format!("{FAINT}{}: {reason}{FAINT:#}\n", run.path.display()));
        }
    }
    text
}

fn object(run: &RunSummary) -> Value {
    let (state, reason) = match &run.state {
        RunState::Finished => ("finished", None),
        RunState::Running => ("running", None),
        RunState::Interrupted => ("interrupted", None),
        RunState::Damaged { reason } => ("damaged", Some(reason)),
    };
    let config = run.config.as_ref();
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "run": run.path.display().to_string(),
        "model": config.map(|config| &config.model),
        "data": config.map(|config| &config.recipe.data),
        "state": state,
        "reason": reason,
        "epochs": config.map(|config| config.recipe.epochs),
        "epochs_done": run.records.len(),
        "best_epoch": run.best().map(|best| best.epoch),
        "validation_top1": run.best().and_then(|best| best.val_top1),
        "validation_loss": run.best().and_then(|best| best.val_loss),
        "test_top1": tested(run),
        "measured": run.outcome,
        "parameters": run.parameters,
        "seconds": run.seconds(),
        "started": run.started.map(seconds),
    })
}

/// `2026-11-27 01:05`, in universal time.
fn time(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, seconds) = (since / 86_400, since % 86_400);
    // The calendar by eras of 400 years that start in March, after Howard Hinnant's `civil_from_days`.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", seconds / 3600, seconds % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds| time(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00");
        assert_eq!(at(951_782_399), "2000-02-28 23:59");
        assert_eq!(at(951_782_400), "2000-02-29 00:00");
        assert_eq!(at(951_868_800), "2000-03-01 00:00");
        assert_eq!(at(1_795_741_500), "2026-11-27 01:05");
        assert_eq!(at(4_107_542_399), "2100-02-28 23:59");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00");
    }
}
