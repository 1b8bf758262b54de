//! `train --sweep`: a run for each combination of values, and a table of what they came to.

mod grid;

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use convnet::exec::Options;
use convnet::train::figures;
use convnet_formats::atomic;

use super::Args;
use super::runs::{Entry, Figures, Runs, State, Summary};
use crate::commands::predictions::line;
use crate::commands::table::{Column, table};
use crate::error::Failure;
use crate::output::{self, counted, duration};

/// The summary, for machines.
const JSON: &str = "sweep.json";
/// The same, a line a run.
const CSV: &str = "sweep.csv";

/// Trains once for each combination.
pub(super) fn run(args: &Args, options: &Options, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let tasks = grid::tasks(&grid::axes(&args.sweep)?)?;
    let mut runs = Runs::new(args, "sweep", JSON, tasks)?;
    runs.carry_out(options, stop, |summary, out| {
        Ok(atomic::write(&out.join(CSV), csv(&ranked(&summary.runs)).as_bytes())?)
    })?;
    output::emit(&told(&runs.summary, &runs.out))
}

/// The best on validation images first: test images choose nothing. What is equal stays in its order.
fn ranked(runs: &[Entry]) -> Vec<&Entry> {
    let mut ranked: Vec<&Entry> = runs.iter().collect();
    let loss = |entry: &Entry| entry.validation.map_or(f64::INFINITY, |figures| figures.loss);
    ranked.sort_by(|a, b| match (b.score(), a.score()) {
        (Some(b_score), Some(a_score)) => b_score.total_cmp(&a_score).then(loss(a).total_cmp(&loss(b))),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => (a.state == State::Diverged).cmp(&(b.state == State::Diverged)),
    });
    ranked
}

fn told(summary: &Summary, out: &Path) -> String {
    let columns = [
        Column::left("run"),
        Column::right("epoch"),
        Column::right("val loss"),
        Column::right("val accuracy"),
        Column::right("test accuracy"),
        Column::right("time"),
    ];
    let ranked = ranked(&summary.runs);
    let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let percent = |figures: Option<Figures>| text(figures.map(|figures| figures::percent(figures.top1, 2)));
    let rows = ranked.iter().map(|entry| {
        let epoch = match entry.state {
            State::Diverged => "diverged".to_owned(),
            _ => text(entry.epoch.map(|epoch| epoch.to_string())),
        };
        vec![
            entry.directory.clone(),
            epoch,
            text(entry.validation.map(|validation| figures::loss(validation.loss))),
            percent(entry.validation),
            percent(entry.test),
            text(entry.seconds.map(duration)),
        ]
    });
    let mut said = format!("\n{}", table(&columns, rows));
    let place = out.display();
    match ranked.first() {
        Some(best) if best.score().is_some() => {
            said.push_str(&format!(
                "\nbest on the validation images of {}: {place}/{}\n",
                counted(ranked.len(), "run"),
                best.directory
            ));
        }
        _ => said
            .push_str("\nno run has validation images: nothing is chosen, the runs stand in their order\n"),
    }
    said.push_str(&format!("{place}/{JSON} and {place}/{CSV} hold the table\n"));
    said
}

/// A line a run: its settings, and what it came to.
fn csv(ranked: &[&Entry]) -> String {
    let keys: Vec<&String> = ranked.first().map(|entry| entry.settings.keys().collect()).unwrap_or_default();
    let mut header: Vec<String> = keys.iter().map(|&key| key.clone()).collect();
    let figures =
        ["directory", "state", "epoch", "val_loss", "val_top1", "test_loss", "test_top1", "seconds"];
    header.extend(figures.map(String::from));
    let mut text = line(&header);
    for entry in ranked {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let mut fields: Vec<String> = keys
            .iter()
            .map(|&key| match entry.settings.get(key) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => String::new(),
            })
            .collect();
        let state = match entry.state {
            State::Waiting => "waiting",
            State::Done => "done",
            State::Diverged => "diverged",
        };
        fields.extend([
            entry.directory.clone(),
            state.to_owned(),
            entry.epoch.map_or_else(String::new, |epoch| epoch.to_string()),
            number(entry.validation.map(|figures| figures.loss)),
            number(entry.validation.map(|figures| figures.top1)),
            number(entry.test.map(|figures| figures.loss)),
            number(entry.test.map(|figures| figures.top1)),
            number(entry.seconds),
        ]);
        text.push_str(&line(&fields));
    }
    text
}
