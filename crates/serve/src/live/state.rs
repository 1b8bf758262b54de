//! What the page of a run shows: the run as its callbacks tell it.

use std::io::Cursor;
use std::time::Instant;

use axum::body::Bytes;
use convnet::train::{EpochRecord, RunStart, RunView, StepProgress, Trace};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::Ending;

/// A run as it stands, and what its page has beside.
pub(super) struct State {
    pub(super) run: RunView,
    classes: Vec<String>,
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
            run: RunView::new(heading),
            classes,
            rates: Trace::default(),
            judged: None,
            filters: Vec::new(),
            ending: None,
            asked: None,
        }
    }

    pub(super) fn step(&mut self, step: &StepProgress) {
        self.run.step(step);
        self.rates.push(step.total_steps as f64, step.lr);
    }

    pub(super) fn epoch(&mut self, record: &EpochRecord, best: bool, judged: Option<Bytes>) {
        self.run.epoch(record, best);
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
            None if self.run.evaluated.is_some() => ("measuring", ""),
            None if self.run.step.is_some() => ("training", ""),
            None => ("starting", ""),
        }
    }

    /// All of it, for a page that asks now.
    pub(super) fn told(&mut self) -> Value {
        self.asked = Some(Instant::now());
        let (state, ending) = self.state();
        let run = &self.run;
        let start = run.start.as_ref();
        let length = |of: fn(&RunStart) -> usize| start.map_or(0, of);
        let step = run.step.as_ref();
        let (losses, accuracies, rates) =
            (run.losses.points(POINTS), run.accuracies.points(POINTS), self.rates.points(POINTS));
        let trace: Vec<[f64; 4]> = losses
            .iter()
            .zip(&accuracies)
            .zip(&rates)
            .map(|((loss, accuracy), rate)| [loss.0, loss.1, accuracy.1, rate.1])
            .collect();
        json!({
            "heading": run.heading,
            "notes": run.notes,
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
            "imagesPerSecond": run.speed(),
            "secondsLeft": self.ending.is_none().then(|| run.seconds_left()).flatten(),
            "measured": run.evaluated.map(|(images, of)| [images, of]),
            "trace": trace,
            "records": run.records,
            "best": run.best,
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
