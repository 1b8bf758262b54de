//! What the page of a run shows: the run as its callbacks tell it.

use std::io::Cursor;
use std::time::Instant;

use axum::body::Bytes;
use convnet::train::{EpochRecord, RunStart, StepProgress, Trace};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::Ending;

/// A run as it stands.
pub(super) struct State {
    heading: Vec<String>,
    classes: Vec<String>,
    notes: Vec<String>,
    start: Option<RunStart>,
    records: Vec<EpochRecord>,
    /// The epoch whose weights are kept.
    best: Option<usize>,
    step: Option<StepProgress>,
    /// Images classified of all, while an epoch is measured.
    pub(super) measuring: Option<(usize, usize)>,
    losses: Trace,
    accuracies: Trace,
    rates: Trace,
    /// The epoch whose answers are shown, and these as JSON.
    pub(super) judged: Option<(usize, Bytes)>,
    /// The first filters after epochs, as PNG.
    filters: Vec<(usize, Bytes)>,
    pub(super) ending: Option<Ending>,
    /// When a page last asked.
    asked: Option<Instant>,
}

/// Points of a curve.
const POINTS: usize = 600;
/// Epochs whose filters are kept.
const FILTERS: usize = 24;

impl State {
    pub(super) fn new(heading: &str, classes: Vec<String>) -> Self {
        Self {
            heading: heading
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
            classes,
            notes: Vec::new(),
            start: None,
            records: Vec::new(),
            best: None,
            step: None,
            measuring: None,
            losses: Trace::default(),
            accuracies: Trace::default(),
            rates: Trace::default(),
            judged: None,
            filters: Vec::new(),
            ending: None,
            asked: None,
        }
    }

    pub(super) fn start(&mut self, start: &RunStart) {
        self.notes.extend(start.notes.iter().cloned());
        self.records.clone_from(&start.records);
        self.start = Some(start.clone());
    }

    pub(super) fn step(&mut self, step: &StepProgress) {
        self.measuring = None;
        let at = step.total_steps as f64;
        self.losses.push(at, step.batch_loss);
        self.accuracies.push(at, step.top1);
        self.rates.push(at, step.lr);
        self.step = Some(*step);
    }

    pub(super) fn epoch(&mut self, record: &EpochRecord, best: bool, judged: Option<Bytes>) {
        self.measuring = None;
        if best {
            self.best = Some(record.epoch);
        }
        self.records.push(record.clone());
        if let Some(judged) = judged {
            self.judged = Some((record.epoch, judged));
        }
    }

    /// Keeps the filters of an epoch. Once there are too many, every second is left out, but for the first.
    pub(super) fn keep_filters(&mut self, epoch: usize, picture: Bytes) {
        self.filters.push((epoch, picture));
        if self.filters.len() > FILTERS {
            let mut place = 0;
            self.filters.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }

    pub(super) fn filters_of(&self, epoch: usize) -> Option<Bytes> {
        self.filters.iter().find(|(own, _)| *own == epoch).map(|(_, picture)| picture.clone())
    }

    /// Whether a page asked since then; `None` is ever.
    pub(super) fn was_seen_since(&self, since: Option<Instant>) -> bool {
        self.asked.is_some_and(|asked| since.is_none_or(|since| asked > since))
    }

    fn state(&self) -> (&'static str, &str) {
        match &self.ending {
            Some(Ending::Done(told)) => ("done", told),
            Some(Ending::Interrupted) => ("interrupted", ""),
            Some(Ending::Failed(cause)) => ("failed", cause),
            None if self.measuring.is_some() => ("measuring", ""),
            None if self.step.is_some() => ("training", ""),
            None => ("starting", ""),
        }
    }

    /// Seconds until the last step, by the speed of the epoch under way and the time that measuring took so far.
    fn seconds_left(&self) -> Option<f64> {
        let (step, start) = (self.step.as_ref()?, self.start.as_ref()?);
        let epochs = start.epochs.saturating_sub(self.records.len());
        let done = if step.epoch > self.records.len() { step.step } else { 0 };
        let steps = (epochs * start.steps_per_epoch).saturating_sub(done);
        let measuring = self.records.last().map_or(0.0, |record| record.seconds - record.train_seconds);
        Some(step.seconds / step.step.max(1) as f64 * steps as f64 + measuring.max(0.0) * epochs as f64)
    }

    /// All of it, for a page that asks now.
    pub(super) fn told(&mut self) -> Value {
        self.asked = Some(Instant::now());
        let (state, ending) = self.state();
        let start = self.start.as_ref();
        let length = |of: fn(&RunStart) -> usize| start.map_or(0, of);
        let step = self.step.as_ref();
        let (losses, accuracies, rates) =
            (self.losses.points(POINTS), self.accuracies.points(POINTS), self.rates.points(POINTS));
        let trace: Vec<[f64; 4]> = losses
            .iter()
            .zip(&accuracies)
            .zip(&rates)
            .map(|((loss, accuracy), rate)| [loss.0, loss.1, accuracy.1, rate.1])
            .collect();
        let speed = step.map(|step| step.images as f64 / step.seconds.max(1e-9));
        json!({
            "heading": self.heading,
            "notes": self.notes,
            "state": state,
            "ending": ending,
            "epochs": length(|start| start.epochs),
            "stepsPerEpoch": length(|start| start.steps_per_epoch),
            "trainImages": length(|start| start.train_images),
            "validationImages": length(|start| start.validation_images),
            "testImages": length(|start| start.test_images),
            "epoch": step.map_or(length(|start| start.epochs_done) + 1, |step| step.epoch),
            "step": step.map_or(length(|start| start.steps_done), |step| step.step),
            "totalSteps": step.map(|step| step.total_steps),
            "lr": step.map(|step| step.lr),
            "loss": step.map(|step| step.loss),
            "top1": step.map(|step| step.top1),
            "imagesPerSecond": speed,
            "secondsLeft": self.ending.is_none().then(|| self.seconds_left()).flatten(),
            "measured": self.measuring.map(|(images, of)| [images, of]),
            "trace": trace,
            "records": self.records,
            "best": self.best,
            "classes": self.classes,
            "judged": self.judged.as_ref().map_or(0, |(epoch, _)| *epoch),
            "filters": self.filters.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(),
        })
    }
}

/// A picture as a file.
pub(super) fn png(picture: &RgbImage) -> Option<Bytes> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).ok()?;
    Some(file.into_inner().into())
}
