//! The settings of each rule, a file each: its defaults, their ranges, and what it keeps of a parameter.

mod adagrad;
mod adam;
mod lamb;
mod lars;
mod lion;
mod muon;
mod nadam;
mod rmsprop;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::{Adam, Adamw};
pub use lamb::Lamb;
pub use lars::Lars;
pub use lion::Lion;
pub use muon::{Adjust, Muon};
pub use nadam::Nadam;
pub use rmsprop::Rmsprop;
pub use sgd::Sgd;

use super::OptimizerError;

/// What each rule tells of itself.
pub(super) trait Rule: Copy + Default {
    /// Its name in recipes.
    const NAME: &'static str;
    /// Its name in sentences.
    const TITLE: &'static str;
    /// What it is, in a line.
    const SUMMARY: &'static str;
    /// A peak learning rate to start from where none is given.
    const USUAL_LR: f64;

    /// Refuses settings that cannot be followed.
    fn check(&self) -> Result<(), OptimizerError>;

    /// The names of the buffers that it keeps for each parameter, as PyTorch calls them, in the kernels' order.
    fn buffers(&self) -> &'static [&'static str];

    /// The names of the numbers that it keeps for each parameter, as PyTorch calls them.
    fn scalars(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its weight decay.
    fn weight_decay(&mut self) -> &mut f32;
}

fn number(name: &'static str, value: f32, ok: bool, expected: &'static str) -> Result<(), OptimizerError> {
    if ok && value.is_finite() {
        Ok(())
    } else {
        Err(OptimizerError { name, found: value.to_string(), expected })
    }
}

fn from_zero(name: &'static str, value: f32) -> Result<(), OptimizerError> {
    number(name, value, value >= 0.0, "a number from 0")
}

fn above_zero(name: &'static str, value: f32) -> Result<(), OptimizerError> {
    number(name, value, value > 0.0, "a number above 0")
}

fn below_one(name: &'static str, value: f32) -> Result<(), OptimizerError> {
    number(name, value, (0.0..1.0).contains(&value), "a number from 0, below 1")
}

/// Nesterov's momentum needs one, and takes the whole gradient in.
fn check_momentum(momentum: f32, dampening: f32, nesterov: bool) -> Result<(), OptimizerError> {
    below_one("momentum", momentum)?;
    let expected = "a number from 0 to 1";
    number("dampening", dampening, (0.0..=1.0).contains(&dampening), expected)?;
    let refused = |expected| Err(OptimizerError { name: "nesterov", found: nesterov.to_string(), expected });
    if nesterov && momentum == 0.0 {
        return refused("a momentum above 0 with it");
    }
    if nesterov && dampening != 0.0 {
        return refused("a dampening of 0 with it");
    }
    Ok(())
}
