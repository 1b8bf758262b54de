//! What `train` tells: the heading, a bar, a line an epoch, the ending.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anstyle::Style;
use convnet::data::DataSets;
use convnet::exec::{Device, Options, TrainingStep};
use convnet::graph::Graph;
use convnet::optim::{GroupCount, ParameterGroups};
use convnet::train::{
    Callback, Control, EpochRecord, Measured, Outcome, Recipe, RunDir, RunStart, Schedule, StepProgress,
    TrainError, TrainReport, figures, remarks,
};
use convnet_serve::Ending;
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Failure;
use crate::output::{self, FAINT, STRONG, counted, duration, grouped};

/// The network, the data, the recipe and the directory, a line each.
pub(super) fn heading(
    graph: &Graph,
    data: &DataSets,
    recipe: &Recipe,
    options: &Options,
    directory: &Path,
) -> Result<String, Failure> {
    let parameters: usize = graph
        .parameters()
        .iter()
        .filter(|p| p.kind.trainable())
        .map(|p| p.shape.iter().product::<usize>())
        .sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if options.threads == 0 { cores } else { options.threads };
    let rule = recipe.optimizer;
    let schedule = match recipe.schedule {
        Schedule::Constant { .. } => "constant at",
        Schedule::Step { .. } | Schedule::Milestones { .. } => "falling in steps from",
        Schedule::Exponential { .. } => "falling every epoch from",
        Schedule::Polynomial { .. } => "falling from",
        Schedule::Plateau { .. } => "falling with the validation loss from",
        Schedule::Cosine { .. } => "cosine from",
        Schedule::CosineRestarts { .. } => "cosines with restarts from",
        Schedule::OneCycle { .. } => "one cycle up to",
    };
    let lr = output::small(recipe.lr);
    let frozen = frozen(graph, recipe, options)?;
    Ok(format!(
        "{} · {} · {} → {}\n\
         {} · {}\n\
         {}, batch {} · {rule}, {schedule} {lr} · seed {} · {} on {}\n\
         {frozen}\
         writing {}",
        graph.name(),
        counted(parameters, "parameter"),
        graph.input_shape(),
        counted(graph.classes(), "class"),
        data.name,
        splits(data),
        counted(recipe.epochs, "epoch"),
        recipe.batch,
        recipe.seed,
        counted(threads, "thread"),
        options.machine()?,
        directory.display(),
    ))
}

/// What the number and the size of the training images decided, where nobody else did: a line, or nothing.
pub(super) fn suiting(recipe: &Recipe, by_layers: &Recipe, data: &DataSets) -> Option<String> {
    let suiting = by_layers.clone().for_data(data);
    let mut told = Vec::new();
    if suiting.epochs != by_layers.epochs && recipe.epochs == suiting.epochs {
        told.push(counted(recipe.epochs, "epoch"));
    }
    if suiting.batch != by_layers.batch && recipe.batch == suiting.batch {
        told.push(format!("batches of {}", recipe.batch));
    }
    if !suiting.optimizer.same_kind(&by_layers.optimizer) && recipe.optimizer == suiting.optimizer {
        told.push(recipe.optimizer.to_string());
    }
    if suiting.augment != by_layers.augment && recipe.augment == suiting.augment {
        told.push("cropped and mirrored at random".to_owned());
    }
    let images = grouped(data.train.len());
    (!told.is_empty()).then(|| format!("as suits {images} images to train on: {}", told.join(", ")))
}

