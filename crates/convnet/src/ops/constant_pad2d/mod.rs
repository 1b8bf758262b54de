//! A border of one value.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue};

/// Rows and columns of one value around a map, PyTorch's `nn.ConstantPad2d` (`nn.ZeroPad2d` where it is 0): what a
/// convolution or pooling needs before it whose padding is not the same on opposite sides.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantPad2d {
    /// Columns added on the left.
    pub left: usize,
    /// Columns added on the right.
    pub right: usize,
    /// Rows added above.
    pub top: usize,
    /// Rows added below.
    pub bottom: usize,
    /// What they hold.
    pub value: f32,
}

impl ConstantPad2d {
    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        let Shape::Map { channels, height, width } = input else {
            return Err(ShapeIssue::new(
                format!("a vector of {input} features"),
                "a feature map of channels × height × width",
                "put ConstantPad2d before Flatten",
            ));
        };
        let sum = |sizes: [usize; 3]| sizes.iter().fold(0usize, |sum, &size| sum.saturating_add(size));
        let padded = (sum([self.top, height, self.bottom]), sum([self.left, width, self.right]));
        Ok(Shape::map(channels, padded.0, padded.1))
    }
}
