//! Learning rate schedules: the rate as a function of the step.

use serde::{Deserialize, Serialize};

use super::error::readable;
use super::{Recipe, TrainError};

/// How the learning rate moves from its peak, the recipe's `lr`, over a run.
///
/// The rate is set step by step, before the step it applies to. Fractions are of the run's steps, so that a
/// schedule fits any number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The peak throughout, after the warm-up.
    Constant {
        /// The fraction of the run that warms up, in a line from a hundredth of the peak.
        #[serde(default)]
        warmup: f64,
    },
    /// The peak times `gamma` after every `every` epochs.
    Step {
        /// Epochs between two falls.
        every: usize,
        /// What each fall multiplies the rate by.
        #[serde(default = "tenth")]
        gamma: f64,
    },
    /// The peak times `gamma` after each of the points in `at`.
    Milestones {
        /// The fractions of the run after which the rate falls.
        at: Vec<f64>,
        /// What each fall multiplies the rate by.
        #[serde(default = "tenth")]
        gamma: f64,
    },
    /// Half a cosine from the peak to `end` times the peak (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// The fraction of the run that warms up, in a line from a hundredth of the peak (Goyal et al. 2017).
        #[serde(default)]
        warmup: f64,
        /// The rate that the cosine falls to, as a fraction of the peak.
        #[serde(default)]
        end: f64,
    },
    /// Up to the peak and down to almost nothing, both by half a cosine (Smith 2018, with the parameters of
    /// PyTorch's OneCycleLR; momentum stays as it is).
    OneCycle {
        /// The fraction of the run that climbs.
        #[serde(default = "one_cycle_climb")]
        climb: f64,
        /// The peak over the first rate.
        #[serde(default = "one_cycle_start")]
        start_divisor: f64,
        /// The first rate over the last.
        #[serde(default = "one_cycle_end")]
        end_divisor: f64,
    },
}

/// The most points at which a rate falls.
const MAX_POINTS: usize = 1000;
/// The most epochs between two falls.
const MAX_EVERY: usize = 100_000;
/// What a warm-up starts from, as a fraction of the peak.
const WARMUP_START: f64 = 0.01;

fn tenth() -> f64 {
    0.1
}

fn one_cycle_climb() -> f64 {
    0.3
}

fn one_cycle_start() -> f64 {
    25.0
}

fn one_cycle_end() -> f64 {
    1e4
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// Steps of a whole epoch.
    pub steps_per_epoch: u64,
    /// Steps of the whole run.
    pub total: u64,
}

impl RunLength {
    /// The length of a run by its recipe on so many training images.
    pub fn of(recipe: &Recipe, images: usize) -> Self {
        let steps_per_epoch = images.div_ceil(recipe.step_images().max(1)) as u64;
        let total = steps_per_epoch.saturating_mul(recipe.epochs as u64);
        Self { steps_per_epoch, total: recipe.limit_steps.map_or(total, |limit| limit.min(total)) }
    }
}

impl Schedule {
    /// PyTorch's defaults of [`Schedule::OneCycle`].
    pub fn one_cycle() -> Self {
        Self::OneCycle {
            climb: one_cycle_climb(),
            start_divisor: one_cycle_start(),
            end_divisor: one_cycle_end(),
        }
    }

    /// A cosine to zero after a warm-up over a fraction of the run.
    pub fn cosine(warmup: f64) -> Self {
        Self::Cosine { warmup, end: 0.0 }
    }