/// What is frozen at first, and what that saves; a line, or nothing.
fn frozen(graph: &Graph, recipe: &Recipe, options: &Options) -> Result<String, Failure> {
    if !recipe.freeze.is_any() {
        return Ok(String::new());
    }
    let net = recipe.network.trained(graph)?;
    let frozen = recipe.freeze.frozen(graph, 0)?;
    let saved = TrainingStep::savings(&net, &frozen, recipe.batch, recipe.optimizer, options)?;
    let until = match recipe.freeze.changes().get(1) {
        Some(epoch) if *epoch < recipe.epochs => format!(" until epoch {}", epoch + 1),
        _ => String::new(),
    };
    let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
    // The memory is the CPU's.
    let memory = match options.device {
        Device::Cpu => format!(" in {:.0}% of the memory", share(saved.bytes as u64, saved.all_bytes as u64)),
        _ => String::new(),
    };
    Ok(format!(
        "frozen{until}: {} of {}; a step computes {:.0}% of the multiply-adds{memory}\n",
        grouped(saved.frozen),
        counted(saved.parameters, "parameter"),
        share(saved.macs, saved.all_macs)
    ))
}

/// `54,000 training, 6,000 validation and 10,000 test images`.
fn splits(data: &DataSets) -> String {
    let counts: Vec<String> =
        data.splits().map(|(name, set)| format!("{} {name}", grouped(set.len()))).collect();
    match counts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last} images", before.join(", ")),
        _ => format!("{} images", counts.concat()),
    }
}

/// The most groups that are told one by one.
const MOST_GROUPS: usize = 8;

/// How many parameters each group has.
pub(super) fn groups(groups: &ParameterGroups) -> String {
    let counts = groups.counts();
    let size = |count: &GroupCount| {
        format!("{} ({} weights)", counted(count.parameters, "tensor"), grouped(count.elements))
    };
    let rate = |count: &GroupCount| match count.rate {
        1.0 => "the full rate".to_owned(),
        rate => format!("{} of the rate", output::small(f64::from(rate))),
    };
    let decay = |count: &GroupCount| match count.weight_decay {
        None => String::new(),
        Some(0.0) => ", no weight decay".to_owned(),
        Some(decay) => format!(", weight decay {decay}"),
    };
    if counts.len() <= MOST_GROUPS {
        let told: Vec<String> = counts
            .iter()
            .map(|count| format!("{} at {}{}", size(count), rate(count), decay(count)))
            .collect();
        return format!("parameter groups: {}", told.join("; "));
    }
    let rates = counts.iter().map(|count| f64::from(count.rate));
    let (least, most) = rates.fold((f64::INFINITY, 0.0f64), |(a, b), rate| (a.min(rate), b.max(rate)));
    let free = counts.iter().filter(|count| count.weight_decay == Some(0.0)).map(|count| count.parameters);
    format!(
        "{} parameter groups, at {} to {} of the rate; {} without weight decay",
        counts.len(),
        output::small(least),
        output::small(most),
        counted(free.sum(), "tensor")
    )
}

/// How a run ended, in a sentence for its page.
pub(super) fn end(result: &Result<TrainReport, TrainError>) -> Ending {
    match result {
        Err(error) => Ending::Failed(error.to_string()),
        Ok(report) if report.interrupted => Ending::Interrupted,
        Ok(report) => Ending::Done(match &report.outcome {
            None => "no epoch was done".to_owned(),
            Some(outcome) => {
                let (what, figure) = match outcome.map {
                    None => ("accuracy", outcome.top1),
                    Some(map) => ("mean average precision", map),
                };
                format!(
                    "{} {what} {} with the weights of epoch {}",
                    outcome.measured_on.name(),
                    percent(figure),
                    outcome.epoch
                )
            }
        }),
    }
}

