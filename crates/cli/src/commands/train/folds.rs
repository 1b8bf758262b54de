//! `train --folds K`: cross-validation. Each fold is validated on by the run that did not learn from it.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use convnet::data::Views;
use convnet::exec::{Engine, Options};
use convnet::model;
use convnet::train::{Prediction, RunDir, divide, evaluate_with, figures};
use convnet_formats::atomic;
use serde_json::json;

use super::Args;
use super::args::Setting;
use super::runs::{Entry, Runs, Task};
use crate::commands::predictions::{line, probability};
use crate::commands::table::{Column, table};
use crate::error::Failure;
use crate::output::{self, STRONG, duration};
use crate::waiting::Waiting;

/// The summary.
const JSON: &str = "folds.json";
/// What each image was taken for by the run that did not learn from it.
const CSV: &str = "folds.csv";

/// Trains once for each fold.
pub(super) fn run(
    args: &Args,
    count: usize,
    options: &Options,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let setting = |key: &str, value: usize| Setting { key: key.to_owned(), value: (value as i64).into() };
    let task = |fold| Task {
        name: format!("fold-{fold}"),
        settings: vec![setting("split.folds", count), setting("split.fold", fold)],
    };
    let mut runs = Runs::new(args, "folds", JSON, (1..=count).map(task).collect())?;
    runs.carry_out(options, stop, |_, _| Ok(()))?;
    let failed: Vec<&str> = runs.unfinished().map(|entry| entry.directory.as_str()).collect();
    if !failed.is_empty() {
        return Err(Failure::work(format!(
            "{} diverged, so there is no mean over all folds: lower the learning rate, with another directory",
            failed.join(", ")
        )));
    }
    let right = predictions(&runs, options)?;
    let entries = &runs.summary.runs;
    let validation = Spread::of(entries, Entry::score);
    let test = Spread::of(entries, |entry| entry.test.map(|test| test.top1));
    let told = told(entries, validation, test, right, &runs.out);
    let totals = [("validation", validation), ("test", test)].into_iter().filter_map(|(name, spread)| {
        spread.map(|Spread { mean, deviation }| (name.to_owned(), json!({ "mean": mean, "std": deviation })))
    });
    runs.summary.totals = totals.collect();
    runs.summary.totals.insert("out_of_fold_top1".to_owned(), json!(right));
    runs.write(&|_, _| Ok(()))?;
    output::emit(&told)
}

/// The mean of some figures, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    mean: f64,
    /// The standard deviation of a sample: the squares are divided by one less than there are figures.
    deviation: f64,
}

impl Spread {
    /// `None` where a run lacks the figure.
    fn of(entries: &[Entry], figure: impl Fn(&Entry) -> Option<f64>) -> Option<Self> {
        let figures: Vec<f64> = entries.iter().map(figure).collect::<Option<_>>()?;
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
        Some(Self { mean, deviation: (squares / (count - 1.0).max(1.0)).sqrt() })
    }

    fn told(self) -> String {
        let Self { mean, deviation } = self;
        format!("{STRONG}{}{STRONG:#} ± {}", figures::percent(mean, 2), figures::percent(deviation, 2))
    }
}

fn told(
    entries: &[Entry],
    validation: Option<Spread>,
    test: Option<Spread>,
    right: f64,
    out: &Path,
) -> String {
    let columns = [
        Column::left("run"),
        Column::right("epoch"),
        Column::right("val loss"),
        Column::right("val accuracy"),
        Column::right("test accuracy"),
        Column::right("time"),
    ];
    let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let rows = entries.iter().map(|entry| {
        vec![
            entry.directory.clone(),
            text(entry.epoch.map(|epoch| epoch.to_string())),
            text(entry.validation.map(|figures| figures::loss(figures.loss))),
            text(entry.validation.map(|validation| figures::percent(validation.top1, 2))),
            text(entry.test.map(|test| figures::percent(test.top1, 2))),
            text(entry.seconds.map(duration)),
        ]
    });
    let mut said = format!("\n{}\n", table(&columns, rows));
    let count = entries.len();
    for (name, spread) in [("validation", validation), ("test", test)] {
        if let Some(spread) = spread {
            let told = spread.told();
            said.push_str(&format!("{name} accuracy {told}, mean ± standard deviation of {count} folds\n"));
        }
    }
    let place = out.display();
    said.push_str(&format!(
        "validation images chose the epochs; each image once, by the run that did not learn from it: {} right\n\
         {place}/{CSV} holds these predictions, {place}/{JSON} the table\n",
        figures::percent(right, 2)
    ));
    said
}

