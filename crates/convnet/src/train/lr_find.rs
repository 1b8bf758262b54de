//! The learning-rate range test: which peak of the rate suits a network and its data.

use std::sync::atomic::Ordering;

use super::trainer::Rehearsal;
use super::{TrainError, Trainer};
use crate::data::Pass;

/// The rates of a range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrFind {
    /// The rate of the first step.
    pub from: f64,
    /// The rate of the last step.
    pub to: f64,
    /// How many there are at most.
    pub steps: usize,
}

impl Default for LrFind {
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 100 }
    }
}

/// A step of a range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrPoint {
    /// The rate that the weights were updated by.
    pub lr: f64,
    /// The loss of the step's images before the update.
    pub loss: f64,
    /// The moving average of the losses so far.
    pub smoothed: f64,
}

/// What a range test saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LrRange {
    /// Its steps.
    pub points: Vec<LrPoint>,
    /// Whether the loss exploded before the last rate was reached.
    pub exploded: bool,
}

/// How much of the average each step keeps.
const BETA: f64 = 0.98;
/// The loss has exploded at so many times its least.
const EXPLODED: f64 = 4.0;
/// The first of so many parts of the steps suggest nothing: the average has seen too little.
const SKIPPED: usize = 10;
/// The most steps of a test.
const MAX_STEPS: usize = 1_000_000;

/// Trains for some steps at rates that grow exponentially, and tells the loss of each (Smith 2017, "Cyclical Learning Rates
/// for Training Neural Networks"). `see` is shown every step.
///
/// The average of the losses is corrected for its start. The test ends where it exceeds four times its least, where the loss
/// is no number any more, or where the trainer's flag is raised. Nothing is written, and the weights are dropped.
///
/// ```no_run
/// use convnet::train::{LrFind, Trainer, lr_find};
/// use convnet::{data, zoo};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let net = zoo::lenet().build()?;
/// let trainer = Trainer::new(&net, data::open("fashion-mnist")?);
/// let range = lr_find(trainer, LrFind::default(), &mut |_| ())?;
/// println!("{:?}", range.steepest());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Trainer::run`], and if the rates do not grow.
pub fn lr_find(
    trainer: Trainer<'_>,
    rates: LrFind,
    see: &mut dyn FnMut(&LrPoint),
) -> Result<LrRange, TrainError> {
    rates.check()?;
    let Rehearsal { net, data, recipe, card, stop, mut steps } = trainer.rehearsal()?;
    let mut range = LrRange::default();
    let (mut average, mut least) = (0.0, f64::INFINITY);
    for epoch in 0.. {
        let pass = Pass {
            shuffle: true,
            sampling: recipe.loss.sampling,
            seed: recipe.seed,
            epoch,
            ..Pass::in_order(recipe.batch)
        };
        let mut batches = steps.supply(&data.train, (&card.preprocess, &recipe.augment), pass)?;
        loop {
            if range.points.len() >= rates.steps || stop.load(Ordering::Relaxed) {
                return Ok(range);
            }
            let lr = rates.at(range.points.len());
            let learned = match steps.update(net, &mut batches, lr as f32) {
                Ok(Some(learned)) => learned,
                Ok(None) => break,
                Err(TrainError::Diverged { .. }) if !range.points.is_empty() => {
                    range.exploded = true;
                    return Ok(range);
                }
                Err(error) => return Err(error),
            };
            let loss = learned.loss / learned.images.max(1) as f64;
            average = BETA * average + (1.0 - BETA) * loss;
            let smoothed = average / (1.0 - BETA.powf(range.points.len() as f64 + 1.0));
            let point = LrPoint { lr, loss, smoothed };
            see(&point);
            range.points.push(point);
            least = smoothed.min(least);
            if smoothed > EXPLODED * least {
                range.exploded = true;
                return Ok(range);
            }
        }
    }
    Ok(range)
}

impl LrFind {
    fn check(&self) -> Result<(), TrainError> {
        if !(2..=MAX_STEPS).contains(&self.steps) {
            return Err(TrainError::setting("steps", self.steps, "a whole number from 2 to 1000000"));
        }
        let number = |rate: f64| (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&rate);
        if !(number(self.from) && number(self.to) && self.from < self.to) {
            let found = format!("{:e} to {:e}", self.from, self.to);
            return Err(TrainError::setting("rates", found, "numbers above 0 that grow"));
        }
        Ok(())
    }

