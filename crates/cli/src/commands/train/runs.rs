//! Several runs by one command, one after the other, and what is kept of them: those that are done are not done again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convnet::data::DataSets;
use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::train::{EpochRecord, Measured, Recipe, RunConfig, RunDir, TrainError, divide};
use convnet_formats::{atomic, read_text};
use serde::{Deserialize, Serialize};

use super::args::Setting;
use super::{Args, Carried, carry_out, listen};
use crate::error::Failure;
use crate::models;
use crate::output::{self, counted};

/// A run that shall be done.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Its directory below that of all.
    pub(super) name: String,
    /// What it has of its own.
    pub(super) settings: Vec<Setting>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Not started, or interrupted.
    Waiting,
    Done,
    /// Its loss was no number any more.
    Diverged,
}

/// What weights are worth on some images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) loss: f64,
    pub(super) top1: f64,
}

/// What is known of one of the runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) directory: String,
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
    pub(super) state: State,
    /// The epoch whose weights were chosen.
    #[serde(default)]
    pub(super) epoch: Option<usize>,
    /// Of that epoch.
    #[serde(default)]
    pub(super) validation: Option<Figures>,
    /// The mean average precision on them, where images have several classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) validation_map: Option<f64>,
    /// Measured once, with these weights.
    #[serde(default)]
    pub(super) test: Option<Figures>,
    /// Of training and validation.
    #[serde(default)]
    pub(super) seconds: Option<f64>,
    /// How it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Entry {
    fn waiting(task: &Task) -> Self {
        let json = |value| serde_json::to_value(value).unwrap_or_default();
        Self {
            directory: task.name.clone(),
            settings: task.settings.iter().map(|s| (s.key.clone(), json(&s.value))).collect(),
            state: State::Waiting,
            epoch: None,
            validation: None,
            validation_map: None,
            test: None,
            seconds: None,
            reason: None,
        }
    }

    /// What runs are ranked by.
    pub(super) fn score(&self) -> Option<f64> {
        self.validation_map.or(self.validation.map(|figures| figures.top1))
    }
}

/// The file of what is known.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The network, as it was given.
    pub(super) model: String,
    pub(super) runs: Vec<Entry>,
    /// What all come to together.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub(super) totals: serde_json::Map<String, serde_json::Value>,
}

/// The longest of these files: a hundred thousand runs.
const MAX_BYTES: u64 = 64 << 20;

/// Runs of one command and their directory.
pub(super) struct Runs<'a> {
    args: &'a Args,
    /// The directory of all.
    pub(super) out: PathBuf,
    /// The name of the summary in it.
    file: &'static str,
    pub(super) tasks: Vec<Task>,
    /// The recipe of each.
    pub(super) recipes: Vec<Recipe>,
    pub(super) summary: Summary,
}

impl<'a> Runs<'a> {
    /// Checks the recipe of each run before the first one starts, and finds what was done before.
    ///
    /// `kind` is the word for all of them: `sweep`, `folds`.
    pub(super) fn new(
        args: &'a Args,
        kind: &str,
        file: &'static str,
        tasks: Vec<Task>,
    ) -> Result<Self, Failure> {
        let (layers, init_from) = args.layers()?;
        let model = (&layers, init_from.is_some());
        let mut recipes: Vec<Recipe> = Vec::new();
        let mut opened: Vec<(Recipe, DataSets, Graph)> = Vec::new();
        for task in &tasks {
            let asked = args.recipe(model, &task.settings, None)?.0;
            let same = |(other, ..): &(Recipe, DataSets, Graph)| {
                other.data == asked.data && other.opening() == asked.opening()
            };
            let at = match opened.iter().position(same) {
                Some(at) => at,
                None => {
                    let data = super::super::data::open_recipe(&asked)?;
                    let graph = args.network(args.name(), &data, init_from.as_deref())?;
                    opened.push((asked, data, graph));
                    opened.len() - 1
                }
            };
            let (_, data, graph) = &opened[at];
            let recipe = args.recipe(model, &task.settings, Some(data))?.0;
            Args::check(&recipe, graph, data)?;
            // Where one fold can be cut off, the others can.
            if recipes.is_empty() || recipe.split.folds.is_none() {
                divide(data.clone(), &recipe)?;
            }
            if recipe.split.folds.is_some() && data.train.multi_labels().is_some() {
                return Err(Failure::usage(format!(
                    "`{}` has images of several classes: folds tell what each image is taken for, and need images of one \
                     class",
                    data.name
                )));
            }
            recipes.push(recipe);
        }
        let out = match &args.out {
            Some(out) => out.clone(),
            None => free(&Path::new("runs").join(format!("{}-{kind}", models::stem(args.name())))),
        };
        let mut entries: Vec<Entry> = tasks.iter().map(Entry::waiting).collect();
        match known(&out, file)? {
            None if out.read_dir().is_ok_and(|mut files| files.next().is_some()) => {
                return Err(Failure::work(format!(
                    "`{}` exists already and has no `{file}` to go on with: choose another directory with `--out`",
                    out.display()
                )));
            }
            None => {}
            Some(before) if before.model != args.name() => {
                return Err(Failure::work(format!(
                    "`{}` holds runs of `{}`, asked for is `{}`: choose another directory with `--out`",
                    out.display(),
                    before.model,
                    args.name()
                )));
            }
            // A run that diverged would do so again.
            Some(before) => {
                for old in before.runs.into_iter().filter(|old| old.state == State::Diverged) {
                    let same = entries
                        .iter_mut()
                        .find(|new| new.directory == old.directory && new.settings == old.settings);
                    if let Some(new) = same {
                        *new = old;
                    }
                }
            }
        }
        let totals = serde_json::Map::new();
        let summary = Summary { model: args.name().to_owned(), runs: entries, totals };
        Ok(Self { args, out, file, tasks, recipes, summary })
    }

