//! Element-wise sum.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue, join};

pub(super) fn infer(inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
    match inputs {
        &[a, b] if a == b => Ok(a),
        _ => Err(ShapeIssue::new(
            format!("inputs of {}", join(inputs)),
            "two inputs of one shape",
            "project the shortcut with a 1×1 Conv2d of the same stride and channels",
        )),
    }
}