/// The accuracy, the files and what to do with them.
pub(super) fn ending(result: &TrainReport, directory: &Path, classes: usize) -> String {
    let place = directory.display();
    let Some(outcome) = &result.outcome else { return format!("{place} has no epoch") };
    let seconds: f64 = result.epochs.iter().map(|e| e.seconds).sum();
    let files = [
        (RunDir::BEST, "weights of the best epoch"),
        (RunDir::LAST, "weights of the last epoch"),
        ("curves.png", "loss and accuracy over the epochs (and .svg)"),
        ("confusion.png", "which classes are taken for which (and .svg)"),
        (RunDir::CONFUSION_CSV, "the same as figures"),
        (RunDir::METRICS, "the figures, a line an epoch (and .csv)"),
        (RunDir::STEPS, "loss and rate of single steps"),
        (RunDir::TENSORBOARD, "event files: `tensorboard --logdir` shows them"),
        (RunDir::RESULT, "what the chosen weights are worth"),
        (RunDir::CONFIG, "all that is needed to repeat the run"),
    ];
    // Of five classes the right one is always among the five likeliest.
    let top5 = if classes > 5 { format!(" (top-5 {})", percent(outcome.top5)) } else { String::new() };
    let figure = match outcome.map {
        None => format!("accuracy {STRONG}{}{STRONG:#}{top5}", percent(outcome.top1)),
        Some(map) => format!("mean average precision {STRONG}{}{STRONG:#}", percent(map)),
    };
    let mut text = format!(
        "\n{} {figure} with the weights of epoch {}, trained in {}\n{FAINT}{}{FAINT:#}\n\n",
        outcome.measured_on.name(),
        outcome.epoch,
        duration(seconds),
        honesty(result, outcome),
    );
    let width = files.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, what) in files.into_iter().filter(|(name, _)| directory.join(name).exists()) {
        text.push_str(&format!("  {place}/{name:<width$}  {FAINT}{what}{FAINT:#}\n"));
    }
    text.push_str(&format!("\nnext: convnet predict {place} IMAGE…\n      convnet eval {place}\n"));
    text
}

/// What the figure is worth.
fn honesty(result: &TrainReport, outcome: &Outcome) -> String {
    let epoch = match (result.best().and_then(|best| best.val_map.or(best.val_top1)), outcome.stopped_early) {
        (Some(top1), false) => format!("validation images chose that epoch ({})", percent(top1)),
        (Some(top1), true) => {
            format!("validation images chose that epoch ({}) and ended the run early", percent(top1))
        }
        (None, _) => "that is the last epoch: no image was kept to choose by".to_owned(),
    };
    match outcome.measured_on {
        Measured::Test => {
            format!("{epoch}; the {} were measured once, now", counted(outcome.images, "test image"))
        }
        Measured::Validation => {
            format!("{epoch}; there are no test images: images that chose nothing may do worse")
        }
        Measured::Training => format!("{epoch}; there are only training images: others will do worse"),
    }
}

/// What stands above the lines of the epochs.
pub(super) const COLUMNS: &str =
    "epoch   train loss  accuracy    val loss  accuracy     top-5         lr    images/s";

/// The line of an epoch, its accuracy on the validation images in a style.
pub(super) fn epoch_line(record: &EpochRecord, epochs: usize, best: bool, strong: Style) -> String {
    let width = epochs.to_string().len();
    let epoch = format!("{:>width$}/{epochs}", record.epoch);
    let precision = record.val_map.map(|map| format!("  mAP {}", percent(map)));
    format!(
        "{epoch:<8}{:>10}  {:>8}  {:>10}  {strong}{:>8}{strong:#}  {:>8}  {:>9.2e}  {:>10}{}",
        figures::loss(record.train_loss),
        percent(record.train_top1),
        record.val_loss.map_or("–".to_owned(), figures::loss),
        record.val_top1.map_or("–".to_owned(), percent),
        record.val_top5.map_or("–".to_owned(), percent),
        record.lr,
        grouped(record.images_per_second.round() as usize),
        precision.unwrap_or_default() + if best { "  best" } else { "" },
    )
}

/// Tells what a plain run would have told by now.
pub(super) fn left(heading: &str, notes: &[String], lines: &[String]) {
    line(&format!("{heading}\n"));
    notes.iter().for_each(|note| line(&format!("{FAINT}{note}{FAINT:#}")));
    line(&format!("{STRONG}{COLUMNS}{STRONG:#}"));
    lines.iter().for_each(|told| line(told));
}

