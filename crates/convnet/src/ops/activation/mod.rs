//! ReLU, LeakyReLU, Hardtanh, Sigmoid, Tanh and Identity.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue};

/// x where it is positive, `slope`·x elsewhere, PyTorch's `nn.LeakyReLU` (Maas, Hannun and Ng 2013).
#[derive(Clone, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The factor below 0, itself above 0.
    pub slope: f32,
}

impl LeakyRelu {
    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.slope > 0.0 && self.slope.is_finite() {
            return Ok(input);
        }
        Err(ShapeIssue::new(format!("a slope of {}", self.slope), "one above 0", "use ReLU for a slope of 0"))
    }
}

/// x within `min` and `max`, the nearer of them elsewhere, PyTorch's `nn.Hardtanh`; from 0 to 6 it is `nn.ReLU6`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardtanh {
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
}

impl Hardtanh {
    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.min < self.max {
            return Ok(input);
        }
        Err(ShapeIssue::new(
            format!("bounds of {} and {}", self.min, self.max),
            "a least value below the greatest",
            "give the smaller bound first",
        ))
    }
}
