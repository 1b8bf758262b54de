//! `convnet compare`: runs beside one another: what they came to, and what differs in their settings.

mod page;

use std::path::{Path, PathBuf};

use convnet::train::{ComparedRun, RunDir, RunState, RunSummary, draw_runs, figures};
use serde_json::{Map, Value, json};

use super::runs::{data, state, tested};
use super::table::{Column, table};
use crate::args::{ThreadsArg, picture};
use crate::error::Failure;
use crate::output::{self, FAINT, STRONG, grouped};

const EXAMPLES: &str = "\
Examples:
  convnet compare runs/lenet runs/lenet-2             figures, and the settings that differ
  convnet compare runs/* -o curves.svg                … and their curves in one picture
  convnet compare runs/lenet runs/nin -o two.html     two on one page: figures on the same images, where they differ
  convnet compare runs/a runs/b -o two.html --image cat.jpg --image dog.jpg   … and the same photos through both

A page of two measures both on the same images, those of the first one's data unless others are named.";

/// The arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Directories of runs
    #[arg(value_name = "RUN", required = true, num_args = 1..)]
    runs: Vec<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Draw loss and accuracy of all runs over their epochs (.svg, .png), or write a page of two runs (.html)
    #[arg(short, long, value_name = "FILE", value_parser = file)]
    output: Option<PathBuf>,

    /// Photo that goes through both networks of a page, or a folder of photos; may be given several times [default: images
    /// on which one of them alone is right]
    #[arg(long = "image", value_name = "IMAGE|DIR")]
    images: Vec<PathBuf>,

    /// Data set that a page measures both on: a name, see `convnet data list`, or a directory [default: the first run's]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,

    #[command(flatten)]
    threads: ThreadsArg,
}

/// A picture of curves, or a page.
fn file(text: &str) -> Result<PathBuf, String> {
    match is_page(Path::new(text)) {
        true => Ok(PathBuf::from(text)),
        false => picture(text).map_err(|_| "expected a file that ends in .svg, .png or .html".to_owned()),
    }
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"))
}

/// Compares.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runs = args.runs.iter().map(|path| RunSummary::of(path)).collect::<Result<Vec<_>, _>>()?;
    for run in &runs {
        if let RunState::Damaged { reason } = &run.state {
            return Err(Failure::work(format!("`{}` cannot be compared: {reason}", run.path.display())));
        }
    }
    let others = other_data(&runs)?;
    others.iter().for_each(|told| output::note(told));
    let differences = differences(&runs);
    let page = args.output.as_deref().filter(|path| is_page(path));
    match (page, &args.output) {
        (Some(path), _) => page::write(path, args, &runs, &differences, others.into_iter().collect())?,
        (None, _) if !args.images.is_empty() || args.data.is_some() || args.threads.is_given() => {
            return Err(Failure::usage(
                "`--image`, `--data` and `--threads` are of a page: add `-o FILE.html`",
            ));
        }
        (None, Some(path)) => draw_runs(path, &compared(&runs, &names(&runs)))?,
        (None, None) => {}
    }
    if args.json {
        return output::emit(&object(&runs, &differences).to_string());
    }
    let mut text = table(COLUMNS, runs.iter().enumerate().map(row));
    text.push_str(&settings(&runs, &differences));
    if let Some(path) = page {
        text.push_str(&format!("\n{}\n", path.display()));
    }
    output::emit(&text)
}

/// The runs' names in pictures.
fn names(runs: &[RunSummary]) -> Vec<String> {
    runs.iter().map(|run| run.path.display().to_string()).collect()
}

/// Runs as their curves are drawn.
fn compared<'a>(runs: &'a [RunSummary], names: &'a [String]) -> Vec<ComparedRun<'a>> {
    runs.iter().zip(names).map(|(run, name)| ComparedRun { name, records: &run.records }).collect()
}

/// A setting that is not the same in all runs: its key, and its value in each.
type Difference = (String, Vec<Option<String>>);

/// The settings that differ, in the order of their keys.
fn differences(runs: &[RunSummary]) -> Vec<Difference> {
    let all: Vec<Vec<(String, String)>> = runs
        .iter()
        .map(|run| run.config.as_ref().map_or(Vec::new(), convnet::train::RunConfig::settings))
        .collect();
    let mut keys: Vec<&String> = all.iter().flatten().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let value = |settings: &Vec<(String, String)>, key: &String| {
        settings.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone())
    };
    keys.into_iter()
        .map(|key| (key.clone(), all.iter().map(|settings| value(settings, key)).collect::<Vec<_>>()))
        .filter(|(_, values)| values.iter().any(|value| *value != values[0]))
        .collect()
}

/// Tells that runs of a data set of one name have not seen the same images: their figures say less of one another.
fn other_data(runs: &[RunSummary]) -> Result<Option<String>, Failure> {
    let mut first = None;
    for summary in runs {
        let Some(now) = RunDir::open(&summary.path)?.data()? else { continue };
        match &first {
            None => first = Some((summary, now)),
            Some((other, then)) => {
                if let Some(differences) = then.differences(&now) {
                    return Ok(Some(format!(
                        "`{}` and `{}` were not trained on the same data: {differences}",
                        other.path.display(),
                        summary.path.display()
                    )));
                }
            }
        }
    }
    Ok(None)
}

const COLUMNS: &[Column] = &[
    Column::right(""),
    Column::left("run"),
    Column::left("network"),
    Column::right("parameters"),
    Column::left("data"),
    Column::left("state"),
    Column::right("epochs"),
    Column::right("best"),
    Column::right("validation"),
    Column::right("loss"),
    Column::right("test"),
    Column::right("time"),
];

fn row((number, run): (usize, &RunSummary)) -> Vec<String> {
    let none = || "–".to_owned();
    let percent = |fraction: f64| figures::percent(fraction, 2);
    let best = run.best();
    vec![
        format!("[{}]", number + 1),
        run.path.display().to_string(),
        run.config.as_ref().map_or_else(none, |config| config.model.clone()),
        run.parameters.map_or_else(none, grouped),
        run.config.as_ref().map_or_else(none, data),
        state(run),
        run.records.len().to_string(),
        best.map_or_else(none, |best| best.epoch.to_string()),
        best.and_then(|best| best.val_top1).map_or_else(none, percent),
        best.and_then(|best| best.val_loss).map_or_else(none, figures::loss),
        tested(run).map_or_else(none, percent),
        output::duration(run.seconds()),
    ]
}

/// A setting's value in words.
fn told(value: &Option<String>) -> String {
    value.clone().unwrap_or_else(|| "not set".to_owned())
}

/// The settings that differ: a line each, a value for each run.
fn settings(runs: &[RunSummary], differences: &[Difference]) -> String {
    if differences.is_empty() {
        let told = if runs.len() == 1 { "" } else { "\nthe same settings\n" };
        return told.to_owned();
    }
    let wide = differences.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let mut text = format!("\n{STRONG}settings that differ{STRONG:#}\n");
    for (key, values) in differences {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for (number, value) in values.iter().enumerate() {
            let value = told(value);
            let run = format!("[{}]", number + 1);
            match groups.iter_mut().find(|group| group.0 == value) {
                Some(group) => group.1.push(run),
                None => groups.push((value, vec![run])),
            }
        }
        let told: Vec<String> =
            groups.iter().map(|(value, runs)| format!("{value} {FAINT}{}{FAINT:#}", runs.join(""))).collect();
        text.push_str(&format!("  {key:<wide$}  {}\n", told.join("  ")));
    }
    text
}

fn object(runs: &[RunSummary], differences: &[Difference]) -> Value {
    let run = |(number, run): (usize, &RunSummary)| {
        let settings: Map<String, Value> = differences
            .iter()
            .map(|(key, values)| (key.clone(), values[number].clone().map_or(Value::Null, setting)))
            .collect();
        let best = run.best();
        json!({
            "run": run.path.display().to_string(),
            "model": run.config.as_ref().map(|config| &config.model),
            "data": run.config.as_ref().map(|config| &config.recipe.data),
            "state": state(run),
            "parameters": run.parameters,
            "epochs": run.records.len(),
            "best_epoch": best.map(|best| best.epoch),
            "validation_top1": best.and_then(|best| best.val_top1),
            "validation_loss": best.and_then(|best| best.val_loss),
            "train_loss": best.map(|best| best.train_loss),
            "test_top1": tested(run),
            "seconds": run.seconds(),
            "settings": settings,
        })
    };
    json!({
        "runs": runs.iter().enumerate().map(run).collect::<Vec<_>>(),
        "differences": differences.iter().map(|(key, _)| key).collect::<Vec<_>>(),
    })
}

/// A setting's value as JSON has it: TOML writes numbers, truth values, texts and lists alike.
fn setting(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
