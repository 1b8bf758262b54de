//! Receptive fields: which part of the input one output position can see.
//!
//! Along each axis a field has a size, the stride between the fields of neighbouring positions, and the
//! place of the first position's field, negative where it reaches into padding (Araujo, Norris and Sim 2019,
//! "Computing Receptive Fields of Convolutional Neural Networks", Distill). Fields are not clipped to the
//! image, so that a deep network's is larger than its input.

use crate::graph::{Graph, Node, Shape};
use crate::ops::{Reach, Window};

/// The receptive field along one axis, in input pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisField {
    /// Extent of the field.
    pub size: u64,
    /// Distance between the fields of neighbouring output positions (the "jump"); 0 after Linear, fractional
    /// after an adaptive pool that does not divide its input evenly.
    pub stride: f64,
    /// First pixel of the first position's field; negative in the padding.
    pub start: f64,
    /// Whether one output sees all positions of a layer before it, as after Linear or a global pool.
    pub whole: bool,
    positions: usize,
}

impl AxisField {
    fn pixel(positions: usize) -> Self {
        Self { size: 1, stride: 1.0, start: 0.0, whole: false, positions }
    }

    /// The centre of the first position's field, in pixels.
    pub fn center(self) -> f64 {
        self.start + (self.size as f64 - 1.0) / 2.0
    }

    fn window(self, kernel: usize, stride: usize, padding: usize, dilation: usize, out: usize) -> Self {
        let reach = (kernel as f64 - 1.0) * dilation as f64 * self.stride;
        Self {
            size: self.size.saturating_add(reach.ceil() as u64),
            stride: self.stride * stride as f64,
            start: self.start - padding as f64 * self.stride,
            positions: out,
            ..self
        }
    }

    /// What one output sees that reads every position.
    fn spread(self) -> Self {
        let reach = (self.positions as f64 - 1.0) * self.stride;
        Self {
            size: self.size.saturating_add(reach.ceil() as u64),
            stride: 0.0,
            whole: true,
            positions: 1,
            ..self
        }
    }

    fn adaptive(self, out: usize) -> Self {
        if out == 1 {
            return self.spread();
        }
        // Window i begins r past a whole number of windows, r a multiple of the greatest common divisor below `out`.
        let longest = (self.positions + out - common_divisor(self.positions, out)).div_ceil(out);
        let pooled = self.window(longest, 1, 0, 1, out);
        Self { stride: self.stride * self.positions as f64 / out as f64, ..pooled }
    }

    /// The union of two branches' fields: its largest extent over the output positions, which is at one of
    /// the two ends since extents change linearly between them.
    fn union(self, other: Self) -> Self {
        let extent = |position: f64| {
            let (a, b) = (self.start + position * self.stride, other.start + position * other.stride);
            (a + self.size as f64).max(b + other.size as f64) - a.min(b)
        };
        let last = self.positions.saturating_sub(1) as f64;
        Self {
            size: extent(0.0).max(extent(last)).ceil() as u64,
            stride: self.stride.max(other.stride),
            start: self.start.min(other.start),
            whole: self.whole || other.whole,
            positions: self.positions,
        }
    }
}

/// The receptive field of one node's outputs.
///
/// Where branches meet (Add, Concat) it is the union of the branches' fields: from the first pixel that any
/// of them sees to the last one. Linear sees every position of the map that was flattened; an adaptive pool
/// sees the longest of its windows. BatchNorm2d is taken as in inference, where it sees one position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceptiveField {
    /// Along the rows.
    pub height: AxisField,
    /// Along the columns.
    pub width: AxisField,
}

impl ReceptiveField {
    /// Whether one output sees every position of the map before it, on both axes.
    pub fn whole(self) -> bool {
        self.height.whole && self.width.whole
    }

    fn window(self, window: Window, out: Shape) -> Self {
        let Window { kernel, stride, padding, dilation, .. } = window;
        let (height, width) = out.spatial();
        Self {
            height: self.height.window(kernel.h, stride.h, padding.h, dilation.h, height),
            width: self.width.window(kernel.w, stride.w, padding.w, dilation.w, width),
        }
    }

    fn union(self, other: Self) -> Self {
        Self { height: self.height.union(other.height), width: self.width.union(other.width) }
    }
}

/// The greatest common divisor of two numbers, one of them above 0.
fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The receptive field of every node, in the order of [`Graph::nodes`].
pub fn receptive_fields(graph: &Graph) -> Vec<ReceptiveField> {
    let mut fields: Vec<ReceptiveField> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let inputs: Vec<ReceptiveField> = node.inputs.iter().map(|i| fields[i.index()]).collect();
        fields.push(field(graph, node, &inputs));
    }
    fields
}

fn field(graph: &Graph, node: &Node, inputs: &[ReceptiveField]) -> ReceptiveField {
    let Some(&first) = inputs.first() else {
        let (height, width) = graph.input_shape().spatial();
        return ReceptiveField { height: AxisField::pixel(height), width: AxisField::pixel(width) };
    };
    let all = inputs[1..].iter().fold(first, |all, &branch| all.union(branch));
    match node.op.reach() {
        Reach::Position => all,
        Reach::Window(window) => all.window(window, node.shape),
        Reach::Border { top, left } => {
            let (height, width) = node.shape.spatial();
            ReceptiveField {
                height: all.height.window(1, 1, top, 1, height),
                width: all.width.window(1, 1, left, 1, width),
            }
        }
        Reach::Adaptive { height, width } => {
            ReceptiveField { height: all.height.adaptive(height), width: all.width.adaptive(width) }
        }
        Reach::All => ReceptiveField { height: all.height.spread(), width: all.width.spread() },
    }
}

#[cfg(test)]
mod tests;
