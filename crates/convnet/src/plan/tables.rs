//! Tables of the layers that are a linear map along each axis or put elements in another order, within bounds.

use super::error::CompileError;
use crate::graph::{Node, Shape};
use crate::ops::{Axes, Source, sizes};

/// The longest axis that a map has a table for, and the most elements of an image that an order is written down for: their
/// tables take some bytes for each.
const LONGEST_AXIS: usize = 1 << 22;
const MOST_ELEMENTS: usize = 1 << 24;

/// How many inputs an axis has, and what each of its outputs is made of.
pub(crate) type AxisTable = (usize, Vec<Vec<(usize, f32)>>);

/// Pixels and channels.
pub(crate) fn pixels_and_channels(shape: Shape) -> [usize; 2] {
    let [channels, height, width] = sizes(shape);
    [height * width, channels]
}

/// The map that `axes` gives for an input, along channels, rows and columns.
///
/// # Errors
/// If an axis is too long for a table.
pub(crate) fn axis_tables(
    node: &Node,
    [input, output]: [Shape; 2],
    axes: impl Fn(Shape) -> Axes,
) -> Result<[AxisTable; 3], CompileError> {
    if [input, output].into_iter().flat_map(sizes).any(|size| size > LONGEST_AXIS) {
        let reason = "the engine's tables go up to 4,194,304 elements along an axis; use a smaller map";
        return Err(CompileError::unsupported(node, reason));
    }
    let mut inputs = sizes(input).into_iter();
    let single = |row: Vec<(usize, f64)>| row.into_iter().map(|(i, weight)| (i, weight as f32)).collect();
    Ok(axes(input).map(|rows| (inputs.next().unwrap_or(1), rows.into_iter().map(single).collect())))
}

/// Where each pixel and channel of an output comes from, as `source` tells.
///
/// # Errors
/// If an image has too many elements for a table.
pub(crate) fn element_order<'a>(
    node: &Node,
    [input, output]: [Shape; 2],
    source: &'a Source<'a>,
) -> Result<impl Fn(usize, usize) -> (usize, usize) + 'a, CompileError> {
    if input.elements() > MOST_ELEMENTS {
        let reason = "the engine's tables go up to 16,777,216 elements of an image; use a smaller map";
        return Err(CompileError::unsupported(node, reason));
    }
    let (width, from) = (output.spatial().1, input.spatial().1);
    Ok(move |pixel: usize, channel: usize| {
        let [channel, row, column] = source([channel, pixel / width, pixel % width]);
        (row * from + column, channel)
    })
}