    /// The schedule of a name: `constant`, `step`, `cosine`, `one-cycle`, with its usual settings.
    ///
    /// `step` falls to a tenth at a half and at three quarters of the run (He et al. 2016 on CIFAR-10),
    /// `cosine` warms up over a twentieth of it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "constant" => Some(Self::Constant { warmup: 0.0 }),
            "step" => Some(Self::Milestones { at: vec![0.5, 0.75], gamma: tenth() }),
            "cosine" => Some(Self::cosine(0.05)),
            "one-cycle" => Some(Self::one_cycle()),
            _ => None,
        }
    }

    /// The names that [`Schedule::named`] knows.
    pub const NAMES: [&'static str; 4] = ["constant", "step", "cosine", "one-cycle"];

    /// The learning rate of one step, counted from 0.
    pub fn rate(&self, peak: f64, step: u64, length: RunLength) -> f64 {
        match *self {
            Self::Constant { warmup } => peak * warming(warmup, step, length).unwrap_or(1.0),
            Self::Step { every, gamma } => {
                let epoch = step / length.steps_per_epoch.max(1);
                peak * power(gamma, epoch / every.max(1) as u64)
            }
            Self::Milestones { ref at, gamma } => {
                let falls = at.iter().filter(|&&at| part_of(at, length) <= step).count();
                peak * power(gamma, falls as u64)
            }
            Self::Cosine { warmup, end } => {
                if let Some(factor) = warming(warmup, step, length) {
                    return peak * factor;
                }
                let start = part_of(warmup, length);
                let through = (step - start) as f64 / length.total.saturating_sub(start).max(1) as f64;
                ease(peak, peak * end, through.min(1.0))
            }
            Self::OneCycle { climb, start_divisor, end_divisor } => {
                let first = peak / start_divisor;
                let top = climb * length.total as f64 - 1.0;
                let last = length.total as f64 - 1.0;
                let step = step as f64;
                if step <= top {
                    ease(first, peak, fraction(step, top))
                } else {
                    ease(peak, first / end_divisor, fraction(step - top, last - top).min(1.0))
                }
            }
        }
    }

    /// Refuses settings that give no rate.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let number = |name: &'static str, value: f64, ok: bool, expected: &'static str| {
            if ok && value.is_finite() {
                Ok(())
            } else {
                Err(TrainError::setting(format!("schedule.{name}"), readable(value), expected))
            }
        };
        let gamma_of = |gamma: f64| {
            number("gamma", gamma, gamma > 0.0 && gamma <= 100.0, "a number above 0, at most 100")
        };
        let fraction = |name, value: f64| {
            number(name, value, (0.0..=1.0).contains(&value), "a fraction of the run, from 0 to 1")
        };
        match *self {
            Self::Constant { warmup } => fraction("warmup", warmup),
            Self::Step { every, gamma } => {
                number("every", every as f64, (1..=MAX_EVERY).contains(&every), "from 1 to 100000 epochs")?;
                gamma_of(gamma)
            }
            Self::Milestones { ref at, gamma } => {
                if at.len() > MAX_POINTS {
                    let found = format!("a list of {} points", at.len());
                    return Err(TrainError::setting("schedule.at", found, "at most 1000"));
                }
                at.iter().try_for_each(|&at| fraction("at", at))?;
                gamma_of(gamma)
            }
            Self::Cosine { warmup, end } => {
                fraction("warmup", warmup)?;
                number("end", end, (0.0..=1.0).contains(&end), "a fraction of the peak, from 0 to 1")
            }
            Self::OneCycle { climb, start_divisor, end_divisor } => {
                fraction("climb", climb)?;
                number("start_divisor", start_divisor, start_divisor >= 1.0, "a number from 1")?;
                number("end_divisor", end_divisor, end_divisor >= 1.0, "a number from 1")
            }
        }
    }
}

/// The steps of a fraction of the run.
fn part_of(fraction: f64, length: RunLength) -> u64 {
    (fraction * length.total as f64).round() as u64
}

/// The factor of a linear warm-up over a fraction of the run; `None` once it is over.
fn warming(fraction: f64, step: u64, length: RunLength) -> Option<f64> {
    let steps = part_of(fraction, length);
    (step < steps).then(|| WARMUP_START + (1.0 - WARMUP_START) * step as f64 / steps as f64)
}

/// `gamma` to a whole power that may be large.
fn power(gamma: f64, exponent: u64) -> f64 {
    gamma.powi(i32::try_from(exponent).unwrap_or(i32::MAX))
}

/// From one value to another by half a cosine.
fn ease(from: f64, to: f64, through: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * through).cos())
}

