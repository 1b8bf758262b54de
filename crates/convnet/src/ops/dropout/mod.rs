//! Dropout.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue};

/// The probability of a dropout layer; inference passes its input through.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of zeroing, in [0, 1).
    pub p: f32,
}

impl Dropout {
    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if (0.0..1.0).contains(&self.p) {
            return Ok(input);
        }
        Err(ShapeIssue::new(
            format!("p = {}", self.p),
            "a probability from 0 up to, not including, 1",
            "choose p in [0, 1)",
        ))
    }
}
