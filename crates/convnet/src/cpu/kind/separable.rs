//! Layers that are a linear map along each axis, and those that put elements in another order.

use convnet_kernels::{self as kernels, Rearrangement, Taps};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::run::{At, Backward, Forward};
use crate::graph::Shape;
use crate::ops::{Axes, Source};
use crate::plan::{GradientWrite, Mode, Stage};

/// A linear map along each axis, and the way back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Separable {
    map: kernels::Separable,
    /// While training.
    gradient: Option<kernels::Separable>,
}

impl Separable {
    pub(super) fn bind(binder: &Binder<'_>, stage: &Stage, axes: Axes) -> Bound {
        let (height, width) = stage.shapes[0].spatial();
        let sizes = [stage.shapes[0].channels(), height, width];
        let mut axes = axes.into_iter().zip(sizes).map(|(rows, size)| {
            let single =
                |row: Vec<(usize, f64)>| row.into_iter().map(|(i, weight)| (i, weight as f32)).collect();
            Taps::new(size, rows.into_iter().map(single))
        });
        let mut next = || axes.next().unwrap_or_else(|| Taps::identity(1));
        let map = kernels::Separable { channels: next(), rows: next(), columns: next() };
        let gradient = (binder.mode() == Mode::Train).then(|| map.transposed());
        Bound::plain(binder, stage, Kind::Separable(Box::new(Self { map, gradient })), Parameters::default())
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
    pub(super) fn bind(binder: &Binder<'_>, stage: &Stage, source: &Source<'_>) -> Bound {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        let (width, from) = (output.spatial().1, input.spatial().1);
        let order = Rearrangement::new(pixels(input), pixels(output), |pixel, channel| {
            let [channel, row, column] = source([channel, pixel / width, pixel % width]);
            (row * from + column, channel)
        });
        let gradient = (binder.mode() == Mode::Train).then(|| order.inverse());
        Bound::plain(
            binder,
            stage,
            Kind::Rearrange(Box::new(Self { order, gradient })),
            Parameters::default(),
        )
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