/// Shows a run on standard error: a bar where it is a terminal, and a line an epoch.
pub(super) struct Reporter {
    heading: String,
    bar: Option<ProgressBar>,
    start: Option<RunStart>,
    /// When the bar's text was last set.
    shown: Option<Instant>,
    /// Outputs of the network.
    classes: usize,
    /// Whether it was said that the loss explodes.
    warned: bool,
    /// Whether it was told that training waits for images.
    waited: bool,
}

/// How often the bar's text changes.
const REFRESH: Duration = Duration::from_millis(100);

impl Reporter {
    /// What to say before the first step: see [`heading`].
    pub(super) fn new(heading: String, classes: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::no_length);
        Self { heading, bar, start: None, shown: None, classes, warned: false, waited: false }
    }

    fn tell(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }
}

impl Callback for Reporter {
    fn start(&mut self, start: &RunStart, _: &mut Control<'_>) {
        self.tell(&format!("{}\n", self.heading));
        start.notes.iter().for_each(|note| self.tell(&format!("{FAINT}{note}{FAINT:#}")));
        self.tell(&format!("{STRONG}{COLUMNS}{STRONG:#}"));
        if let Some(bar) = &self.bar {
            bar.set_length(start.steps_per_epoch as u64);
            bar.set_position(start.steps_done as u64);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:28.cyan/black} {msg}") {
                bar.set_style(style.progress_chars("━━─"));
            }
        }
        self.start = Some(start.clone());
    }

    fn step(&mut self, step: &StepProgress, _: &mut Control<'_>) {
        let (Some(bar), Some(start)) = (&self.bar, &self.start) else { return };
        let last = step.step == start.steps_per_epoch;
        if !last && self.shown.is_some_and(|shown| shown.elapsed() < REFRESH) {
            return;
        }
        self.shown = Some(Instant::now());
        let left = (start.epochs - step.epoch) * start.steps_per_epoch + start.steps_per_epoch - step.step;
        let seconds = step.seconds / step.step as f64 * left as f64;
        bar.set_prefix(format!("{:>3}/{}", step.epoch, start.epochs));
        bar.set_message(format!(
            "loss {}  accuracy {}  {} images/s  {} left",
            figures::loss(step.loss),
            percent(step.top1),
            grouped((step.images as f64 / step.seconds.max(1e-9)).round() as usize),
            duration(seconds),
        ));
        bar.set_position(step.step as u64);
    }

    fn evaluated(&mut self, images: usize, of: usize) {
        if let Some(bar) = &self.bar
            && self.shown.is_none_or(|shown| shown.elapsed() >= REFRESH)
        {
            self.shown = Some(Instant::now());
            bar.set_message(format!("measuring: {} of {}", grouped(images), counted(of, "image")));
        }
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool, _: &mut Control<'_>) {
        let epochs = self.start.as_ref().map_or(record.epoch, |start| start.epochs);
        self.tell(&epoch_line(record, epochs, best, STRONG));
        if let Some(remark) = remarks::exploding(record, self.classes).filter(|_| !self.warned) {
            self.warned = true;
            self.tell(&format!("{FAINT}{remark}{FAINT:#}"));
        }
        // The first epoch decodes what later ones may find decoded.
        let waited = remarks::waiting(record).filter(|_| record.epoch > 1 && !self.waited);
        if let Some(remark) = waited {
            self.waited = true;
            self.tell(&format!("{FAINT}{remark}{FAINT:#}"));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(0);
            if record.epoch == epochs {
                bar.finish_and_clear();
            }
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on standard error.
fn line(text: &str) {
    // What cannot be shown must not stop the work.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// As the charts write it.
fn percent(fraction: f64) -> String {
    figures::percent(fraction, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(percent(0.89254), "89.25%");
    }
}