    /// Does those that are not done, and keeps what each came to.
    pub(super) fn carry_out(
        &mut self,
        options: &Options,
        stop: &Arc<AtomicBool>,
        keep: impl Fn(&Summary, &Path) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        listen(stop)?;
        fs::create_dir_all(&self.out)
            .map_err(|error| Failure::work(format!("cannot make `{}`: {error}", self.out.display())))?;
        self.write(&keep)?;
        let count = self.tasks.len();
        for index in 0..count {
            let directory = self.directory(index);
            let name = self.tasks[index].name.clone();
            let told = format!("run {} of {count}, {name}", index + 1);
            if !self.is_done(index)? {
                if stop.load(Ordering::Relaxed) {
                    return Err(self.interrupted(&told));
                }
                output::note(&format!("\n{told}"));
                let plan = match RunDir::is_run(&directory) {
                    true => self.args.resumed(&directory, options, Some(self.recipes[index].clone()))?,
                    false => self.args.fresh(&self.tasks[index].settings, Some(&directory))?,
                };
                let Carried { result, .. } = carry_out(self.args, plan, options, stop, None)?;
                match result {
                    Ok(report) if report.interrupted => return Err(self.interrupted(&told)),
                    Ok(_) => {}
                    Err(error @ TrainError::Diverged { .. }) => {
                        output::note(&format!("{name}: {error}"));
                        let entry = &mut self.summary.runs[index];
                        (entry.state, entry.reason) = (State::Diverged, Some(error.to_string()));
                    }
                    Err(error) => return Err(error.into()),
                }
                self.is_done(index)?;
            } else {
                output::note(&format!("{told}: done before"));
            }
            self.write(&keep)?;
        }
        match self.summary.runs.iter().all(|entry| entry.state == State::Diverged) {
            true => Err(Failure::work(format!(
                "all {} diverged: lower the learning rates",
                counted(count, "run")
            ))),
            false => Ok(()),
        }
    }

    /// Those that are not done.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &Entry> {
        self.summary.runs.iter().filter(|entry| entry.state != State::Done)
    }

    pub(super) fn directory(&self, index: usize) -> PathBuf {
        self.out.join(&self.tasks[index].name)
    }

    fn interrupted(&self, told: &str) -> Failure {
        let out = self.out.display();
        Failure::work(format!("interrupted in {told}; the same command with `--out {out}` goes on"))
    }

    /// Whether there is nothing left to do of a run; then its figures are known.
    fn is_done(&mut self, index: usize) -> Result<bool, Failure> {
        let directory = self.directory(index);
        if !RunDir::is_run(&directory) {
            return Ok(false);
        }
        let run = RunDir::open(&directory)?;
        let differences = self.differences(run.config(), &self.recipes[index]);
        if !differences.is_empty() {
            return Err(TrainError::OtherSettings { path: directory, differences }.into());
        }
        let entry = &mut self.summary.runs[index];
        let Some(outcome) = run.outcome()? else { return Ok(entry.state == State::Diverged) };
        let records = run.metrics()?;
        let chosen = outcome.epoch.checked_sub(1).and_then(|place| records.get(place));
        let figures = |record: &EpochRecord| Some(Figures { loss: record.val_loss?, top1: record.val_top1? });
        entry.state = State::Done;
        entry.epoch = Some(outcome.epoch);
        entry.validation = chosen.and_then(figures);
        entry.validation_map = chosen.and_then(|record| record.val_map);
        entry.test = (outcome.measured_on == Measured::Test)
            .then_some(Figures { loss: outcome.loss, top1: outcome.top1 });
        entry.seconds = Some(records.iter().map(|record| record.seconds).sum());
        Ok(true)
    }

    /// In what a run that was made before is another than the one asked for.
    fn differences(&self, config: &RunConfig, recipe: &Recipe) -> Vec<String> {
        let absolute = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut asked = config.clone();
        asked.recipe = Recipe {
            data: absolute(Path::new(&recipe.data)).display().to_string(),
            lists: recipe.lists.absolute(),
            ..recipe.clone()
        };
        if let Some(input) = self.args.size.input {
            asked.input = [input.channels, input.height, input.width];
        }
        if let Some(weights) = &self.args.init_from {
            asked.init_from = Some(absolute(weights).display().to_string());
        }
        config.differences(&asked)
    }

    pub(super) fn write(
        &self,
        keep: &impl Fn(&Summary, &Path) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.summary)? + "\n";
        atomic::write(&self.out.join(self.file), text.as_bytes())?;
        keep(&self.summary, &self.out)
    }
}

/// What an earlier command left in a directory.
fn known(out: &Path, file: &str) -> Result<Option<Summary>, Failure> {
    let path = out.join(file);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = read_text(&path, MAX_BYTES)?;
    let damaged = |error| Failure::work(format!("`{}` is damaged: {error}", path.display()));
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// The first of `base`, `base-2`, `base-3`, … that does not exist.
fn free(base: &Path) -> PathBuf {
    let named = |number: u64| match number {
        1 => base.to_owned(),
        _ => PathBuf::from(format!("{}-{number}", base.display())),
    };
    (1..).map(named).find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| base.to_owned())
}
