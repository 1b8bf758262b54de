//! Average pooling to a fixed output size.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue};

/// Mean over windows that divide the input evenly, PyTorch's `nn.AdaptiveAvgPool2d`: output row i averages
/// input rows ⌊i·H/h⌋ to ⌈(i + 1)·H/h⌉.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveAvgPool2d {
    /// Output rows.
    pub height: usize,
    /// Output columns.
    pub width: usize,
}

impl AdaptiveAvgPool2d {
    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.height == 0 || self.width == 0 {
            return Err(ShapeIssue::new(
                format!("an output of {}×{}", self.height, self.width),
                "at least 1×1",
                "give the output a size",
            ));
        }
        match input {
            Shape::Map { channels, .. } => Ok(Shape::map(channels, self.height, self.width)),
            Shape::Vector { .. } => Err(ShapeIssue::new(
                format!("a vector of {input} features"),
                "a feature map of channels × height × width",
                "put AdaptiveAvgPool2d before Flatten",
            )),
        }
    }
}

/// The input rows (or columns) that output `index` of `out` averages over an input of `size`.
pub(crate) fn span(index: usize, out: usize, size: usize) -> std::ops::Range<usize> {
    index * size / out..((index + 1) * size).div_ceil(out)
}
