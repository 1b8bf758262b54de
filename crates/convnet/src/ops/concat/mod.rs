//! Concatenation along the channels.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use crate::shape::{Shape, ShapeIssue, join};

pub(super) fn infer(inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
    let Some(&first) = inputs.first() else {
        return Err(ShapeIssue::new("no input", "at least one", "give concat its branches"));
    };
    let channels = inputs.iter().map(|s| s.channels()).sum();
    match first {
        Shape::Vector { .. } if inputs.iter().all(|s| matches!(s, Shape::Vector { .. })) => {
            Ok(Shape::vector(channels))
        }
        Shape::Map { height, width, .. }
            if inputs.iter().all(|s| matches!(s, Shape::Map { .. }) && s.spatial() == (height, width)) =>
        {
            Ok(Shape::map(channels, height, width))
        }
        _ => Err(ShapeIssue::new(
            format!("inputs of {}", join(inputs)),
            "branches of one height and width",
            "give the branches the same stride, and padding that keeps their size ((kernel − 1) / 2)",
        )),
    }
}
