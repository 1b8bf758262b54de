//! Learning rate schedules: the rate as a function of the step.

mod check;
mod plateau;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::plateau::Plateau;
use super::Recipe;

/// How the learning rate moves from its peak, the recipe's `lr`, over a run.
///
/// The rate is set step by step, before the step it applies to. Fractions are of the run's steps, so that a
/// schedule fits any number of epochs. `warmup` is the fraction of the run that climbs in a line from a hundredth of the
/// peak to all of it (Goyal et al. 2017). [`Schedule::Cosine`], [`Schedule::CosineRestarts`] and
/// [`Schedule::Polynomial`] start where it ends, the others count from the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The peak throughout, after the warm-up.
    Constant {
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
    /// The peak times `gamma` after every `every` epochs (PyTorch's StepLR).
    Step {
        /// Epochs between two falls.
        every: usize,
        /// What each fall multiplies the rate by.
        #[serde(default = "tenth")]
        gamma: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
    /// The peak times `gamma` after each of the points in `at` (PyTorch's MultiStepLR).
    Milestones {
        /// The fractions of the run after which the rate falls.
        at: Vec<f64>,
        /// What each fall multiplies the rate by.
        #[serde(default = "tenth")]
        gamma: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
    /// The peak times `gamma` after every epoch (PyTorch's ExponentialLR).
    Exponential {
        /// What each epoch multiplies the rate by.
        gamma: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
    /// From the peak to `end` times the peak by a power of what is left of the run (PyTorch's PolynomialLR, step by step).
    Polynomial {
        /// The power; 1 is a line.
        #[serde(default = "one")]
        power: f64,
        /// The rate at the end, as a fraction of the peak.
        #[serde(default)]
        end: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
    /// Half a cosine from the peak to `end` times the peak (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
        /// The rate that the cosine falls to, as a fraction of the peak.
        #[serde(default)]
        end: f64,
    },
    /// Half cosines one after the other, each from the peak (Loshchilov and Hutter 2017; PyTorch's
    /// CosineAnnealingWarmRestarts, step by step).
    CosineRestarts {
        /// Epochs of the first.
        first: usize,
        /// How many times as long each is as the one before.
        #[serde(default = "whole_one")]
        growth: usize,
        /// The rate that each falls to, as a fraction of the peak.
        #[serde(default)]
        end: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
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
    /// The peak times `factor` whenever the validation loss has not fallen for `patience` epochs (PyTorch's
    /// ReduceLROnPlateau of a loss, with a relative threshold).
    Plateau {
        /// What each fall multiplies the rate by.
        #[serde(default = "tenth")]
        factor: f64,
        /// Epochs without a better loss that are borne.
        #[serde(default = "ten")]
        patience: usize,
        /// The part of the best loss by which another one must be lower to be better.
        #[serde(default = "threshold")]
        threshold: f64,
        /// Epochs after a fall that are not counted.
        #[serde(default)]
        cooldown: usize,
        /// The least rate, as a fraction of the peak.
        #[serde(default)]
        end: f64,
        /// The fraction of the run that warms up.
        #[serde(default)]
        warmup: f64,
    },
}

/// What a warm-up starts from, as a fraction of the peak.
const WARMUP_START: f64 = 0.01;

fn tenth() -> f64 {
    0.1
}

fn one() -> f64 {
    1.0
}

fn whole_one() -> usize {
    1
}

fn ten() -> usize {
    10
}

fn threshold() -> f64 {
    1e-4
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

    /// The schedule of a name, with its usual settings.
    ///
    /// `step` falls to a tenth at a half and at three quarters of the run (He et al. 2016 on CIFAR-10),
    /// `cosine` warms up over a twentieth of it, `exponential` loses a tenth an epoch, `polynomial` is a line to nothing,
    /// `cosine-restarts` starts again after 10 epochs, then after 20, 40, ….
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "constant" => Self::Constant { warmup: 0.0 },
            "step" => Self::Milestones { at: vec![0.5, 0.75], gamma: tenth(), warmup: 0.0 },
            "exponential" => Self::Exponential { gamma: 0.9, warmup: 0.0 },
            "polynomial" => Self::Polynomial { power: one(), end: 0.0, warmup: 0.0 },
            "cosine" => Self::cosine(0.05),
            "cosine-restarts" => Self::CosineRestarts { first: 10, growth: 2, end: 0.0, warmup: 0.0 },
            "one-cycle" => Self::one_cycle(),
            "plateau" => Self::Plateau {
                factor: tenth(),
                patience: ten(),
                threshold: threshold(),
                cooldown: 0,
                end: 0.0,
                warmup: 0.0,
            },
            _ => return None,
        })
    }

    /// The names that [`Schedule::named`] knows.
    pub const NAMES: [&'static str; 8] = [
        "constant",
        "step",
        "exponential",
        "polynomial",
        "cosine",
        "cosine-restarts",
        "one-cycle",
        "plateau",
    ];

    /// Whether it looks at the loss of validation images.
    pub fn needs_validation(&self) -> bool {
        matches!(self, Self::Plateau { .. })
    }

    /// The learning rate of one step, counted from 0, after epochs whose validation losses were these, in their order.
    pub fn rate_after(&self, losses: &[f64], peak: f64, step: u64, length: RunLength) -> f64 {
        let rate = self.rate(peak, step, length);
        match *self {
            Self::Plateau { factor, patience, threshold, cooldown, end, .. } => {
                let plateau = Plateau { factor, patience, threshold, cooldown, end };
                rate * plateau.share(losses)
            }
            _ => rate,
        }
    }

    /// The learning rate of one step, counted from 0; that of [`Schedule::Plateau`] as if the loss always fell.
    pub fn rate(&self, peak: f64, step: u64, length: RunLength) -> f64 {
        if let Some(factor) = warming(self.warmup(), step, length) {
            return peak * factor;
        }
        let start = part_of(self.warmup(), length);
        let through = (step - start) as f64 / length.total.saturating_sub(start).max(1) as f64;
        let epoch = step / length.steps_per_epoch.max(1);
        match *self {
            Self::Constant { .. } | Self::Plateau { .. } => peak,
            Self::Step { every, gamma, .. } => peak * power(gamma, epoch / every.max(1) as u64),
            Self::Milestones { ref at, gamma, .. } => {
                let falls = at.iter().filter(|&&at| part_of(at, length) <= step).count();
                peak * power(gamma, falls as u64)
            }
            Self::Exponential { gamma, .. } => peak * power(gamma, epoch),
            Self::Polynomial { power, end, .. } => {
                peak * (end + (1.0 - end) * (1.0 - through.min(1.0)).powf(power))
            }
            Self::Cosine { end, .. } => ease(peak, peak * end, through.min(1.0)),
            Self::CosineRestarts { first, growth, end, .. } => {
                let first = length.steps_per_epoch.saturating_mul(first as u64).max(1);
                ease(peak, peak * end, through_cycle(step - start, first, growth as u64))
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

    /// With this fraction of the run to warm up, where it does not warm up already.
    #[must_use]
    pub fn warmed_up(mut self, fraction: f64) -> Self {
        match &mut self {
            Self::Constant { warmup }
            | Self::Step { warmup, .. }
            | Self::Milestones { warmup, .. }
            | Self::Exponential { warmup, .. }
            | Self::Polynomial { warmup, .. }
            | Self::Cosine { warmup, .. }
            | Self::CosineRestarts { warmup, .. }
            | Self::Plateau { warmup, .. } => {
                if *warmup == 0.0 {
                    *warmup = fraction;
                }
            }
            Self::OneCycle { .. } => {}
        }
        self
    }

    /// The fraction of the run that warms up; one cycle climbs by its own rule.
    fn warmup(&self) -> f64 {
        match *self {
            Self::Constant { warmup }
            | Self::Step { warmup, .. }
            | Self::Milestones { warmup, .. }
            | Self::Exponential { warmup, .. }
            | Self::Polynomial { warmup, .. }
            | Self::Cosine { warmup, .. }
            | Self::CosineRestarts { warmup, .. }
            | Self::Plateau { warmup, .. } => warmup,
            Self::OneCycle { .. } => 0.0,
        }
    }
}

/// How far a step, counted from the first cycle's start, is through its cycle, from 0 to 1.
fn through_cycle(step: u64, first: u64, growth: u64) -> f64 {
    let (mut start, mut cycle) = (0u64, first);
    while step - start >= cycle {
        start += cycle;
        // Cycles of one length are counted at once.
        if growth <= 1 {
            start += (step - start) / cycle * cycle;
        } else {
            cycle = cycle.saturating_mul(growth);
        }
    }
    (step - start) as f64 / cycle as f64
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
