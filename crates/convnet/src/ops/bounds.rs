//! What sizes a layer may have: far beyond any machine, and small enough that no figure of a network overflows.

use super::ParamSpec;
use crate::shape::{Shape, ShapeIssue};

/// The most elements of all values and parameters of a network together.
pub(crate) const MOST_ELEMENTS: usize = 1 << 48;
/// The largest height or width of a map, and the largest kernel, stride, padding or dilation: what PyTorch's kernels
/// and ONNX Runtime's keep in 32 bits.
pub(crate) const LARGEST_SIDE: usize = i32::MAX as usize;

/// Checks the shape of an image or of a layer's output.
pub(crate) fn check_shape(what: &str, shape: Shape) -> Result<(), ShapeIssue> {
    let (height, width) = shape.spatial();
    if shape.elements() == 0 {
        return Err(ShapeIssue::new(
            format!("{what} of {shape}, which has no element"),
            "each size at least 1",
            "give every dimension a size",
        ));
    }
    if shape.elements() > MOST_ELEMENTS || height.max(width) > LARGEST_SIDE {
        return Err(ShapeIssue::new(
            format!("{what} of {shape}"),
            format!("at most {MOST_ELEMENTS} elements, and a height and a width of at most {LARGEST_SIDE}"),
            "make it smaller",
        ));
    }
    Ok(())
}

/// Checks how many elements the parameters of a layer have.
pub(super) fn check_parameters(specs: &[ParamSpec]) -> Result<(), ShapeIssue> {
    let Some(spec) = specs.iter().find(|spec| spec.elements() > MOST_ELEMENTS) else { return Ok(()) };
    Err(ShapeIssue::new(
        format!("a {} of {:?}", spec.name, spec.shape),
        format!("at most {MOST_ELEMENTS} elements"),
        "give the layer fewer channels or a smaller kernel",
    ))
}
