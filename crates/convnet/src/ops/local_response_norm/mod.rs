//! Local response normalization.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue};

/// Local response normalization across channels, PyTorch's `nn.LocalResponseNorm`:
/// y_c = x_c / (k + α/size · Σ x_j²)^β over the `size` channels around c
/// (Krizhevsky et al. 2012, section 3.3, whose α is not divided by `size`).
#[derive(Clone, Debug, PartialEq)]
pub struct LocalResponseNorm {
    /// Channels in the window: from c − size/2 to c + (size − 1)/2.
    pub size: usize,
    /// Multiplier of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Additive constant.
    pub k: f32,
}

impl LocalResponseNorm {
    /// PyTorch's defaults: α = 1e−4, β = 0.75, k = 1.
    pub fn new(size: usize) -> Self {
        Self { size, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }

    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.size == 0 {
            return Err(ShapeIssue::new("a window of 0 channels", "at least 1", "set size to 1 or more"));
        }
        match input {
            Shape::Map { .. } => Ok(input),
            Shape::Vector { .. } => Err(ShapeIssue::new(
                format!("a vector of {input} features"),
                "a feature map of channels × height × width",
                "put LocalResponseNorm before Flatten",
            )),
        }
    }
}