    /// The rate of a step, counted from 0.
    fn at(&self, step: usize) -> f64 {
        let part = step as f64 / (self.steps - 1) as f64;
        self.from * (self.to / self.from).powf(part)
    }
}

impl LrRange {
    /// The step whose average is least.
    fn least(&self) -> Option<usize> {
        let smoothed = |&place: &usize| self.points[place].smoothed;
        (0..self.points.len()).min_by(|a, b| smoothed(a).total_cmp(&smoothed(b)))
    }

    /// The rate at which the average falls steepest on its way to the least: a peak to begin with. `None` where it does not
    /// fall.
    pub fn steepest(&self) -> Option<f64> {
        let first = self.points.len() / SKIPPED;
        let way = self.points.get(first..=self.least()?)?;
        // As rates grow by the same factor, the slope over their logarithm is that over the steps.
        let slope = |place: usize| {
            let (before, after) = (place.saturating_sub(1), (place + 1).min(way.len() - 1));
            (way[after].smoothed - way[before].smoothed) / (after - before).max(1) as f64
        };
        let steepest = (0..way.len()).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
        (slope(steepest) < 0.0).then(|| way[steepest].lr)
    }

    /// A tenth of the rate at which the average is least: a peak that leaves some room.
    pub fn tenth(&self) -> Option<f64> {
        self.least().map(|place| self.points[place].lr / 10.0)
    }

    /// The steps as comma-separated values.
    pub fn to_csv(&self) -> String {
        let mut text = "step,lr,loss,smoothed\n".to_owned();
        for (step, LrPoint { lr, loss, smoothed }) in self.points.iter().enumerate() {
            text.push_str(&format!("{},{lr:e},{loss},{smoothed}\n", step + 1));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_by_the_same_factor() {
        let rates = LrFind::default();
        assert!((rates.at(0) - 1e-7).abs() < 1e-20 && (rates.at(99) - 10.0).abs() < 1e-9);
        let factor = 1e8_f64.powf(1.0 / 99.0);
        assert!((0..99).all(|step| (rates.at(step + 1) / rates.at(step) / factor - 1.0).abs() < 1e-9));
        for wrong in [
            LrFind { steps: 1, ..rates },
            LrFind { from: 0.0, ..rates },
            LrFind { to: 1e-8, ..rates },
            LrFind { to: f64::NAN, ..rates },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    /// By `tools/lr_find_golden.py`.
    #[test]
    fn suggestions_are_those_of_numpy() {
        let losses: Vec<f64> = (0..40)
            .map(|i| {
                let x = f64::from(i) / 40.0;
                2.3 - 1.8 / (1.0 + (-(x - 0.55) * 20.0).exp()) + 3.0 * (x - 0.8).max(0.0).powi(2) * 10.0
            })
            .collect();
        let rates = LrFind { from: 1e-6, to: 1.0, steps: 40 };
        let points =
            losses.iter().enumerate().map(|(i, &l)| LrPoint { lr: rates.at(i), loss: l, smoothed: l });
        let range = LrRange { points: points.collect(), exploded: false };
        let near = |found: Option<f64>, expected: f64| {
            assert!(found.is_some_and(|found| (found / expected - 1.0).abs() < 1e-9), "{found:?} {expected}");
        };
        near(range.steepest(), STEEPEST);
        near(range.tenth(), TENTH);
        assert_eq!(range.to_csv().lines().count(), 41);
        // What only grows suggests no fall.
        let rising: Vec<LrPoint> =
            (0..40).map(|i| LrPoint { lr: rates.at(i), loss: i as f64, smoothed: 1.0 + i as f64 }).collect();
        assert_eq!(LrRange { points: rising, exploded: true }.steepest(), None);
        assert_eq!(LrRange::default().steepest(), None);
    }

    const STEEPEST: f64 = 0.002_424_462_017_082_331;
    const TENTH: f64 = 0.008_376_776_400_682_923;
}
