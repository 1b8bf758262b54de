//! Layers that are a linear map along each axis, and those that put elements in another order.

use convnet_kernels::{self as kernels, Rearrangement, Taps};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::run::{At, Backward, Forward};
use crate::graph::Shape;
use crate::ops::{Axes, Source};
use crate::plan::{
    CompileError, GradientWrite, Mode, Stage, axis_tables, element_order, pixels_and_channels,
};

/// A linear map along each axis, and the way back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Separable {
    map: kernels::Separable,
    /// While training.
    gradient: Option<kernels::Separable>,
}

impl Separable {
    /// Binds a layer that is the map that `axes` gives for an input.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        axes: impl Fn(Shape) -> Axes,
    ) -> Result<Bound, CompileError> {
        let node = binder.node(stage.node);
        let tables = axis_tables(node, [stage.shapes[0], node.shape], axes)?;
        let [channels, rows, columns] = tables.map(|(inputs, rows)| Taps::new(inputs, rows));
        let map = kernels::Separable { channels, rows, columns };
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

impl Rearrange {
    /// Binds a layer whose elements come from where `source` tells.
    pub(super) fn bind(
        binder: &Binder<'_>,
        stage: &Stage,
        source: &Source<'_>,
    ) -> Result<Bound, CompileError> {
        let node = binder.node(stage.node);
        let shapes = [stage.shapes[0], node.shape];
        let source = element_order(node, shapes, source)?;
        let [inputs, outputs] = shapes.map(pixels_and_channels);
        let order = Rearrangement::new(inputs, outputs, source);
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