/// Writes what each image is taken for by the run that did not learn from it, and tells the part that is right.
fn predictions(runs: &Runs<'_>, options: &Options) -> Result<f64, Failure> {
    let mut failed = None;
    let mut tally = (0, 0);
    let written = atomic::write_with(&runs.out.join(CSV), |file| {
        for index in 0..runs.tasks.len() {
            match fold(runs, index, options, file) {
                Ok((right, images)) => tally = (tally.0 + right, tally.1 + images),
                Err(error) => {
                    failed = Some(error);
                    return Err(io::Error::other("the images could not be classified"));
                }
            }
        }
        Ok(())
    });
    match failed {
        Some(failure) => Err(failure),
        None => written.map(|()| tally.0 as f64 / tally.1.max(1) as f64).map_err(Failure::from),
    }
}

/// The lines of a fold, with the heading before the first; how many images are right, and how many there are.
fn fold(
    runs: &Runs<'_>,
    index: usize,
    options: &Options,
    file: &mut dyn Write,
) -> Result<(usize, usize), Failure> {
    let run = RunDir::open(&runs.directory(index))?;
    let (config, recipe) = (run.config(), &run.config().recipe);
    let (graph, preprocess) = match (run.graph()?, config.preprocess.clone()) {
        (Some(graph), Some(preprocess)) => (graph, preprocess),
        _ => return Err(Failure::work(format!("`{}` has no network", run.path().display()))),
    };
    let (data, _) = crate::commands::data::open_recipe(recipe)?.in_order_of(&config.classes)?;
    let fold_of = data.train.fold_of(recipe.split.folds.unwrap_or(runs.tasks.len()), recipe.seed)?;
    let places: Vec<usize> = (0..fold_of.len()).filter(|&place| fold_of[place] == index).collect();
    let Some(part) = divide(data, recipe)?.validation else { return Ok((0, 0)) };
    let names = &config.classes;
    if index == 0 {
        let fields = ["image", "fold", "class", "predicted", "correct"].map(String::from);
        let header: Vec<String> =
            fields.into_iter().chain(names.iter().map(|name| format!("p({name})"))).collect();
        file.write_all(line(&header).as_bytes())?;
    }
    let weights = model::weights_file(&run.file(RunDir::BEST), Some(&graph))?;
    let engine = Engine::compile(&graph, &weights, recipe.batch.min(part.len().max(1)), options)?;
    let waiting = Waiting::of(part.len(), "image");
    let (mut right, mut failed) = (0, None);
    evaluate_with(&engine, &part, &preprocess, Views::One, &mut |seen| {
        waiting.done(seen.index + 1);
        let prediction = Prediction::of(&seen);
        right += usize::from(prediction.is_right());
        let image = part.name_of(seen.index).unwrap_or_else(|| places[seen.index].to_string());
        let mut fields = vec![
            image,
            (index + 1).to_string(),
            names[prediction.label].clone(),
            names[prediction.predicted].clone(),
            prediction.is_right().to_string(),
        ];
        fields.extend(prediction.probabilities.iter().map(|&p| probability(p)));
        failed = file.write_all(line(&fields).as_bytes()).err();
        failed.is_none()
    })?;
    failed.map_or(Ok((right, part.len())), |error| Err(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_a_sample() {
        let entry = |top1: f64| -> Entry {
            serde_json::from_value(json!({
                "directory": "x", "settings": {}, "state": "done", "validation": { "loss": 1.0, "top1": top1 }
            }))
            .unwrap()
        };
        let entries = [0.8, 0.9, 0.7].map(entry);
        let spread = Spread::of(&entries, Entry::score).unwrap();
        // numpy.std([0.8, 0.9, 0.7], ddof=1)
        assert!((spread.mean - 0.8).abs() < 1e-12 && (spread.deviation - 0.1).abs() < 1e-12, "{spread:?}");
        assert_eq!(Spread::of(&entries, |entry| entry.test.map(|test| test.top1)), None);
    }
}
