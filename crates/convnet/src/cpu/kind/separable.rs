//! Layers that are a linear map along each axis, and those that put elements in another order.

use convnet_kernels::{self as kernels, Rearrangement, Taps};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::run::{At, Backward, Forward};
use crate::graph::Shape;
use crate::ops::{Axes, Source};
use crate::plan::{CompileError, GradientWrite, Mode, Stage};

/// A linear map along each axis, and the way back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Separable {
    map: kernels::Separable,
    /// While training.
    gradient: Option<kernels::Separable>,
}

/// The longest axis that a map has taps for, and the most elements of an image that an order is written down for: their
/// tables take some bytes for each.
const LONGEST_AXIS: usize = 1 << 22;
const MOST_ELEMENTS: usize = 1 << 24;

impl Separable {
    /// Binds a layer that is the map that `axes` gives for an input.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        axes: impl Fn(Shape) -> Axes,
    ) -> Result<Bound, CompileError> {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        let (height, width) = input.spatial();
        let sizes = [input.channels(), height, width];
        let (rows, columns) = output.spatial();
        if sizes.into_iter().chain([output.channels(), rows, columns]).any(|size| size > LONGEST_AXIS) {
            let reason = "the engine's tables go up to 4,194,304 elements along an axis; use a smaller map";
            return Err(CompileError::unsupported(binder.node(stage.node), reason));
        }
        let mut axes = axes(input).into_iter().zip(sizes).map(|(rows, size)| {
            let single =
                |row: Vec<(usize, f64)>| row.into_iter().map(|(i, weight)| (i, weight as f32)).collect();
            Taps::new(size, rows.into_iter().map(single))
        });
        let mut next = || axes.next().unwrap_or_else(|| Taps::identity(1));
        let map = kernels::Separable { channels: next(), rows: next(), columns: next() };
        let gradient = (binder.mode() == Mode::Train).then(|| map.transposed());
        let kind = Kind::Separable(Box::new(Self { map, gradient }));
        Ok(Bound::plain(binder, stage, kind, Parameters::default()))
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        kernels::separable(run.pool, run.isa, run.arena, &self.map, views, false);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let Some(gradient) = &self.gradient else { return };
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        kernels::separable(run.pool, run.isa, run.arena, gradient, views, write.accumulate);
    }
}

/// Elements in another order, and the way back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Rearrange {
    order: Rearrangement,
    /// While training.
    gradient: Option<Rearrangement>,
}

/// Pixels and channels of an image.
fn pixels(shape: Shape) -> [usize; 2] {
    let (height, width) = shape.spatial();
    [height * width, shape.channels()]
}

impl Rearrange {
    /// Binds a layer whose elements come from where `source` tells.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        source: &Source<'_>,
    ) -> Result<Bound, CompileError> {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        if input.elements() > MOST_ELEMENTS {
            let reason = "the engine's tables go up to 16,777,216 elements of an image; use a smaller map";
            return Err(CompileError::unsupported(binder.node(stage.node), reason));
        }
        let (width, from) = (output.spatial().1, input.spatial().1);
        let order = Rearrangement::new(pixels(input), pixels(output), |pixel, channel| {
            let [channel, row, column] = source([channel, pixel / width, pixel % width]);
            (row * from + column, channel)
        });
        let gradient = (binder.mode() == Mode::Train).then(|| order.inverse());
        let kind = Kind::Rearrange(Box::new(Self { order, gradient }));
        Ok(Bound::plain(binder, stage, kind, Parameters::default()))
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        kernels::rearrange(run.pool, run.arena, &self.order, views, false);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, write: &GradientWrite) {
        let Some(gradient) = &self.gradient else { return };
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        kernels::rearrange(run.pool, run.arena, gradient, views, write.accumulate);
    }
}