/// A part of a whole; a whole of nothing is over.
fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Compares with figures that `tools/schedule_figures.py` printed.
    fn assert_rates(schedule: &Schedule, peak: f64, steps_per_epoch: u64, expected: &[f64]) {
        let length = RunLength { steps_per_epoch, total: expected.len() as u64 };
        for (step, &expected) in expected.iter().enumerate() {
            let rate = schedule.rate(peak, step as u64, length);
            assert!((rate - expected).abs() <= 1e-9 * peak, "step {step}: {rate}, PyTorch gives {expected}");
        }
    }

    #[test]
    fn one_cycle_is_pytorchs() {
        assert_rates(
            &Schedule::one_cycle(),
            0.4,
            5,
            &[
                0.016,
                0.05266873708,
                0.14866873708,
                0.26733126292,
                0.36333126292,
                0.4,
                0.394985602494,
                0.380193852805,
                0.356366471028,
                0.32469826158,
                0.286777200717,
                0.244504808775,
                0.2000008,
                0.155496791225,
                0.113224399283,
                0.0753033384201,
                0.0436351289716,
                0.0198077471946,
                0.00501599750597,
                1.6e-06,
            ],
        );
        assert_rates(
            &Schedule::OneCycle { climb: 0.5, start_divisor: 10.0, end_divisor: 100.0 },
            0.004,
            7,
            &[
                0.0004,
                0.00164376941013,
                0.00365623058987,
                0.00380213579807,
                0.00244659682604,
                0.000756267375886,
                4e-06,
            ],
        );
    }

    #[test]
    fn steps_and_milestones_are_pytorchs() {
        let falls = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001];
        assert_rates(&Schedule::Step { every: 3, gamma: 0.1 }, 0.1, 1, &falls);
        let falls = [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025];
        assert_rates(&Schedule::Milestones { at: vec![0.25, 0.625], gamma: 0.5 }, 0.1, 1, &falls);
    }

    #[test]
    fn cosine_and_warmup_are_pytorchs() {
        assert_rates(
            &Schedule::Cosine { warmup: 0.0, end: 0.01 },
            0.1,
            10,
            &[
                0.1,
                0.0975772975566,
                0.0905463412216,
                0.0795953699885,
                0.0657963412216,
                0.0505,
                0.0352036587784,
                0.0214046300115,
                0.0104536587784,
                0.00342270244339,
            ],
        );
        assert_rates(
            &Schedule::cosine(1.0 / 3.0),
            0.1,
            4,
            &[
                0.001,
                0.02575,
                0.0505,
                0.07525,
                0.1,
                0.0961939766256,
                0.0853553390593,
                0.0691341716183,
                0.05,
                0.0308658283817,
                0.0146446609407,
                0.00380602337444,
            ],
        );
        assert_rates(
            &Schedule::Constant { warmup: 4.0 / 7.0 },
            0.1,
            2,
            &[0.001, 0.02575, 0.0505, 0.07525, 0.1, 0.1, 0.1],
        );
    }

    #[test]
    fn settings_that_give_no_rate_are_named() {
        let error = Schedule::Step { every: 0, gamma: 0.1 }.check().unwrap_err().to_string();
        assert!(error.contains("schedule.every"), "{error}");
        let wrong = Schedule::OneCycle { climb: 1.5, start_divisor: 25.0, end_divisor: 1e4 };
        assert!(wrong.check().unwrap_err().to_string().contains("schedule.climb"));
    }

    proptest! {
        #[test]
        fn rates_stay_between_nothing_and_the_peak(
            index in 0..Schedule::NAMES.len(),
            epochs in 1..40_usize,
            steps_per_epoch in 1..50_u64,
        ) {
            let schedule = Schedule::named(Schedule::NAMES[index]).unwrap();
            let length = RunLength { steps_per_epoch, total: steps_per_epoch * epochs as u64 };
            for step in 0..length.total {
                let rate = schedule.rate(0.1, step, length);
                prop_assert!(rate > 0.0 && rate <= 0.1 * (1.0 + 1e-12), "{schedule:?} step {step}: {rate}");
            }
        }
    }
}
