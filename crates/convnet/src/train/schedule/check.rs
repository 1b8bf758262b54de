//! Settings of schedules that give no rate.

use super::super::TrainError;
use super::super::error::readable;
use super::Schedule;

/// The most points at which a rate falls.
const MAX_POINTS: usize = 1000;
/// The most epochs of anything that is counted in epochs.
const MAX_EPOCHS: usize = 100_000;

fn number(name: &str, value: f64, ok: bool, expected: &'static str) -> Result<(), TrainError> {
    match ok && value.is_finite() {
        true => Ok(()),
        false => Err(TrainError::setting(format!("schedule.{name}"), readable(value), expected)),
    }
}

fn factor(name: &str, value: f64) -> Result<(), TrainError> {
    number(name, value, value > 0.0 && value <= 100.0, "a number above 0, at most 100")
}

fn of_peak(value: f64) -> Result<(), TrainError> {
    number("end", value, (0.0..=1.0).contains(&value), "a fraction of the peak, from 0 to 1")
}

fn of_run(name: &str, value: f64) -> Result<(), TrainError> {
    number(name, value, (0.0..=1.0).contains(&value), "a fraction of the run, from 0 to 1")
}

fn epochs(name: &str, value: usize, least: usize) -> Result<(), TrainError> {
    let expected = if least == 0 { "from 0 to 100000 epochs" } else { "from 1 to 100000 epochs" };
    number(name, value as f64, (least..=MAX_EPOCHS).contains(&value), expected)
}

impl Schedule {
    /// Refuses settings that give no rate.
    pub(in crate::train) fn check(&self) -> Result<(), TrainError> {
        of_run("warmup", self.warmup())?;
        match *self {
            Self::Constant { .. } => Ok(()),
            Self::Step { every, gamma, .. } => {
                epochs("every", every, 1)?;
                factor("gamma", gamma)
            }
            Self::Milestones { ref at, gamma, .. } => {
                if at.len() > MAX_POINTS {
                    let found = format!("a list of {} points", at.len());
                    return Err(TrainError::setting("schedule.at", found, "at most 1000"));
                }
                at.iter().try_for_each(|&at| of_run("at", at))?;
                factor("gamma", gamma)
            }
            Self::Exponential { gamma, .. } => factor("gamma", gamma),
            Self::Polynomial { power, end, .. } => {
                factor("power", power)?;
                of_peak(end)
            }
            Self::Cosine { end, .. } => of_peak(end),
            Self::CosineRestarts { first, growth, end, .. } => {
                epochs("first", first, 1)?;
                number("growth", growth as f64, (1..=100).contains(&growth), "a whole number from 1 to 100")?;
                of_peak(end)
            }
            Self::OneCycle { climb, start_divisor, end_divisor } => {
                of_run("climb", climb)?;
                number("start_divisor", start_divisor, start_divisor >= 1.0, "a number from 1")?;
                number("end_divisor", end_divisor, end_divisor >= 1.0, "a number from 1")
            }
            Self::Plateau { factor, patience, threshold, cooldown, end, .. } => {
                number("factor", factor, factor > 0.0 && factor < 1.0, "a number above 0, below 1")?;
                epochs("patience", patience, 0)?;
                number("threshold", threshold, (0.0..1.0).contains(&threshold), "a number from 0, below 1")?;
                epochs("cooldown", cooldown, 0)?;
                of_peak(end)
            }
        }
    }
}
